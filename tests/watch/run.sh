#!/bin/sh
# run.sh: rnnc watch: specs that are edited while they are trained, and keys. The editor is watch.py.
#
# Needs RNNC (the program) and python3 (its standard library).
here=$(cd "$(dirname "$0")" && pwd) || exit 3
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
if ! command -v python3 >"$work/which"; then
    echo "watch: skipped, there is no python3"
    echo "watch: 0 passed, 0 failed"
    exit 0
fi
RNNC_CACHE=off python3 "$here/watch.py" "${RNNC:-$here/../../build/rnnc}" "$work"
