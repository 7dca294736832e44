#!/bin/sh
# run.sh: examples/train_text.c, the training loop in C, compiles against what rnnc builds, and learns;
# examples/write_strokes.c compiles, and draws what a model has learned.
#
# Needs RNNC (the program), BUILD (the folder of librnnc.a) and CC.
here=$(cd "$(dirname "$0")" && pwd) || exit 3
root=$here/../..
rnnc=${RNNC:-$root/build/rnnc}
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
passed=0 failed=0
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "examples: $*"; cat "$work/said"; }
cd "$work" || exit 3

awk 'BEGIN { for (i = 0; i < 2000; i++) printf "line %d of the text\n", i % 10 }' >text
classes=$(od -An -v -tx1 text | tr -s ' ' '\n' | grep . | LC_ALL=C sort -u | wc -l | tr -d ' ')
if "$rnnc" build "$root/specs/models/char_lm.rnn" -D V="$classes" -D H=16 -D E=8 --batch 32 --standalone -o . >said 2>&1
then pass; else fail "rnnc build failed"; fi
if ${CC:-cc} -std=c11 -Wall -Wextra -Werror -O1 -DV="$classes" -I. "$root/examples/train_text.c" char_lm.c -lm -o train \
    >said 2>&1
then pass; else fail "train_text.c does not compile"; fi
if ./train text 300 >said 2>&1; then pass; else fail "train_text ended with $?"; fi
# "update  300  loss 1.2345 ...": the last loss is well below the first
if awk '{ for (i = 1; i < NF; i++) if ($i ~ /^loss/) { if (!n++) first = $(i + 1); last = $(i + 1) } }
    END { exit !(n > 1 && last < 0.8 * first) }' said
then pass; else fail "train_text does not learn"; fi

# write_strokes: a few strokes learned, a picture of lines with a finite end each
if "$rnnc" data strokes -o strokes.npz --count 200 >said 2>&1 &&
   "$rnnc" train "$root/specs/models/strokes.rnn" --data strokes.npz -o run --updates 20 >said 2>&1 &&
   "$rnnc" build "$root/specs/models/strokes.rnn" --standalone --inference -o . >said 2>&1
then pass; else fail "no trained strokes"; fi
if ${CC:-cc} ${SANITIZE:-} -std=c11 -Wall -Wextra -Werror -O1 -I. -I"$root/runtime" "$root/examples/write_strokes.c" strokes.c \
    "${BUILD:-$root/build}/librnnc.a" $(pkg-config --libs jansson libzip) -lm -o write >said 2>&1
then pass; else fail "write_strokes.c does not compile"; fi
if ./write run/last.safetensors 3 >a.svg 2>said && ./write run/last.safetensors 3 >b.svg && cmp a.svg b.svg &&
   [ "$(grep -c '<path' a.svg)" = 8 ] && ! grep -q 'nan\|inf' a.svg; then pass; else fail "write_strokes draws nothing"; fi
if ./write strokes.npz >said 2>&1; then fail "write_strokes reads what are no weights"; else pass; fi

# library: librnnc compiles, trains and tells what is wrong; with the shared object
if ${CC:-cc} ${SANITIZE:-} -std=c11 -Wall -Wextra -Werror -O1 -I"$root/compiler/api" "$root/examples/library.c" \
    -L"${BUILD:-$root/build}/lib" -Wl,-rpath,"${BUILD:-$root/build}/lib" -lrnnc -o library >said 2>&1
then pass; else fail "library.c does not compile"; fi
if ./library >said 2>&1 && awk '{ last = $NF } END { exit !(NR == 5 && last < 0.1) }' said; then pass
else fail "library does not learn"; fi
if ! ./library "$root/tests/bad/shape_mismatch.rnn" >said 2>&1 &&
    grep -q '^error in line 5, columns 22 to 26: shapes .*(shape-mismatch)$' said; then pass
else fail "library does not tell"; fi

echo "examples: $passed passed, $failed failed"
[ $failed -eq 0 ]
