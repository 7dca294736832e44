#!/bin/sh
# run.sh [TEXT]: the curve of `rnnc train` against PyTorch's, update by update, from the same weights. Without a text, a
# small one of a second; with one, 300 updates of layers of 128.
#
# Needs RNNC (the program); skipped where python3 has no torch or no numpy.
here=$(cd "$(dirname "$0")" && pwd) || exit 3
root=$here/../..
python=${PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import torch, numpy' 2>/dev/null; then
    echo "train_torch: skipped, $python has no torch or no numpy"
    echo "train_torch: 0 passed, 0 failed"
    exit 0
fi
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 "$python" -B "$here/curve.py" "${RNNC:-$root/build/rnnc}" "$root" "$work" "$@"
