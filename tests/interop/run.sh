#!/bin/sh
# run.sh: files exchanged with numpy. Needs BUILD (the folder of librnnc.a) and CC; skipped where python3 has no numpy.
. "$(dirname "$0")/../suite.sh"
helper "$here/convert.c"
counted_by numpy_files.py numpy "$work/convert" "$work"
summary
