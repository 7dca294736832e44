#!/bin/sh
# run.sh: what the documentation says is true.
#
# - Each block ```rnn of docs/ and README.md passes `rnnc check` without a word; each block ```rnn-error fails, with the
#   message that its first line `# error: MESSAGE` says.
# - The gradients of each block of docs/course.md are right; those behind a `cut` are not.
# - The lines of each block ```text COMMAND (of rnnc) and ```c FILE stand in what it prints, or in the file, in that
#   order; a line `...` stands for any number of lines. The block ```c example of README.md compiles against hello.h, and runs.
# - docs/language.md names every function, standard cell, statement, setting of train and reserved word.
# - docs/tasks.md has every task, and a spec learns each.
# - Every command of make and rnnc in the ```sh blocks and `$ ` lines of the pages exists, with its options and specs.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 3

# ---- blocks ----------------------------------------------------------------------------------------------------------

for page in README.md docs/*.md; do
    awk -v out="$work/$(basename "$page" .md)" '
        /^```rnn(-error)?$/ { kind = $0 == "```rnn" ? "good" : "bad"; file = out "." NR "." kind ".rnn"; next }
        /^```/ { file = "" }
        file { print > file }' "$page"
done
ls "$work"/language.*.good.rnn >/dev/null 2>&1 || fail "docs/language.md has no block"
for spec in "$work"/*.good.rnn; do
    [ -e "$spec" ] || continue
    if "$rnnc" check "$spec" >"$work/said" 2>&1 && [ ! -s "$work/said" ]; then pass
    else fail "the block $(basename "$spec" .good.rnn) (page.line) is not accepted:"; cat "$work/said"; fi
done
for spec in "$work"/course.*.good.rnn; do
    "$rnnc" gradcheck "$spec" >"$work/said" 2>&1
    if [ $? -eq "$(grep -q 'cut(' "$spec" && echo 4 || echo 0)" ]; then pass
    else fail "the gradients of the block $(basename "$spec" .good.rnn)"; cat "$work/said"; fi
done
for spec in "$work"/*.bad.rnn; do
    [ -e "$spec" ] || continue
    wanted=$(sed -n '1s/^# error: //p' "$spec")
    if [ -z "$wanted" ]; then fail "$(basename "$spec"): no line '# error: MESSAGE'"
    elif "$rnnc" check "$spec" >"$work/said" 2>&1; then fail "$(basename "$spec"): accepted, expected: $wanted"
    elif grep -qF "error: $wanted" "$work/said"; then pass
    else fail "$(basename "$spec"): expected: $wanted"; cat "$work/said"; fi
done

# ---- excerpts --------------------------------------------------------------------------------------------------------

# Lines of the block must follow each other in the text, with others between them only where the block says `...`.
for page in README.md docs/*.md; do
    awk -v out="$work/$(basename "$page" .md)" '
        /^```(text|c) ./ { file = out "." NR ".excerpt"; sub(/^```[a-z]+ /, ""); print > file; next }
        /^```/ { file = "" }
        file { print > file }' "$page"
done
for block in "$work"/*.excerpt; do
    [ -e "$block" ] || continue
    source=$(head -1 "$block")
    sed 1d "$block" >"$work/block"
    case $source in
    example) continue ;;
    rnnc\ *)
        set -f; set -- $source; set +f; shift
        "$rnnc" "$@" >"$work/text" 2>"$work/said" || fail "$source: $(cat "$work/said")" ;;
    *) cp "$source" "$work/text" || fail "$page: no file $source" ;;
    esac
    if awk '
        NR == FNR { want[++wants] = $0; next }
        { text[++lines] = $0 }
        END {
            at = 0; gap = 1
            for (i = 1; i <= wants; i++) {
                if (want[i] ~ /^ *\.\.\.$/) { gap = 1; continue }
                found = 0
                for (k = at + 1; k <= lines && !found; k++) {
                    if (text[k] == want[i]) found = k
                    else if (!gap) break
                }
                if (!found) { print "not there, or not there next: " want[i]; exit 1 }
                at = found; gap = 0
            }
        }' "$work/block" "$work/text" >"$work/said"; then pass
    else fail "$(basename "$block" .excerpt) (page.line), the excerpt of $source: $(cat "$work/said")"; fi
done

sed -n '/^```c example$/,/^```$/p' README.md | grep -v '^```' >"$work/example.c"
if "$rnnc" build specs/models/hello.rnn --batch 16 --standalone -o "$work" &&
   ${CC:-cc} ${SANITIZE:-} -std=c99 -Wall -Wextra -Werror -o "$work/example" "$work/example.c" "$work/hello.c" -lm &&
   "$work/example" | grep -q '^loss [0-9.]*, d loss'; then pass
else fail "README.md: the example does not work"; fi

# ---- completeness ----------------------------------------------------------------------------------------------------

page=docs/language.md
functions=$(sed -n 's/^FUNCTION([a-z_]*, *"\([a-z_]*\)".*/\1/p' compiler/model/functions.def |
    grep -vx 'and\|or\|not\|if')
