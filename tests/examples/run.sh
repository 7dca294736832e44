#!/bin/sh
# run.sh: examples/train_text.c, the training loop in C, compiles against what rnnc builds, and learns;
# examples/write_strokes.c compiles, and draws what a model has learned; examples/audio_effect learns an amplifier and plays;
# examples/browser writes the same text in WebAssembly, by node and in a page, as `rnnc sample`; on a board, examples/board says
# what PyTorch says.
#
# Needs RNNC (the program), BUILD (the folder of librnnc.a) and CC.
. "$(dirname "$0")/../suite.sh"
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

# audio_effect: trained for a moment it is much nearer to the amplifier than the dry signal, a ratio of 0.52
audio=$root/examples/audio_effect
if CC="${CC:-cc} ${SANITIZE:-} -std=c11 -Wall -Wextra -Wshadow -Werror" BUILD=${BUILD:-$root/build} RNNC=$rnnc OUT=$work/audio \
    UPDATES=200 sh "$audio/demo.sh" >said 2>&1
then pass; else fail "audio_effect/demo.sh ended with $?"; fi
if awk '/^error-to-signal ratio/ { near = $3 > 0 && $3 < 0.05 } /^6.00 seconds at 44100 Hz.*real-time factor/ { timed = 1 }
    END { exit !(near && timed) }' said
then pass; else fail "the effect is not that of the amplifier"; fi

# WAV: PCM stays PCM of the same rate, a chunk of odd size is skipped; what is none, or of another kind, is one line
effect=audio/effect
wav() { # wav KIND CHANNELS BITS, octal: 8 samples at 8000 Hz
    printf 'RIFF\0\0\0\0WAVEjunk\3\0\0\0abc\0fmt \20\0\0\0'
    printf "\\$1\\0\\$2\\0\\100\\37\\0\\0\\0\\0\\0\\0\\2\\0\\$3\\0"
    printf 'data\20\0\0\0\0\0\0\10\0\20\0\30\0\370\0\360\377\177\0\200'
}
wav 1 1 20 >pcm.wav
if $effect pcm.wav out.wav >said 2>&1 && grep -q '^0.00 seconds at 8000 Hz' said && [ "$(wc -c <out.wav)" -eq 60 ] &&
   [ "$(od -An -tu2 -j20 -N4 out.wav | tr -s ' ')" = " 1 1" ] && [ "$(od -An -tu2 -j34 -N2 out.wav | tr -d ' ')" = 16 ]
then pass; else fail "the effect does not play PCM"; fi
refused() { # refused FILE WORDS
    if $effect "$1" out.wav >said 2>&1; then fail "the effect takes $1"
    elif [ "$(wc -l <said)" -eq 1 ] && grep -q "^$1: $2" said; then pass
    else fail "the effect says something else of $1"; fi
}
wav 1 2 20 >stereo.wav
wav 1 1 30 >wide.wav
head -c 40 pcm.wav >cut.wav
refused stereo.wav 'has several channels'
refused wide.wav 'holds neither'
refused cut.wav 'is cut off'
refused text 'is no WAV file'
if $effect pcm.wav pcm.wav >said 2>&1 || [ "$(wc -c <pcm.wav)" -ne 72 ]; then fail "the effect writes over what it reads"
else pass; fi
refused missing.wav 'cannot be read'

# browser: the likeliest text is that of `rnnc sample`, by node and in the page; a byte that it has never seen is told
skipped() { echo "examples: skipped: $*"; }
have() { command -v "$1" >/dev/null 2>&1; }
page=browser/index.html
if ! have clang || ! have wasm-ld; then skipped "clang or wasm-ld is not here; no WebAssembly"
elif ! BUILD=${BUILD:-$root/build} RNNC=$rnnc OUT=$work/browser TEXT=text UPDATES=200 OPTIONS='-D H=16 -D E=8 --rate 0.02' \
    sh "$root/examples/browser/demo.sh" >said 2>&1
then fail "browser/demo.sh ended with $?"
else
    "$rnnc" sample "$root/specs/models/char_lm.rnn" --weights browser/last.safetensors --temperature 0 --length 60 \
        --prompt 'line ' >wanted 2>said
    if [ "$(wc -c <wanted)" -gt 60 ] && ! grep -q 'http' $page; then pass; else fail "the page is not what it should be"; fi
    if ! have node; then skipped "node is not here"
    elif node "$here/write.js" "$root/examples/browser/writer.js" browser/model.js 'line ' 60 >written 2>said &&
        cmp wanted written >said; then pass; else fail "node writes another text"; fi
    if ! have node || ! have chromedriver; then skipped "node or chromedriver is not here; no page is opened"
    elif node "$here/browse.js" "file://$work/$page#prompt=line%20~&temperature=0&length=60&pace=7" 60 >written 2>said &&
        { printf 'line '; cat written; } | cmp - wanted >>said && grep -q 'passes over them: ~$' said
    then pass; else fail "the page writes another text, or does not say what it passed over"; fi
fi

# board: the page of docs/deployment.md, from a network of PyTorch to a Cortex-M4 that says the same
python=${PYTHON:-/usr/bin/python3}
board=$root/examples/board
if ! "$python" -c 'import torch, numpy' 2>/dev/null; then skipped "$python has no torch or no numpy; nothing for the board"
elif awk '/^```python pt_to_safetensors/ { inside = 1; next } /^```/ { inside = 0 } inside' "$root/docs/deployment.md" >pt.py &&
    "$python" -B "$board/train.py" >said 2>&1 && "$python" -B pt.py net.pt net.safetensors >said 2>&1 &&
    "$rnnc" import net.safetensors -o model >said 2>&1 &&
    "$rnnc" parity model/net.rnn --weights model/net.safetensors --reference R.npz >said 2>&1 &&
    "$rnnc" build model/net.rnn --weights model/net.safetensors --inference --standalone --max-flash 16K --max-ram 2K \
        --max-stack 1K -o model >said 2>&1
then
    pass
    if ! have arm-none-eabi-gcc; then skipped "arm-none-eabi-gcc is not here"
    elif arm-none-eabi-gcc -Os -Wall -Wextra -Werror -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -ffreestanding \
        -ffunction-sections -nostdlib -Wl,--gc-sections -T "$board/board.ld" -I"$board" -I. -Imodel "$board/board.c" \
        "$board/main.c" model/net.c -lgcc -o net.elf >said 2>&1
    then
        pass
        if ! have qemu-system-arm; then skipped "qemu-system-arm is not here"
        elif timeout 60 qemu-system-arm -M mps2-an386 -nographic -semihosting -kernel net.elf >said 2>&1 </dev/null &&
            grep -q '^steps: 50$' said; then pass; else fail "the board says something else than PyTorch"; fi
    else fail "nothing for the board is compiled"; fi
else fail "from PyTorch to the board"; fi

summary
