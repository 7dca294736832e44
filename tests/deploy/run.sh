#!/bin/sh
# run.sh: the C of trained weights: the same bits as with the weights as an argument, from each form that the build has; what is refused;
# what is left out; what it needs.
#
# Needs RNNC and CC.
. "$(dirname "$0")/../suite.sh"
cd "$work" || exit 3
cc="${CC:-cc} -std=c11 -O1 ${SANITIZE:-} -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -I."

# expect CODE TEXT ARGUMENTS...: rnnc must exit with CODE, and stderr must hold TEXT.
expect() {
    code=$1 text=$2
    shift 2
    "$rnnc" "$@" >stdout 2>stderr
    status=$?
    if [ $status -ne "$code" ]; then fail "rnnc $*: exit status $status, expected $code"; cat stderr
    elif [ -n "$text" ] && ! grep -qF -e "$text" stderr; then fail "rnnc $*: expected '$text', found:"; cat stderr
    else pass; fi
}

# weights SPEC OPTION...: plain.c, plain.o and its parameters as w.st.
weights() {
    "$rnnc" build "$@" --prefix plain --standalone --batch 2 -o . >stdout 2>stderr || { cat stderr; return 1; }
    "$rnnc" check -v "$@" | awk '
        BEGIN { printf "#define SHAPES \"" }
        / = / && /\(/ { s = $0; sub(/^[^(]*\(/, "", s); sub(/\).*/, "", s); printf "|%s:%s", $1, s }
        / = / && !/\(/ { printf "|%s:", $1 }
        END { print "|\"" }' >shapes.h
    $cc -c plain.c -o plain.o && $cc -Wno-conversion "$here/dump.c" plain.o -lm -o dump && ./dump w.st
}

# same OPTION...: the build of the spec with these options computes what plain.c does: with integers, what that does with the rounded
# parameters.
same() {
    rm -rf in
    params=w.st bound=
    case "$*" in *--weights-bits*) params=rounded.st bound=1e-5; rm -f rounded.st; set -- "$@" --rounded rounded.st ;; esac
    if ! "$rnnc" build "$@" --prefix inside --standalone --batch 2 --weights w.st -o in >stdout 2>stderr; then
        fail "build $*"; cat stderr; return
    fi
    awk -v bound="$bound" -f "$here/same.awk" in/inside.h >same.c
    # shellcheck disable=SC2046
    if $cc -Iin -Wno-conversion $( [ -e in/inside.c ] || echo -DSINGLE) same.c plain.o $(ls in/*.c 2>/dev/null) -lm -o same 2>stderr &&
        ./same $params in/inside.bin >stdout 2>>stderr; then pass
    else fail "$*: exit $?"; cat stdout; head -20 stderr; fi
}

for spec in hello "char_lm -D V=20 -D E=10 -D H=12" adding sine several frames "attention -D V=9 -D W=8" "caption -D V=9" one_to_one strokes \
    "tcn -D V=7"; do
    set -- $spec
    name=$1
    shift
    if ! weights "$root/specs/models/$name.rnn" "$@"; then fail "$name: no weights"; continue; fi
    same "$root/specs/models/$name.rnn" "$@"
    same "$root/specs/models/$name.rnn" "$@" --weights-bits 8
    same "$root/specs/models/$name.rnn" "$@" --weights-bits 16
    case $name in hello | adding)
        for as in extern blob; do same "$root/specs/models/$name.rnn" "$@" --weights-as $as --weights-bits 8; done
        for as in extern blob; do same "$root/specs/models/$name.rnn" "$@" --weights-as $as; done
        same "$root/specs/models/$name.rnn" "$@" --single-header
        same "$root/specs/models/$name.rnn" "$@" --single-header --weights-as blob ;;
    esac
done

# Tables of tokens: columns by onehot; rows that are a product's, too; columns of a matrix whose rows a product reads.
cat >tokens.rnn <<'SPEC'
model tokens {
    input x[t] : token(11), z[t] : token(7)
    param E(7,6), U(6,11), V(11,5)
    h = gru(onehot(x), 6)
    e = lookup(E, z)
    k = E @ tanh(h + e)
    c = U @ onehot(x)
    f = U' @ (h * c)
    q = tanh(embed(z, 6)) * e + lookup(V, x)(2)
    output h, k, f, q
}
SPEC
if weights tokens.rnn; then
    for bits in 8 16; do
        same tokens.rnn --weights-bits $bits
        for as in extern blob; do same tokens.rnn --weights-bits $bits --weights-as $as; done
    done
    if grep -q "scaled_row(6, .*AT_rows_E," in/inside.c && ! grep -q AT_rows_U_transposed in/inside.c; then pass
    else fail "tables of integers"; fi
else fail "tokens: no weights"; fi

# ---- what is left out ------------------------------------------------------------------------------------------------
# lacks FILE WORD...: the words stand nowhere in the file.
lacks() {
    file=$1
    shift
    for word in "$@"; do
        if grep -qw -e "$word" "$file"; then fail "$file has '$word':"; grep -nw -e "$word" "$file" | head -3; else pass; fi
    done
}
cat >both.rnn <<'SPEC'
model both {
    input  x[t] : real(3)
    target y[t] : real(2)
    param idle(4), K(2,2)
    h = lstm(dropout(x, 0.5), 4)
    o = dense(h, 2)
    wrong = sum(abs(o - y))
    output o, wrong
    loss mean_square(K @ o, y) + sum(idle) * 0
}
SPEC
weights both.rnn || fail "both: no weights"
same both.rnn
sed -n '/==== the model/,$p' in/inside.c >model.c
lacks model.c wrong AT_idle AT_K params inside_pack
lacks in/inside.c random_uniform init_uniform malloc
lacks in/inside.h y wrong seed loss grads params inside_pack inside_init
for word in o state work; do if grep -qw "$word" in/inside.h; then pass; else fail "inside.h lacks $word"; fi; done

# The outputs depend on no parameter.
cat >idle.rnn <<'SPEC'
model idle {
    input  x[t] : real(3)
    target y[t] : real(3)
    param k
    h = tanh(x) + h[t-1]
    output h
    loss mean_square(k * h, y)
}
SPEC
weights idle.rnn || fail "idle: no weights"
for as in embedded extern blob; do same idle.rnn --weights-as $as; done
weights both.rnn || fail "both: no weights"

# ---- libraries -------------------------------------------------------------------------------------------------------
weights "$root/specs/models/char_lm.rnn" -D V=20 -D H=8 -D E=4 || fail "char_lm: no weights"
"$rnnc" build "$root/specs/models/char_lm.rnn" -D V=20 -D H=8 -D E=4 --weights w.st --standalone --prefix lm -o . >stdout || fail "char_lm"
if ${CC:-cc} -O2 -c lm.c -o lm.o && [ -z "$(nm -u lm.o | grep -vwE 'U (memcpy|memset|memmove)')" ]; then pass
else fail "the C of char_lm calls libraries:"; nm -u lm.o; fi
cat >bare.rnn <<'SPEC'
model bare {
    input x[t] : real(3)
    h = gru_layer_norm(x, 4)
    o = dense(h, 3)
    y = o - logsumexp(o) + floor(o) + softplus(o) + elu(o) + log(1 + abs(o)) + sqrt(abs(o))
    output y
}
SPEC
weights bare.rnn || fail "bare: no weights"
"$rnnc" build bare.rnn --weights w.st --standalone -o . >stdout || fail "bare"
for flags in -O0 -O2; do
    if ${CC:-cc} $flags -c bare.c -o bare.o && [ -z "$(nm -u bare.o | grep -vwE 'U (memcpy|memset|memmove)')" ]; then pass
    else fail "the C of bare calls libraries at $flags:"; nm -u bare.o; fi
done
weights both.rnn && "$rnnc" build both.rnn --weights w.st --standalone --prefix inside -o in >stdout || fail "both: no weights"

# ---- doubles ---------------------------------------------------------------------------------------------------------
cat >sum.rnn <<'SPEC'
model sum {
    input x[t] : real
    param k
    s = s[t-1] + k * x
    output s
}
SPEC
weights sum.rnn || fail "sum: no weights"
{ head -c $(($(wc -c <w.st) - 4)) w.st | sed 's/F32/F64/; s/\[0,4\]/[0,8]/'; printf '\232\231\231\231\231\231\271\077'; } >tenth.st
printf '#include "d.h"\nint main(void) { static d_state s; double work[D_STEP_WORK(1, 1)], x = 1, y; d_args a = { .batch = 1, .T = 1, .x = &x, .s = &y, .state = &s, .work = work }; return d_step(&a) || y != 0.1; }\n' >d_main.c
if "$rnnc" build sum.rnn --weights tenth.st --real double --standalone --prefix d -o . >stdout 2>stderr &&
    ${CC:-cc} -I. d_main.c d.c -o d_main -lm 2>>stderr && ./d_main; then pass; else fail "a double is not exact"; cat stderr; fi
printf '#include "f.h"\nint main(void) { static f_state s; float work[F_STEP_WORK(1, 1)], x = 1, y; f_args a = { .batch = 1, .T = 1, .x = &x, .s = &y, .state = &s, .work = work }; return f_step(&a) || y != 0.1f; }\n' >f_main.c
if "$rnnc" build sum.rnn --weights tenth.st --standalone --prefix f -o . >stdout 2>stderr &&
    ${CC:-cc} -I. f_main.c f.c -o f_main -lm 2>>stderr && ./f_main; then pass; else fail "a float is not exact"; cat stderr; fi
weights both.rnn && "$rnnc" build both.rnn --weights w.st --standalone --prefix inside -o in >stdout || fail "both: no weights"

# ---- compilers -------------------------------------------------------------------------------------------------------
flags="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
for compiler in "gcc -std=c99" "clang -std=c99" "g++ -std=c++17 -x c++" "tcc -std=c99"; do
    command -v "${compiler%% *}" >/dev/null || { echo "deploy: no ${compiler%% *}"; continue; }
    # shellcheck disable=SC2086
    if $compiler $flags -Iin -c in/inside.c -o any.o 2>stderr && [ ! -s stderr ]; then pass
    else fail "$compiler"; head -20 stderr; fi
done
"$rnnc" build both.rnn --weights w.st --standalone --single-header --prefix one -o . >stdout || fail "--single-header"
absent() { for f in "$@"; do if [ -e "$f" ]; then fail "$f was written"; rm -rf "$f"; else pass; fi; done; }
absent one.c
printf '#define ONE_IMPLEMENTATION\n#include "one.h"\n#include "one.h"\nint main(void) { return one_step(0) != ONE_BAD_ARGUMENT; }\n' >one_main.c
if ${CC:-cc} -I. one_main.c -o one_main -lm 2>stderr && ./one_main; then pass; else fail "one.h"; cat stderr; fi
if ${CC:-cc} -ffunction-sections -DINSIDE_WEIGHTS_ATTRIBUTE='__attribute__((section(".flash")))' -c in/inside.c -o any.o 2>stderr &&
    objdump -h any.o | grep -q '\.flash'; then pass; else fail "INSIDE_WEIGHTS_ATTRIBUTE"; cat stderr; fi

# ---- a step of one sequence ------------------------------------------------------------------------------------------

cat >stream.rnn <<'EOF'
model stream {
    cell C = lstm
    input  x[t] : real(8)
    h = C(x, 8)
    output h
}
EOF
for cell in lstm gru; do
    if "$rnnc" build stream.rnn --standalone -D C=$cell -o . && $cc stream.c "$here/stream.c" -lm -o stream && ./stream; then pass
    else fail "a step of $cell"; fi
done

# ---- what it needs ---------------------------------------------------------------------------------------------------
# needs SPEC OPTION...: RAM as printed is what the header's macros say, and the stack stays below what is printed, and
# each frame below 4 KB.
needs() {
    rm -rf in
    if ! "$rnnc" build "$@" --prefix m --inference --standalone -o in >stdout 2>stderr; then fail "$*"; cat stderr; return; fi
    entry=$(sed -n 's/^RAM .* bytes for \([a-z]*\):.*/\1/p' stdout)
    ENTRY=$(echo "$entry" | tr '[:lower:]' '[:upper:]')
    {
        printf '#include "m.h"\n#include <stdio.h>\n'
        printf 'int main(void) { printf("%%zu\\n", (M_PARAMS + M_PACKED + M_%s_WORK(%s M_BATCH)) * sizeof(float)' "$ENTRY" "$(sed -n "s/.*M_${ENTRY}_WORK(\(.*\)batch).*/\1/p" in/m.h | sed 's/[A-Z]/1/g')"
        if grep -q m_state in/m.h; then printf ' + sizeof(m_state)'; fi
        printf '); return 0; }\n'
    } >ram.c
    ram=$(sed -n 's/^RAM *\([0-9]*\) .*/\1/p' stdout)
    if ${CC:-cc} -std=c11 -Iin ram.c -o ram 2>stderr && [ "$(./ram)" = "$ram" ]; then pass
    else fail "$*: says $ram bytes of RAM, but they are $(./ram)"; cat stderr; fi
    grep -qF "$ram bytes for $entry" in/m.h && pass || fail "$*: the header does not say what is printed"
    command -v gcc >/dev/null || return
    most=$(sed -n 's/^stack *below \([0-9]*\) .*/\1/p' stdout)
    for flags in -Os -O2 "-O3 -march=skylake-avx512" -m32\ -O2; do
        # shellcheck disable=SC2086
        gcc $flags -w -fstack-usage -c in/m.c -o in/m.o 2>/dev/null || continue
        said=$(awk -F'\t' -v most="$most" '
            { n = split($1, part, ":"); f = part[n]; size = $2 + 16; if (size > 4096) print f " takes " size; sub(/\..*/, "", f) }
            f == "m_init" || f == "m_pack" || f ~ /^(init|pack)_/ { next }
            f == "m_step" || f == "m_forward" { if (size > entry) entry = size; next }
            f == "contract" { top = size; next }
            f ~ /^contract_/ { if (size > below) below = size; next }
            f ~ /^row_/ { rows += size; next }
            { if (size > other) other = size }
            END {
                chain = top + below > rows ? top + below : rows
                sum = entry + (chain > other ? chain : other)
                if (sum > most) print "in all " sum ", more than " most
            }' in/m.su)
        if [ -z "$said" ]; then pass; else fail "$* $flags: $said"; fi
    done
}
for spec in hello char_lm\ -DV=60\ -DH=128 char_lm\ -DV=60\ -DC=gru tiny_lstm strokes reber several frames\ --steps=7 "attention -DV=9 -DW=8 --steps=5" \
    tcn\ -DV=9; do
    # shellcheck disable=SC2086
    set -- $spec
    name=$1
    shift
    needs "$root/specs/models/$name.rnn" "$@"
done
expect 0 "" build "$root/specs/models/hello.rnn" --inference -o in --max-ram 4K --max-flash 1 --max-stack 1M
if grep -q "time   240 flops a step, 192 of these in products" stdout; then pass; else fail "flops"; cat stdout; fi
expect 1 "more than --max-ram 100 (packed: " build "$root/specs/models/hello.rnn" --inference -o no --max-ram 100
expect 1 "more than --max-stack 1K (the function itself: " build "$root/specs/models/hello.rnn" --inference -o no --max-stack 1K
expect 1 "constants take" build both.rnn --weights w.st -o no --max-flash 512
expect 1 "(h.Wi, h.Wf, h.Wo, h.Wg, packed for products: " build both.rnn --weights w.st -o no --max-flash 512
expect 1 "--max-ram needs --steps N" build "$root/specs/models/frames.rnn" --inference -o no --max-ram 1M
expect 2 "expected a number of bytes" build both.rnn --inference -o no --max-ram 32Q
expect 2 "expected a number of bytes" build both.rnn --inference -o no --max-ram 0
expect 2 "is for a build without loss" build both.rnn -o no --max-flash 1K

# ---- what is refused -------------------------------------------------------------------------------------------------
expect 1 "w.st: the tensor 'W' (8, 8) is missing" build "$root/specs/models/hello.rnn" --weights w.st -o no
sed 's/K(2,2)/K(2,2), more(3)/' both.rnn >more.rnn
expect 1 "w.st: the tensor 'more' (3) is missing" build more.rnn --weights w.st -o no
sed 's/idle(4)/idle(5)/; s/sum(idle)/sum(idle)/' both.rnn >shape.rnn
expect 1 "w.st: 'idle' has shape (4), but the parameter is (5)" build shape.rnn --weights w.st -o no
size=$(wc -c <w.st)
{ head -c $((size - 4)) w.st; printf '\000\000\300\177'; } >nan.st
expect 1 "holds NaN at (1): weights must be finite" build both.rnn --weights nan.st -o no
expect 3 "bad.st: cannot be read" build both.rnn --weights bad.st -o no
head -c 50 w.st >bad.st
expect 1 "bad.st" build both.rnn --weights bad.st -o no
expect 2 "it needs --weights W.safetensors" build both.rnn --weights-as blob -o no
expect 2 "it needs --weights W.safetensors" build both.rnn --weights-bits 8 -o no
expect 0 "" build sum.rnn --weights tenth.st --weights-bits 8 --standalone -o in
if grep -q "nothing became integers" stdout; then pass; else fail "no matrix"; cat stdout; fi
expect 2 "leave out --real double" build both.rnn --weights w.st --weights-bits 8 --real double -o no
expect 2 "leave out --threads" build both.rnn --weights w.st --weights-bits 8 --threads 2 -o no
expect 2 "it needs that, 8 or 16" build both.rnn --weights w.st --rounded r.st -o no
expect 2 "--weights-bits" build both.rnn --weights w.st --weights-bits 4 -o no
cp w.st kept.st
expect 2 "which would be overwritten: w.st" build both.rnn --weights w.st --weights-bits 8 --rounded w.st -o no
if cmp -s w.st kept.st; then pass; else fail "--rounded overwrote the weights"; fi
expect 2 "what -o writes and --rounded name the same file: no/both.c" build both.rnn --weights w.st --weights-bits 8 --rounded no/both.c -o no
expect 3 "nowhere/r.st: cannot be written" build both.rnn --weights w.st --weights-bits 8 --rounded nowhere/r.st -o no
expect 2 "--weights-as blob writes a file of its own: -o DIR" build both.rnn --weights w.st --weights-as blob -o -
absent no
summary
