#!/bin/sh
# run.sh: the C of ten specs, built with weights and standalone, on many targets, against the oracle's numbers.
#
#     run.sh [--all [NAME]]   --all: every target of targets.txt whose name has NAME in it, as a table; else those that
#                             are a part of `make check`
#
# On each target the C compiles without a warning; no function takes more than 4 KB of stack; driver.c finds the outputs
# right from every function, at odd addresses, and nothing written elsewhere. A target that is not here is named, with the
# packages that bring it. Needs RNNC and BUILD, with tests/target_vectors.
# shellcheck source=tests/suite.sh
. "$(dirname "$0")/../suite.sh"
all=
[ "${1:-}" = --all ] && all=1
only=${2:-}
cd "$work" || exit 3
warnings="-Wall -Wextra -Wpedantic -Wconversion -Wshadow"
STACK=4096

# Name, spec, sequences, steps, sizes.
specs='hello specs/models/hello.rnn 2 6
lstm specs/models/tiny_lstm.rnn 1 8 H=20
gru tests/agree/gru_both.rnn 2 6
peephole tests/agree/peephole.rnn 2 6
both_ways tests/agree/bidirectional.rnn 2 6
tcn tests/agree/tcn_small.rnn 1 9
clockwork tests/agree/clockwork.rnn 2 9
attention tests/agree/attention_small.rnn 2 5
layer_norm tests/agree/layer_norm.rnn 2 6
char_lm specs/models/char_lm.rnn 1 6 V=30 E=12 H=24'
names=$(echo "$specs" | cut -d' ' -f1)

# prepare NAME SPEC SEQUENCES STEPS SIZE...: NAME/vectors.h, and NAME/{embedded,extern,blob,integers}/net.*; integers:
# embedded, 16 bits each.
prepare() {
    name=$1 spec=$root/$2 batch=$3 steps=$4
    shift 4
    mkdir "$name"
    "$build/tests/target_vectors" "$spec" "$batch" "$steps" "$name" "$@" || return 1
    defines=
    for size in "$@"; do defines="$defines -D $size"; done
    for as in embedded extern blob integers; do
        how="--weights-as $as"
        [ $as != integers ] || how="--weights-bits 16"
        # shellcheck disable=SC2086
        "$rnnc" build "$spec" $defines --weights "$name/w.safetensors" $how --inference --standalone \
            --prefix net --batch "$batch" -o "$name/$as" >/dev/null || return 1
    done
    { echo 'static const union { unsigned char bytes['"$(wc -c <"$name/blob/net.bin")"']; double aligned; } blob = { {'
      od -An -v -tu1 "$name/blob/net.bin" | sed 's/\([0-9]\{1,\}\)/\1,/g'
      echo '} };'; } >"$name/blob/blob.h"
}
echo "$specs" >specs
while read -r line; do
    # shellcheck disable=SC2086
    prepare $line </dev/null || { fail "$line"; summary; exit; }
done <specs

# is_here: whether `compiler`, `runner` and the libraries for them are.
echo 'int main(void) { return 0; }' >tiny.c
is_here() {
    command -v "${compiler%% *}" >/dev/null || return 1
    [ -z "$runner" ] || command -v "${runner%% *}" >/dev/null || return 1
    case $platform in
    host) $compiler tiny.c -o tiny && $runner ./tiny ;;
    web) $compiler -c tiny.c -o tiny.o && command -v wasm-ld ;;
    *) $compiler -c tiny.c -o tiny.o ;;
    esac >/dev/null 2>&1
}

