#!/bin/sh
# run.sh [--compilers]: the cells of specs/cells, each in a small model; cells.txt has a call of each, and of each of its
# options. Every model is checked without a message and its gradients are held against differences; then its C, by
# libtcc, is held against the interpreter of graphs, and against its meaning: chunks, single steps, padding, shards
# (agree.c); with --compilers also the C of gcc and clang, which takes minutes. reference.py holds cells against their
# papers. A cell that cells.txt does not call is a failure, and so is one that docs/cells.md does not describe.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 3
agree=$build/tests/agree_models

grep -v '^#' tests/cells/cells.txt >"$work/list"
while IFS='|' read -r name call; do
    name=$(echo $name)
    case $call in *'(w,'*) input='w[t] : token(4)' ;; *) input='x[t] : real(3)' ;; esac
    cat >"$work/$name.rnn" <<END
model $name {
    input  $input
    target y[t] : real(1)
    h =$call
    o = dense(h, 1)
    output o
    loss mean_square(o, y)
}
END
done <"$work/list"

for spec in specs/cells/*.rnn; do
    cell=$(basename "$spec" .rnn)
    if grep -q "[| (]$cell(" "$work/list"; then pass; else fail "tests/cells/cells.txt does not call $cell"; fi
    if grep -q "^| \`$cell(" docs/cells.md; then pass; else fail "docs/cells.md does not describe $cell"; fi
done

for spec in "$work"/*.rnn; do
    name=$(basename "$spec" .rnn)
    if ! "$rnnc" check "$spec" >"$work/text" 2>&1 || [ -s "$work/text" ]; then fail "$name: check:"; cat "$work/text"
    elif "$rnnc" gradcheck --steps 6 --batch 2 "$spec" >"$work/text" 2>&1; then pass
    else fail "$name: gradcheck:"; cat "$work/text"; fi
done

# No product is left in a loop over time where only elementwise work recurs; in a GRU there are some. (The loop of `step` has
# one turn.)
products() { "$rnnc" explain --stage program "$work/$1.rnn" |
    awk '/^program/ { step = $2 == "step" } /^    [a-z]/ { scan = $1 == "scan" && !step }
         scan && /^        contract/ { n++ } END { print n + 0 }'; }
for name in sru sru_same qrnn qrnn_ifo mingru minlstm indrnn linear_attention mlstm; do
    count=$(products $name)
    if [ "$count" -eq 0 ]; then pass; else fail "$name: $count products inside a loop over time"; fi
done
count=$(products gru)
if [ "$count" -gt 0 ]; then pass; else fail "gru: no product is found inside a loop over time"; fi

# A mask over t is one for all steps, a mask of weights one for all sequences; others are a mask a step.
masks() { "$rnnc" explain "$work/$1.rnn" | grep -o '= uniform[^<]*<'; }
holds_mask() { # NAME MASK COUNT
    count=$(masks "$1" | grep -c -F "$2")
    if [ "$count" -eq "$3" ]; then pass; else fail "$1: $count masks '$2' instead of $3"; fi
}
holds_mask lstm_dropout "= uniform <" 6
holds_mask lstm_dropout "= uniform[t] <" 1
holds_mask lstm_dropout_sequence "= uniform <" 3
holds_mask lstm_dropout_step "= uniform[t] <" 3
holds_mask tcn_block "= uniform <" 2

# The equations a second time, in Python.
mkdir "$work/reference"
counted_by reference.py numpy "$rnnc" "$work/reference"

compilers=-c
[ "$1" = --compilers ] && compilers=
if [ -x "$agree" ]; then
    # shellcheck disable=SC2086
    "$agree" $compilers "$work"/*.rnn >"$work/text"
    grep -v '^agree: [0-9]* passed' "$work/text"
    counts=$(sed -n 's/^agree: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$work/text")
    [ -n "$counts" ] || { counts="0 1"; echo "cells: $agree ended early"; }
    passed=$((passed + ${counts% *})) failed=$((failed + ${counts#* }))
else fail "$agree is not built"; fi
summary
