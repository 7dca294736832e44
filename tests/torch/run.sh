#!/bin/sh
# run.sh: `rnnc run` against PyTorch. Needs RNNC (the program); skipped where python3 has no torch or no numpy.
. "$(dirname "$0")/../suite.sh"
counted_by compare.py "torch numpy" "$rnnc" "$root" "$work"
summary
