#!/bin/sh
# demo.sh: a network that writes, in a web page: one file, no server, nothing fetched (make example-browser).
#
# TEXT=novel.txt is what it learns from; without it, it learns the C sources of this project. UPDATES=N trains for longer,
# OPTIONS='-D H=256 -D C=gru' makes another network. Needed are clang and wasm-ld (Debian: clang, lld). All that it makes
# lies in build/browser.
set -e
[ -z "$TEXT" ] || TEXT=$(realpath "$TEXT")
cd "$(dirname "$0")/../.."
: "${BUILD:=$PWD/build}" "${UPDATES:=1500}"
: "${OPTIONS:=--rate 0.004 --schedule cosine --total $UPDATES}"
: "${RNNC:=$BUILD/rnnc}" "${OUT:=$BUILD/browser}" "${WASM_CC:=clang}"
[ -x "$RNNC" ] || make
here=examples/browser spec=specs/models/char_lm.rnn
for tool in "$WASM_CC" wasm-ld; do
    command -v "$tool" >/dev/null || { echo "$tool is not here; on Debian: apt-get install clang lld" >&2; exit 1; }
done
mkdir -p "$OUT"
rm -f "$OUT/best.safetensors"
say() { echo "+ $*"; "$@"; }

if [ -n "$TEXT" ]; then
    prompt=$(awk 'NF { print $1; exit }' "$TEXT")
    about="has read $(basename "$TEXT")"
else
    TEXT=$OUT/text.txt prompt='static '
    about="has read the C sources of rnnc"
    find compiler runtime -name '*.[ch]' | LC_ALL=C sort | xargs cat >"$TEXT"
fi
# shellcheck disable=SC2086
say "$RNNC" train $spec $OPTIONS --text "$TEXT" --updates "$UPDATES" --validate-every 250 -o "$OUT"
weights=$OUT/best.safetensors
[ -e "$weights" ] || weights=$OUT/last.safetensors    # of a text too short to hold a part of it out

# The network with its weights as WebAssembly. No C library: all it needs are instructions.
say "$RNNC" build $spec --inference --standalone --weights "$weights" -o "$OUT"
say "$WASM_CC" --target=wasm32 -O2 -msimd128 -mbulk-memory -ffreestanding -nostdlib -Wl,--no-entry -I"$OUT" \
    -o "$OUT/char_lm.wasm" $here/sampler.c "$OUT/char_lm.c"

# The page. The characters by their numbers stand in the head of the weights, as JSON in a string of JSON.
quoted() { printf '%s' "$1" | sed 's/[\\"]/\\&/g; s/</\\u003c/g; s/.*/"&"/'; }
symbols=$(head -n 1 "$weights" | tr -d '\0' |
    LC_ALL=C sed -n 's/.*"vocabulary":\("\([^"\\]\|\\.\)*"\).*/\1/; s/</\\\\u003c/g; p; q')
about="It $about, character by character, and runs in this page."
{
    printf 'const MODEL = {\n    about: %s,\n    prompt: %s,\n' "$(quoted "$about")" "$(quoted "$prompt")"
    printf '    symbols: JSON.parse(%s),\n    wasm: "' "$symbols"
    base64 "$OUT/char_lm.wasm" | tr -d '\n'
    printf '"\n};\n'
} >"$OUT/model.js"
{
    sed '/<!-- the model and writer.js/,$d' $here/page.html
    echo '<script>'
    cat "$OUT/model.js"
    echo '</script>'
    echo '<script>'
    cat $here/writer.js
    echo '</script>'
    sed '1,/<!-- the model and writer.js/d' $here/page.html
} >"$OUT/index.html"
echo
echo "Open $OUT/index.html in a browser: $(($(wc -c <"$OUT/char_lm.wasm") / 1024)) KiB of WebAssembly, weights inside."
