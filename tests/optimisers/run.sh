#!/bin/sh
# run.sh: optimisers and schedules against torch.optim. Needs BUILD (where librnnc.a is) and CC; skipped where python3
# has no torch or no numpy.
. "$(dirname "$0")/../suite.sh"
helper "$here/steps.c"
counted_by compare.py "torch numpy" "$work/steps"
summary
