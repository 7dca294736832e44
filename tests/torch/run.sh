#!/bin/sh
# run.sh: `rnnc run` against PyTorch. Needs RNNC (the program); skipped where python3 has no torch or no numpy.
here=$(cd "$(dirname "$0")" && pwd) || exit 3
root=$here/../..
python=${PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import torch, numpy' 2>/dev/null; then
    echo "torch: skipped, $python has no torch or no numpy"
    echo "torch: 0 passed, 0 failed"
    exit 0
fi
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 "$python" -B "$here/compare.py" "${RNNC:-$root/build/rnnc}" "$root" "$work"
