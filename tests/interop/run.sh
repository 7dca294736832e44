#!/bin/sh
# Files exchanged with numpy. Needs BUILD (the folder of librnnc.a); skipped where python3 has no numpy.
here=$(dirname "$0")
root=$here/../..
build=${BUILD:-$root/build}
python=${PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import numpy' 2>/dev/null; then
    echo "interop: 1 skipped, $python has no numpy"
    echo "interop: 0 passed, 0 failed"
    exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
${CC:-cc} -std=c11 ${SANITIZE:-} -I"$root/runtime" $(pkg-config --cflags jansson libzip) "$here/convert.c" \
    "$build/librnnc.a" $(pkg-config --libs jansson libzip) -lm -o "$work/convert" ||
    { echo "interop: 0 passed, 1 failed"; exit 1; }
"$python" "$here/numpy_files.py" "$work/convert" "$work"
