# common.sh: what the tests of training share: counting, programs, helpers, texts, arrays and specs, in a folder of
# their own.
#
# Read by run.sh and flags.sh. Needs RNNC (the program), BUILD (the folder of librnnc.a) and CC.
here=$(cd "$(dirname "$0")" && pwd) || exit 3
root=$here/../..
rnnc=${RNNC:-$root/build/rnnc}
build=${BUILD:-$root/build}
work=$(mktemp -d) || exit 3
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
passed=0 failed=0
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "train: $*"; }

${CC:-cc} -std=c11 -D_POSIX_C_SOURCE=200809L ${SANITIZE:-} -I"$root/runtime" $(pkg-config --cflags jansson libzip) \
    "$here/arrays.c" "$build/librnnc.a" $(pkg-config --libs jansson libzip) -lm -o "$work/arrays" &&
    ${CC:-cc} -std=c11 -D_DEFAULT_SOURCE "$here/peak.c" -o "$work/peak" ||
    { echo "train: 0 passed, 1 failed"; exit 1; }
cd "$work" || exit 3

# ---- helpers ---------------------------------------------------------------------------------------------------------

# expect CODE TEXT ARGUMENTS...: rnnc must exit with CODE, and stderr must hold TEXT (nothing where TEXT is empty) in one
# line (or one and the usage, where the command line is wrong).
expect() {
    code=$1 text=$2
    shift 2
    "$rnnc" "$@" >stdout 2>stderr
    status=$?
    lines=$(wc -l <stderr)
    if [ $status -ne "$code" ]; then fail "rnnc $*: exit status $status, expected $code"; cat stderr
    elif [ -z "$text" ] && [ -s stderr ]; then fail "rnnc $*: wrote to stderr:"; cat stderr
    elif [ -n "$text" ] && ! grep -qF -e "$text" stderr; then fail "rnnc $*: expected '$text', found:"; cat stderr
    elif [ "$code" -ge 3 ] && [ "$lines" -ne 1 ]; then fail "rnnc $*: $lines lines, expected one"; cat stderr
    else pass; fi
}
shows() { if grep -qE -e "$1" stdout; then pass; else fail "stdout lacks '$1':"; head -20 stdout; fi; }
lacks() { if grep -qE -e "$1" stdout; then fail "stdout has '$1':"; head -20 stdout; else pass; fi; }
equal() { if cmp -s "$1" "$2"; then pass; else fail "$3: $1 and $2 differ"; fi; }
differ() { if cmp -s "$1" "$2"; then fail "$3: $1 and $2 are the same"; else pass; fi; }
# below NUMBER BOUND WHAT
below() { if awk "BEGIN { exit !($1 < $2) }"; then pass; else fail "$3: $1 is not below $2"; fi; }
field() { awk -v key="$1" 'index($0, key " ") == 1 { print $NF }' stdout; }
column() { tail -n "+$3" "$1" | head -n 1 | cut -d, -f"$2"; }     # column FILE COLUMN LINE

awk 'BEGIN { for (i = 0; i < 150; i++) printf "the cat number %d sat on the mat %d times;\n", i % 7, i % 3 }' >text.txt
head -n 90 text.txt >shorter.txt
cat >lm.rnn <<'END'
model lm {
    size V = from data, H = 8
    cell C = rnn
    input  x[t] : token(V)
    target y[t] : token(V)
    h = C(dropout(onehot(x), 0.1), H)
    p = softmax(dense(h, V))
    output h
    loss cross_entropy(p, y)
    generate x[t+1] ~ p
    train {
        rate = 0.02
        batch = 4
        T = 10
        clip = 5
    }
}
END
sed 's/output h/output p/; s/dropout(onehot(x), 0.1)/onehot(x)/' lm.rnn >plain.rnn
cat >reals.rnn <<'END'
model reals {
    size H = 6
    input  x[t] : real(2)
    target y[t] : real
    h = gru(x, H)
    z = sum(dense(h, 1))
    output z
    loss mean_square(z, y)
}
END
cat >tags.rnn <<'END'
model tags {
    size K = from data, H = 6
    input  x[t] : token(K)
    target y[t] : token(K)
    p = softmax(dense(lstm(onehot(x), H), K))
    output p
    loss cross_entropy(p, y)
}
END
cat >mixed.rnn <<'END'
model mixed {
    size K = from data, D = from data, E = from data, L = from data
    input  x[t] : token(K), v[t] : real(D), w : real(E)
    target y[t] : token(L)
    h = lstm(concat(onehot(x), v, w), 4)
    p = softmax(dense(h, L))
    output p
    loss cross_entropy(p, y)
}
END
./arrays mixed.npz mixed 30 && ./arrays reals.npz reals 50 && ./arrays tags.npz tags 50 && ./arrays other.npz tags 20 || fail "arrays.c"
# One compiler for all of a training: bits are compared. tests/tiers is about others.
RNNC_CACHE=off pin="--jit tcc"
export RNNC_CACHE
"$rnnc" gradcheck "$root/specs/models/hello.rnn" --jit tcc >stdout 2>stderr || pin="--jit cc"
train() { "$rnnc" train $pin "$@" >stdout 2>stderr || { fail "train $*: exit status $?"; cat stderr; }; }
