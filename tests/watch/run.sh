#!/bin/sh
# run.sh: rnnc watch: specs that are edited while they are trained, and keys. The editor is watch.py.
#
# Needs RNNC (the program) and python3 (its standard library).
. "$(dirname "$0")/../suite.sh"
RNNC_CACHE=off
export RNNC_CACHE
counted_by watch.py sys "$rnnc" "$work"
summary
