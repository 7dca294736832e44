#!/bin/sh
# demo.sh: a guitar amplifier, from two recordings to a program that plays through it (make example-audio).
#
# The recordings are made up by guitar.c, so that nothing is downloaded. For a device of your own, put what guitar.c writes
# in their place: one recording before it and one behind it, of the same rate and length. All that it makes lies in
# build/audio_effect; UPDATES=N trains for longer.
set -e
cd "$(dirname "$0")/../.."
: "${BUILD:=$PWD/build}" "${UPDATES:=2500}" "${CC:=cc}"
: "${RNNC:=$BUILD/rnnc}" "${OUT:=$BUILD/audio_effect}"
[ -x "$RNNC" ] || make
here=examples/audio_effect
mkdir -p "$OUT"
say() { echo "+ $*"; "$@"; }

# 1. Recordings: to train on, and others to listen to what came of it.
say $CC -O2 -o "$OUT/guitar" $here/guitar.c $here/wav.c -lm
say "$OUT/guitar" 24 1 "$OUT/dry.wav" "$OUT/wet.wav"
say "$OUT/guitar" 6 2 "$OUT/test_dry.wav" "$OUT/test_wet.wav"
# shellcheck disable=SC2046,SC2086
say $CC $SANITIZE -O2 -Iruntime -o "$OUT/pairs" $here/pairs.c $here/wav.c "$BUILD/librnnc.a" \
    $(pkg-config --libs jansson libzip) -lm
say "$OUT/pairs" "$OUT/dry.wav" "$OUT/wet.wav" "$OUT/data.npz"

# 2. Training.
say "$RNNC" train $here/amp.rnn --data "$OUT/data.npz" -o "$OUT" --updates "$UPDATES" --total "$UPDATES" \
    --svg "$OUT/curve.svg"

# 3. The network as C with its weights, and the program around it: no file of rnnc is in there.
say "$RNNC" build $here/amp.rnn --inference --standalone --weights "$OUT/best.safetensors" -o "$OUT"
# shellcheck disable=SC2086
say $CC $SANITIZE -O2 -Wall -Wextra -I"$OUT" -o "$OUT/effect" $here/effect.c $here/wav.c "$OUT/amp.c" -lm

# 4. A recording that it has never heard; the third file is only what it is measured by.
say "$OUT/effect" "$OUT/test_dry.wav" "$OUT/test_out.wav" "$OUT/test_wet.wav"
echo
echo "To be listened to: test_dry.wav, test_out.wav and test_wet.wav in $OUT. The network: amp.c and amp.h there."
