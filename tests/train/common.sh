# common.sh: what the tests of training share beside suite.sh: helpers, texts, arrays and specs.
#
# Read by run.sh and flags.sh.
. "$(dirname "$0")/../suite.sh"
helper "$here/arrays.c"
${CC:-cc} -std=c11 -D_DEFAULT_SOURCE "$here/peak.c" -o "$work/peak" || fail "peak.c does not compile"
cd "$work" || exit 3

# ---- helpers ---------------------------------------------------------------------------------------------------------

shows() { if grep -qE -e "$1" stdout; then pass; else fail "stdout lacks '$1':"; head -20 stdout; fi; }
lacks() { if grep -qE -e "$1" stdout; then fail "stdout has '$1':"; head -20 stdout; else pass; fi; }
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
./arrays mixed.npz mixed 30 && ./arrays reals.npz reals 50 && ./arrays tags.npz tags 50 && ./arrays blank.npz blank 5 && ./arrays other.npz tags 20 &&
    ./arrays pair.npz pair 50 || fail "arrays.c"
# One compiler for all of a training: bits are compared. tests/tiers is about others.
RNNC_CACHE=off pin="--jit tcc"
export RNNC_CACHE
"$rnnc" gradcheck "$root/specs/models/hello.rnn" --jit tcc >stdout 2>stderr || pin="--jit cc"
train() { "$rnnc" train $pin "$@" >stdout 2>stderr || { fail "train $*: exit status $?"; cat stderr; }; }
