#!/bin/sh
# demo.sh: from a spec to a network that writes, in under two minutes (make demo).
#
# Trains specs/models/char_lm.rnn on the text of this project's own C sources and lets it write. All it makes lies in
# build/demo; UPDATES=N trains for longer. The same in C of your own: examples/train_text.c.
set -e
cd "$(dirname "$0")/.."
: "${BUILD:=$PWD/build}" "${UPDATES:=1000}"
: "${RNNC:=$BUILD/rnnc}"
[ -x "$RNNC" ] || make
demo=$BUILD/demo spec=specs/models/char_lm.rnn
mkdir -p "$demo"

# What it learns: the sources in a fixed order, so that every clone of this version reads the same text.
find compiler runtime -name '*.[ch]' | LC_ALL=C sort | xargs cat > "$demo/text.txt"

say() { echo "+ $*"; "$@"; }
say "$RNNC" train $spec --text "$demo/text.txt" --updates "$UPDATES" --validate-every 200 --save-every 100 \
    -o "$demo" --csv "$demo/curve.csv" --svg "$demo/curve.svg"
say "$RNNC" eval $spec --weights "$demo/best.safetensors" --text "$demo/text.txt" --part test
say "$RNNC" sample $spec --weights "$demo/best.safetensors" --temperature 0.7 --length 600 --prompt 'static '

# The same network as C that stands alone, for a program of your own.
classes=$(od -An -v -tx1 "$demo/text.txt" | tr -s ' ' '\n' | grep . | LC_ALL=C sort -u | wc -l | tr -d ' ')
say "$RNNC" build $spec -D V="$classes" --batch 50 --standalone -o "$demo"
say "${CC:-cc}" -O2 -c "$demo/char_lm.c" -o "$demo/char_lm.o"

echo
echo "The generated C: $demo/char_lm.h and $demo/char_lm.c; examples/train_text.c trains it through its functions."
echo "The curve: $demo/curve.svg. The weights: $demo/best.safetensors; train with --resume to go on."
echo "The equations that it computes, backpropagation too: $RNNC explain $spec"
