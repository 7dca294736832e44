#!/bin/sh
# run.sh: what the stages print, pinned; and generated/ is current.
#
# NAME.rnn is held against NAME.explain and NAME.program, what `rnnc explain NAME.rnn` and `rnnc explain --stage program
# NAME.rnn` print, and where there is NAME.plan, against `rnnc explain --stage plan NAME.rnn`. `run.sh --bless NAME`
# (make bless NAME=x) renews these files, `run.sh --generated` (make generated) what generated/ holds: hello and tiny_lstm
# as C, from the commands below. Every shipped model is built twice, in folders of different names: the bytes must be the
# same.
. "$(dirname "$0")/../suite.sh"
cd "$here" || exit 3
explain() { "$rnnc" explain "$1.rnn"; }
program() { "$rnnc" explain --stage program "$1.rnn"; }
plan() { "$rnnc" explain --stage plan "$1.rnn"; }

# The files of generated/, into the folder $1.
generate() { (cd "$root" && "$rnnc" build specs/models/hello.rnn --batch 16 -o "$1" \
                         && "$rnnc" build specs/models/tiny_lstm.rnn --batch 4 -o "$1"); }

case $1 in
--bless)
    [ -f "$2.rnn" ] || { echo "there is no tests/golden/$2.rnn" >&2; exit 2; }
    explain "$2" >"$work/explain" && program "$2" >"$work/program" || exit 1
    cp "$work/explain" "$2.explain" && cp "$work/program" "$2.program" || exit 1
    if [ -f "$2.plan" ]; then plan "$2" >"$work/plan" && cp "$work/plan" "$2.plan"; fi
    exit ;;
--generated)
    generate "$root/generated"
    exit ;;
esac

for spec in *.rnn; do
    name=${spec%.rnn}
    for stage in explain program plan; do
        [ -f "$name.$stage" ] || [ $stage != plan ] || continue
        if ! $stage "$name" >"$work/text" 2>"$work/errors" || [ -s "$work/errors" ]; then
            fail "$name, $stage:"; cat "$work/errors"
        elif diff -u "$name.$stage" "$work/text"; then pass
        else fail "$name.$stage differs; make bless NAME=$name if it is right"; fi
    done
done

if generate "$work/generated"; then
    for file in hello.h hello.c tiny_lstm.h tiny_lstm.c; do
        if diff -u "$root/generated/$file" "$work/generated/$file" >"$work/diff"; then pass
        else fail "generated/$file is not current; make generated if it is right"; head -40 "$work/diff"; fi
    done
else fail "generated/ cannot be made"; fi

# The same bytes from run to run, from another folder, with other memory addresses and another environment.
for spec in "$root"/specs/models/*.rnn; do
    name=$(basename "$spec" .rnn)
    defines=
    for size in $(grep -o '[A-Za-z_0-9]* = from data' "$spec" | cut -d' ' -f1); do defines="$defines -D $size=20"; done
    for flags in "" "--standalone --real double"; do
        # shellcheck disable=SC2086
        if "$rnnc" build "$spec" $defines $flags -o "$work/one" &&
           (cd / && env -i PATH="$PATH" PADDING="$(head -c 3000 /dev/zero | tr '\0' x)" \
                "$rnnc" build "$spec" $defines $flags -o "$work/another folder"); then
            if diff -rq "$work/one" "$work/another folder"; then pass; else fail "$name $flags: two runs differ"; fi
        else fail "$name $flags cannot be built"; fi
    done
done
summary
