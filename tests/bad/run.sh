#!/bin/sh
# run.sh: every message that rnnc can print, with its exact text.
#
# NAME.rnn is checked by `rnnc check NAME.rnn`; what it prints to stderr must be NAME.err, and nothing may go to stdout.
# A first line `# rnnc check -D H=0` is the command instead.
# Each slug of compiler/base/errors.def must have an entry in docs/errors.md and stand in at least one .err file; what
# docs/errors.md describes must exist. `run.sh --bless NAME` (make bless NAME=x) renews one .err.
. "$(dirname "$0")/../suite.sh"
cd "$here" || exit 3

# The command that a spec asks for; its words are split.
command_of() { sed -n '1s/^# rnnc //p' "$1"; }

if [ "$1" = --bless ]; then
    [ -f "$2.rnn" ] || { echo "there is no tests/bad/$2.rnn" >&2; exit 2; }
    command=$(command_of "$2.rnn")
    "$rnnc" ${command:-check} "$2.rnn" 2>"$2.err"
    cat "$2.err"
    exit 0
fi

for spec in *.rnn; do
    name=${spec%.rnn}
    command=$(command_of "$spec")
    "$rnnc" ${command:-check} "$spec" >"$work/stdout" 2>"$work/stderr"
    status=$?
    wanted=0
    grep -q '^[^ ]*: error: \|^rnnc: error: ' "$name.err" 2>/dev/null && wanted=1
    if [ ! -f "$name.err" ]; then fail "$name.err is missing; make bless NAME=$name"
    elif [ $status -ne $wanted ]; then fail "$name: exit status $status, expected $wanted"; cat "$work/stderr"
    elif [ -s "$work/stdout" ]; then fail "$name: wrote to stdout"
    elif ! diff -u "$name.err" "$work/stderr"; then fail "$name: the message differs; make bless NAME=$name if it is right"
    else pass; fi
done

slugs=$(sed -n 's/^\(ERROR\|WARNING\)([A-Z0-9_]*, "\([a-z0-9-]*\)".*/\2/p' ../../compiler/base/errors.def)
[ -n "$slugs" ] || fail "errors.def: no message found"
for slug in $slugs; do
    if ! grep -q "^### $slug\$" ../../docs/errors.md; then fail "$slug has no entry in docs/errors.md"
    elif ! grep -qF "[$slug]" ./*.err; then fail "$slug: no test in tests/bad prints it"
    else pass; fi
done
for entry in $(sed -n 's/^### //p' ../../docs/errors.md); do
    if printf '%s\n' $slugs | grep -qx -e "$entry"; then pass
    else fail "docs/errors.md describes $entry, which is not in errors.def"; fi
done

# Cells are specs: no message calls one by its name. (exchange/layers.def holds them against the layers of other tools.)
cells=$(for spec in ../../specs/cells/*.rnn; do basename "$spec" .rnn; done | paste -sd'|')
if grep -rnE "\"[^\"]*\\<($cells)\(" ../../compiler ../../runtime --include='*.[chly]' --include='*.def'; then
    fail "a text in C names a cell"
else pass; fi
summary