settings=$(sed -n 's/^[A-Z]*(\([A-Za-z_0-9]*\).*/\1/p' compiler/model/train.def)
statements=$(sed -n 's/^    {"[a-z]*", T_[A-Z]*}.*/&/p' compiler/syntax/filter.c | grep -o '"[a-z]*"' | tr -d '"')
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
    if grep -q "^|.*\`$c(" $page; then pass; else fail "$page does not name the standard cell $c"; fi
done

# Every task stands in docs/tasks.md as it does in the table of tasks.
sed -n 's/^TASK(\([a-z_]*\), "\([^"]*\)".*/| `\1` | \2 |/p' runtime/tasks/tasks.def >"$work/tasks"
[ -s "$work/tasks" ] || fail "runtime/tasks/tasks.def: no task was found"
while read -r row; do
    name=$(echo "$row" | cut -d'`' -f2)
    if grep -qxF "$row" docs/tasks.md; then pass; else fail "docs/tasks.md lacks: $row"; fi
    if [ -e "specs/models/$name.rnn" ]; then pass; else fail "no spec learns the task $name"; fi
done <"$work/tasks"

# Every model stands in docs/models.md, or in docs/tasks.md.
for spec in specs/models/*.rnn; do
    name=$(basename "$spec" .rnn)
    if grep -q "^|.*\`$name\`" docs/models.md docs/tasks.md; then pass; else fail "docs/models.md does not name $name"; fi
done
for name in $(grep '^|' docs/models.md | cut -d'|' -f3 | grep -o '`[a-z_]*`' | tr -d '`'); do
    if [ -e "specs/models/$name.rnn" ]; then pass; else fail "docs/models.md names $name, which is not there"; fi
done

# ---- commands --------------------------------------------------------------------------------------------------------

# A line for each command: those of a pipe apart, continued lines as one, behind the page.
for page in README.md docs/*.md bench/README.md; do
    awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside { print } sub(/^ *\$ /, "") { print }' "$page" |
        sed -e ':more' -e '/\\$/ { N; s/\\\n//; b more' -e '}' -e 's/#.*//' | tr '|&;' '\n\n\n' | grep . | sed "s|^|$page |"
done >"$work/commands"
[ "$(cut -d' ' -f1 "$work/commands" | uniq | wc -l)" -gt 5 ] || fail "the pages show no commands"
while read -r page line; do
    set -f; set -- $line; set +f
    while case $1 in *=*) true ;; *) false ;; esac; do shift; done
    case $1 in
    make)
        shift
        for target in "$@"; do
            case $target in *=* | -*) continue ;; esac
            if grep -q "^$target:\|^\.PHONY:.* $target\b" Makefile; then pass
            else fail "$page: make $target: no such target"; fi
        done ;;
    rnnc | build/rnnc)
        if ! "$rnnc" help "$2" >"$work/help" 2>&1; then fail "$page: $line: no such command"; continue; fi
        pass
        for word in "$@"; do
            case $word in
            --*) grep -q -e " $word\b" "$work/help" && pass || fail "$page: $line: no option $word" ;;
            -[a-zA-Z]) grep -q -e "  $word\b" "$work/help" && pass || fail "$page: $line: no option $word" ;;
            specs/*) [ -e "$word" ] && pass || fail "$page: $line: no file $word" ;;
            esac
        done ;;
    esac
done <"$work/commands"

# The table of commands is that of rnnc, no more and no less.
"$rnnc" help | sed -n 's/^  rnnc \([a-z]*\) .*/\1/p' | sort >"$work/real"
sed -n 's/^| `rnnc \([a-z]*\).*/\1/p' README.md | sort >"$work/listed"
if diff "$work/real" "$work/listed" >"$work/said"; then pass
else fail "README.md: the table of commands differs from rnnc help (<)"; cat "$work/said"; fi

summary
