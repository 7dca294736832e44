#!/bin/sh
# demo.sh: from a spec to a trained network, in under two minutes (make demo).
#
# Compiles specs/models/char_lm.rnn to C, compiles that C and the training loop of train_text.c with cc, and trains the
# network on the text of this project's own C sources. All it makes lies in build/demo; UPDATES=N trains for longer.
set -e
cd "$(dirname "$0")/.."
: "${BUILD:=$PWD/build}" "${CC:=cc}" "${UPDATES:=1500}"
: "${RNNC:=$BUILD/rnnc}"
[ -x "$RNNC" ] || make
demo=$BUILD/demo
mkdir -p "$demo"

# What it learns: the sources in a fixed order, so that every clone of this version reads the same text.
find compiler runtime -name '*.[ch]' | LC_ALL=C sort | xargs cat > "$demo/text.txt"
classes=$(od -An -v -tx1 "$demo/text.txt" | tr -s ' ' '\n' | grep . | LC_ALL=C sort -u | wc -l | tr -d ' ')
echo "text: $(wc -c < "$demo/text.txt" | tr -d ' ') bytes of C, $classes different ones"

say() { echo "+ $*"; "$@"; }
say "$RNNC" build specs/models/char_lm.rnn -D V="$classes" --batch 32 --standalone -o "$demo"
fast="-O3 -march=native"
echo 'int main(void) { return 0; }' > "$demo/probe.c"
$CC $fast "$demo/probe.c" -o "$demo/probe" 2>/dev/null || fast=-O3    # not every compiler knows its machine
rm -f "$demo/probe.c" "$demo/probe"
say $CC $fast -DV="$classes" -I"$demo" examples/train_text.c "$demo/char_lm.c" -lm -o "$demo/train_text"
say "$demo/train_text" "$demo/text.txt" "$UPDATES"

echo
echo "The generated C: $demo/char_lm.h and $demo/char_lm.c ($(wc -l < "$demo/char_lm.c" | tr -d ' ') lines)."
echo "The equations that it computes, backpropagation too: $RNNC explain specs/models/char_lm.rnn -D V=$classes"
