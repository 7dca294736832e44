#!/bin/sh
# run.sh: what the documentation says is true.
#
# - Each block ```rnn of docs/ and README.md passes `rnnc check` without a word; each block ```rnn-error fails, with the
#   message that its first line `# error: MESSAGE` says.
# - docs/language.md names every function, every statement, every setting of train and every reserved word.
# - Every command in the ```sh blocks and `$ ` lines of README.md exists: make targets, commands and options of rnnc, paths.
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 3
cd "$root" || exit 3
: "${RNNC:=$root/build/rnnc}"
out=$(mktemp -d) || exit 3
trap 'rm -rf "$out"' EXIT
passed=0 failed=0
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "docs: $*"; }

# ---- blocks ----------------------------------------------------------------------------------------------------------

for page in README.md docs/*.md; do
    awk -v out="$out/$(basename "$page" .md)" '
        /^```rnn(-error)?$/ { kind = $0 == "```rnn" ? "good" : "bad"; file = out "." NR "." kind ".rnn"; next }
        /^```/ { file = "" }
        file { print > file }' "$page"
done
ls "$out"/language.*.good.rnn >/dev/null 2>&1 || fail "docs/language.md has no block"
for spec in "$out"/*.good.rnn; do
    [ -e "$spec" ] || continue
    if "$RNNC" check "$spec" >"$out/said" 2>&1 && [ ! -s "$out/said" ]; then pass
    else fail "the block $(basename "$spec" .good.rnn) (page.line) is not accepted:"; cat "$out/said"; fi
done
for spec in "$out"/*.bad.rnn; do
    [ -e "$spec" ] || continue
    wanted=$(sed -n '1s/^# error: //p' "$spec")
    if [ -z "$wanted" ]; then fail "$(basename "$spec"): no line '# error: MESSAGE'"
    elif "$RNNC" check "$spec" >"$out/said" 2>&1; then fail "$(basename "$spec"): accepted, expected: $wanted"
    elif grep -qF "error: $wanted" "$out/said"; then pass
    else fail "$(basename "$spec"): expected: $wanted"; cat "$out/said"; fi
done

# ---- completeness ------------------------------------------------------------------------------------------------------

page=docs/language.md
functions=$(sed -n 's/^FUNCTION([a-z_]*, *"\([a-z_]*\)".*/\1/p' compiler/model/functions.def | grep -vx 'and\|or\|not\|if')
settings=$(sed -n 's/^[A-Z]*(\([A-Za-z_0-9]*\).*/\1/p' compiler/model/train.def)
statements=$(sed -n 's/^    { "[a-z]*", T_[A-Z]* }.*/&/p' compiler/syntax/filter.c | grep -o '"[a-z]*"' | tr -d '"')
words=$(sed -n 's/^"\([a-z]*\)".*return T_.*/\1/p' compiler/syntax/scan.l)
cells=$(ls specs/cells | sed 's/\.rnn$//')
[ -n "$functions" ] && [ -n "$settings" ] && [ -n "$statements" ] && [ -n "$words" ] || fail "a table was not found"
for f in $functions; do
    if grep -q "^|.*\`$f(" $page; then pass; else fail "$page does not describe the function $f"; fi
done
for s in $settings; do
    if grep -q "^|.*\`$s\`" $page; then pass; else fail "$page does not describe the setting $s"; fi
done
for s in $statements; do
    if grep -q "\"$s\"" $page; then pass; else fail "the grammar of $page lacks the statement $s"; fi
done
for w in $words; do
    if grep -q "^and have.*[\` ]$w[\` ]\|\"$w\"" $page; then pass; else fail "$page lacks the word $w"; fi
done
for c in $cells; do
    if grep -q "\`$c\`" $page; then pass; else fail "$page does not name the standard cell $c"; fi
done

# ---- commands of the README --------------------------------------------------------------------------------------------

awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside { print } /^ *\$ / { sub(/^ *\$ /, ""); print }' README.md \
    | sed 's/#.*//' | tr '|&' '\n\n' | grep . >"$out/commands"
[ -s "$out/commands" ] || fail "README.md shows no command"
while read -r line; do
    set -f; set -- $line; set +f
    # shellcheck disable=SC2034
    while case $1 in *=*) true ;; *) false ;; esac; do shift; done
    case $1 in
    make)
        shift
        for target in "$@"; do
            case $target in *=* | -*) continue ;; esac
            if grep -q "^$target:\|^\.PHONY:.* $target\b" Makefile; then pass; else fail "README.md: make $target: no such target"; fi
        done ;;
    rnnc | build/rnnc)
        if ! "$RNNC" help "$2" >"$out/help" 2>&1; then fail "README.md: $line: no such command"; continue; fi
        pass
        for word in "$@"; do
            case $word in
            --*) grep -q -e " $word\b" "$out/help" && pass || fail "README.md: $line: no option $word" ;;
            -[a-zA-Z]) grep -q -e "  $word\b" "$out/help" && pass || fail "README.md: $line: no option $word" ;;
            specs/*) [ -e "$word" ] && pass || fail "README.md: $line: no file $word" ;;
            esac
        done ;;
    *) command -v "$1" >/dev/null && pass || fail "README.md: $line: no command $1" ;;
    esac
done <"$out/commands"

# The table of commands is that of rnnc, no more and no less.
"$RNNC" help | sed -n 's/^  rnnc \([a-z]*\) .*/\1/p' | sort >"$out/real"
sed -n 's/^| `rnnc \([a-z]*\).*/\1/p' README.md | sort >"$out/listed"
if diff "$out/real" "$out/listed" >"$out/said"; then pass
else fail "README.md: the table of commands differs from rnnc help (<)"; cat "$out/said"; fi

echo "docs: $passed passed, $failed failed"
[ $failed -eq 0 ]