# one NAME: the spec of that name on the target. Leaves what is wrong in the file `wrong`, what the program said in `said`.
one() {
    rm -rf at
    mkdir at
    files="$1/$weights/net.c" blob= usage=
    [ "$weights" = extern ] && files="$files $1/extern/net_weights.c"
    [ "$weights" = blob ] && blob=-DBLOB
    [ "$weights" = integers ] && blob=-DINTEGERS
    case $compiler in tcc* | *-fsanitize*) ;; *) usage=-fstack-usage ;; esac
    objects= board=
    [ "$platform" != cortex ] || board=$root/examples/board
    for file in $files "$here/driver.c" "$here/$platform.c" ${board:+"$board/board.c"}; do
        object=at/$(basename "$file" .c).o
        $compiler $warnings $usage $blob -I"$here" ${board:+-I"$board"} -I"$1" -I"$1/$weights" -c "$file" -o "$object" 2>wrong || return 1
        [ ! -s wrong ] || return 1
        objects="$objects $object"
    done
    if [ -n "$usage" ]; then
        awk -F'\t' -v most=$STACK '$2 > most { n = split($1, part, ":"); print part[n] " takes " $2 " bytes of stack" }' at/net.su >wrong
        [ ! -s wrong ] || return 1
        cat at/net.su >>frames
    fi
    case $platform in
    host) link=-lm ;;
    cortex) link="-nostdlib -T $here/cortex.ld -lgcc" ;;
    web) link="-nostdlib -Wl,--no-entry" ;;
    esac
    # g++ takes objects for C++ sources behind -x c++.
    ${compiler%-x c++} $objects $link -o at/program 2>wrong || return 1
    $runner at/program >said 2>wrong || { cat said >>wrong; return 1; }
    grep -q '^ok\|is refused' said || { echo "it said: $(cat said)" >wrong; return 1; }
}

# measure NAME: what it takes on the Cortex-M4. Constants and RAM as the header says, the rest as measured.
measure() {
    arm-none-eabi-size at/net.o | awk -v name="$1" -v target="$target" -v said="$(cat said)" \
        -v constants="$(sed -n 's/.* flash *\([0-9]*\) bytes of .*/\1/p' "$1/$weights/net.h")" \
        -v ram="$(sed -n 's/.* RAM *\([0-9]*\) bytes.*/\1/p' "$1/$weights/net.h")" 'NR == 2 {
            step = match(said, /step [0-9]+/) ? substr(said, RSTART + 5, RLENGTH - 5) : "-"
            sub(/.*stack /, "", said)
            printf "%-14s %-10s %7d %9d %6d %6d %9s %7d %10s\n", target, name, $1 - constants, constants, $2, $3,
                ram == "" ? "-" : ram, said, step }'
}

row() { printf '%-18s' "$1"; shift; for cell in "$@"; do printf ' %-10s' "$cell"; done; echo; }
absent=0 extra=
[ -z "$all" ] || row "" $names
: >sizes
while IFS='|' read -r target weights platform compiler runner packages; do
    case $target in
    \#*) continue ;;
    ----) [ -n "$all" ] && continue || break ;;
    esac
    target=$(echo $target) weights=$(echo $weights) platform=$(echo $platform) packages=$(echo $packages)
    case $target in *"$only"*) ;; *) continue ;; esac
    compiler=$(echo $compiler | sed "s|@|$here|g") runner=$(echo $runner | sed "s|@|$here|g")
    if ! is_here; then
        absent=$((absent + 1))
        if [ -n "$all" ]; then printf '%-18s not here: apt-get install %s\n' "$target" "$packages"
        else echo "targets: 1 skipped, there is no $target"; fi
        continue
    fi
    cells=
    : >frames
    for name in $names; do
        if one "$name"; then
            pass
            cells="$cells passed"
            if [ "$platform" = cortex ]; then
                measure "$name" >>sizes
            fi
        else
            fail "$target, $name: $(head -5 wrong)"
            cells="$cells FAILED"
        fi </dev/null
    done
    if [ -n "$all" ]; then
        row "$target" $cells
        [ ! -s frames ] || sort -t"$(printf '\t')" -k2 -n -r frames | head -1 | awk -F'\t' -v target="$target" '
            { n = split($1, part, ":"); printf "%-18s largest frame: %d bytes, %s\n", "", $2, part[n] }'
    fi
done <"$here/targets.txt"

if [ -z "$all" ]; then summary; exit; fi
[ ! -s sizes ] || { echo; echo "bytes          spec          code constants   data    bss       ram   stack   step: instructions"; cat sizes; }
echo "targets: $passed passed, $failed failed, $absent not here"
[ $failed -eq 0 ]
