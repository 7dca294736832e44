#!/bin/sh
# run.sh: optimisers and schedules against torch.optim. Needs BUILD (where librnnc.a is) and CC; skipped where python3
# has no torch or no numpy.
here=$(cd "$(dirname "$0")" && pwd) || exit 3
root=$here/../..
python=${PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import torch, numpy' 2>/dev/null; then
    echo "optimisers: skipped, $python has no torch or no numpy"
    echo "optimisers: 0 passed, 0 failed"
    exit 0
fi
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
# SANITIZE is a list of flags.
if ! ${CC:-cc} -std=c11 -O1 -Wall -Wextra $SANITIZE -I"$root/runtime" -o "$work/steps" "$here/steps.c" \
    "${BUILD:-$root/build}/librnnc.a" -lm; then
    echo "optimisers: steps.c does not compile"
    echo "optimisers: 0 passed, 1 failed"
    exit 1
fi
OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 "$python" -B "$here/compare.py" "$work/steps"
