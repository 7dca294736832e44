#!/bin/sh
# run.sh [TEXT]: the curve of `rnnc train` against PyTorch's, update by update, from the same weights. Without a text, a
# small one of a second; with one, 300 updates of layers of 128.
#
# Needs RNNC (the program); skipped where python3 has no torch or no numpy.
. "$(dirname "$0")/../suite.sh"
counted_by curve.py "torch numpy" "$rnnc" "$root" "$work" "$@"
summary
