#!/bin/sh
# run.sh: what the stages print, pinned; and generated/ is current.
#
# NAME.rnn is held against NAME.explain and NAME.program, what `rnnc explain NAME.rnn` and `rnnc explain --stage program
# NAME.rnn` print, and where there is NAME.plan, against `rnnc explain --stage plan NAME.rnn`. `run.sh --bless NAME` (make
# bless NAME=x) renews these files, `run.sh --generated` (make
# generated) what generated/ holds: hello and tiny_lstm as C, from the commands below. Every shipped model is built
# twice, in folders of different names: the bytes must be the same.
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 3
cd "$root/tests/golden" || exit 3
: "${RNNC:=$root/build/rnnc}"
out=$(mktemp -d) || exit 3
trap 'rm -rf "$out"' EXIT
passed=0 failed=0
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "golden: $*"; }
explain() { "$RNNC" explain "$1.rnn"; }
program() { "$RNNC" explain --stage program "$1.rnn"; }
plan() { "$RNNC" explain --stage plan "$1.rnn"; }

# The files of generated/, into the folder $1.
generate() { (cd "$root" && "$RNNC" build specs/models/hello.rnn --batch 16 -o "$1" \
                         && "$RNNC" build specs/models/tiny_lstm.rnn --batch 4 -o "$1"); }

case $1 in
--bless)
    [ -f "$2.rnn" ] || { echo "there is no tests/golden/$2.rnn" >&2; exit 2; }
    explain "$2" >"$out/explain" && program "$2" >"$out/program" || exit 1
    cp "$out/explain" "$2.explain" && cp "$out/program" "$2.program" || exit 1
    if [ -f "$2.plan" ]; then plan "$2" >"$out/plan" && cp "$out/plan" "$2.plan"; fi
    exit ;;
--generated)
    generate "$root/generated"
    exit ;;
esac

for spec in *.rnn; do
    name=${spec%.rnn}
    for stage in explain program plan; do
        [ -f "$name.$stage" ] || [ $stage != plan ] || continue
        if ! $stage "$name" >"$out/text" 2>"$out/errors" || [ -s "$out/errors" ]; then
            fail "$name, $stage:"; cat "$out/errors"
        elif diff -u "$name.$stage" "$out/text"; then pass
        else fail "$name.$stage differs; make bless NAME=$name if it is right"; fi
    done
done

if generate "$out/generated"; then
    for file in hello.h hello.c tiny_lstm.h tiny_lstm.c; do
        if diff -u "$root/generated/$file" "$out/generated/$file" >"$out/diff"; then pass
        else fail "generated/$file is not current; make generated if it is right"; head -40 "$out/diff"; fi
    done
else fail "generated/ cannot be made"; fi

# The same bytes from run to run, from another folder, with other memory addresses and another environment.
for spec in "$root"/specs/models/*.rnn; do
    name=$(basename "$spec" .rnn)
    defines=
    for size in $(grep -o '[A-Za-z_0-9]* = from data' "$spec" | cut -d' ' -f1); do defines="$defines -D $size=20"; done
    for flags in "" "--standalone --real double"; do
        # shellcheck disable=SC2086
        if "$RNNC" build "$spec" $defines $flags -o "$out/one" &&
           (cd / && env -i PATH="$PATH" PADDING="$(head -c 3000 /dev/zero | tr '\0' x)" \
                "$RNNC" build "$spec" $defines $flags -o "$out/another folder"); then
            if diff -rq "$out/one" "$out/another folder"; then pass; else fail "$name $flags: two runs differ"; fi
        else fail "$name $flags cannot be built"; fi
    done
done
echo "golden: $passed passed, $failed failed"
[ $failed -eq 0 ]
