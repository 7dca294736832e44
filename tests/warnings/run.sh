#!/bin/sh
# run.sh: generated C compiles without a warning, whoever compiles it.
#
# Every shipped model, standalone and not, in float and double, and some with other options, goes through gcc, clang,
# g++ (as C++) and tcc with the warnings below: parsed alone, but optimised by gcc once a model, since some warnings
# need the flow of values. A compiler that is not installed is skipped, and said so.
. "$(dirname "$0")/../suite.sh"

warnings="-Wall -Wextra -Wpedantic -Wconversion -Wshadow"
compilers=
for cc in gcc clang g++ tcc; do
    if command -v $cc >/dev/null; then compilers="$compilers $cc"; else echo "warnings: 1 skipped, there is no $cc"; fi
done

# compile COMPILER HOW FILE: how gcc does it, -fsyntax-only or a level of optimisation.
compile() {
    case $1 in
    gcc) gcc -std=c99 $warnings "$2" -I"$root/runtime" -c -o "$work/object" "$3" ;;
    g++) g++ -x c++ -std=c++17 $warnings -I"$root/runtime" -fsyntax-only "$3" ;;
    tcc) tcc -Wall -I"$root/runtime" -c -o "$work/object" "$3" ;;
    *) $1 -std=c99 $warnings -I"$root/runtime" -fsyntax-only "$3" ;;
    esac >"$work/said" 2>&1 && [ ! -s "$work/said" ]
}

# try HOW SPEC OPTION...: builds a spec and compiles it with all compilers.
try() {
    how=$1 spec=$2
    shift 2
    defines=
    for size in $(grep -o '[A-Za-z_0-9]* = from data' "$spec" | cut -d' ' -f1); do defines="$defines -D $size=20"; done
    # shellcheck disable=SC2086
    if ! "$rnnc" build "$spec" $defines "$@" --prefix net -o "$work" >"$work/said" 2>&1; then
        fail "$(basename "$spec") $*: rnnc build:"; cat "$work/said"
        return
    fi
    for cc in $compilers; do
        if compile $cc "$how" "$work/net.c"; then pass
        else fail "$cc $how, $(basename "$spec") $*:"; head -20 "$work/said"; fi
    done
}

for spec in "$root"/specs/models/*.rnn; do
    try -O2 "$spec" --batch 4
    try -fsyntax-only "$spec" --standalone
    try -fsyntax-only "$spec" --real double
    try -fsyntax-only "$spec" --real double --standalone --batch 3
    try -fsyntax-only "$spec" --inference --standalone
done
try -O2 "$root/specs/models/hello.rnn" --steps 5 --unroll full --batch 2
try -O2 "$root/specs/models/char_lm.rnn" --threads 2
for name in hello several translate; do
    try -O2 "$root/specs/models/$name.rnn" --batch 4 --threads 2
    try -fsyntax-only "$root/specs/models/$name.rnn" --batch 4 --threads 3 --standalone --inference
done
for name in average classifier several tcn; do try -O2 "$root/specs/models/$name.rnn" --batch 4 --checkpoint 5; done
try -O2 "$root/specs/models/several.rnn" --batch 4 --threads 2 --checkpoint 5 --standalone
try -O2 "$root/tests/agree/boundary_absent.rnn" --batch 4 --threads 2 # no outputs
try -O2 "$root/specs/models/hello.rnn" --batch 2 --checkpoint 3 --steps 7
try -O2 "$root/specs/models/hello.rnn" --unroll 4 --batch 2
try -O2 "$root/specs/models/tiny_lstm.rnn" --inference --standalone --steps 1
try -O2 "$root/specs/models/translate.rnn" --steps s=6,t=4 --unroll 2 --standalone

# An unused variable must be seen: else this suite proves nothing.
echo 'int f(void); int f(void) { int unused; return 0; }' >"$work/bad.c"
for cc in $compilers; do
    [ $cc = tcc ] && continue    # tcc has no such warning
    if compile $cc -O0 "$work/bad.c"; then fail "$cc warns of nothing"; else pass; fi
done
summary
