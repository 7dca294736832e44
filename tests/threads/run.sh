#!/bin/sh
# run.sh: --threads: shards of a batch and blocks of products give what one thread gives, the same bits however they are run.
#
# Needs RNNC (the program) and CC. Without a compiler that knows OpenMP only the shards in one thread are tried.
. "$(dirname "$0")/../suite.sh"
cd "$work" || exit 3
: "${CC:=cc}"
RNNC_CACHE=$work/cache
export RNNC_CACHE

cat >small.rnn <<'END'
model small {
    input  u[t] : real(3)
    target z[t] : real(4), m[t] : real
    a = lstm(dropout(u, 0.3), 36)
    param P(4,36)
    h = tanh(P @ a)
    output h
    loss mean_square(h, z)
    loss 0.1 * sum(P * P)
    loss absolute(h, z) weight m
}
END

# shards NAME FLAG...: the C of ./$of with these flags; what it prints goes to $of/NAME.
shards() {
    name=$1
    shift
    if ! $CC -std=c99 -DWORTH_THREADS=0 -DWORTH_BLOCKS=0 "$@" -I$of -o probe "$here/shards.c" $of/one.c $of/three.c -lm 2>said; then
        fail "$of/$name: does not compile"; head -5 said
    elif ./probe >"$of/$name"; then pass
    else fail "$of/$name:"; grep -v '^[a-z_]* -*0x' "$of/$name"; fi
}
openmp=1
echo 'int main(void) { return 0; }' >probe.c
$CC -fopenmp -o probe probe.c 2>said || { openmp=; echo "threads: skipped: $CC has no OpenMP"; }
for batch in 1 8; do    # blocks of products; shards
    of=batch$batch
    expect 0 "" build small.rnn --prefix one --batch $batch --standalone -o $of
    expect 0 "" build small.rnn --prefix three --batch $batch --threads 3 --standalone -o $of
    if grep -q '_THREADS 3 .*-fopenmp' $of/three.h; then pass; else fail "the header does not say how to compile"; fi
    if grep -q 'omp parallel' $of/three.c; then pass; else fail "nothing is parallel for batches of $batch"; fi
    shards alone -O2
    [ "$openmp" ] || continue
    shards together -O2 -fopenmp
    shards again -O2 -fopenmp
    equal $of/together $of/again "two runs"
    equal $of/together $of/alone "with OpenMP and without"
done

awk 'BEGIN { for (i = 0; i < 900; i++) printf "the cat number %d sat on the mat %d times;\n", i % 7, i % 3 }' >text.txt
cat >lm.rnn <<'END'
model lm {
    size V = from data, H = 24
    input  x[t] : token(V)
    target y[t] : token(V)
    h = lstm(dropout(onehot(x), 0.1), H)
    p = softmax(dense(h, V))
    output p
    loss cross_entropy(p, y)
}
END
train() { expect 0 "" train lm.rnn --text text.txt --updates 6 --batch 16 --steps 20 "$@"; }
curve() { tail -1 "$1" | cut -d, -f3 | cut -c1-6; }
train --jit cc -o one --csv one.csv
if [ "$openmp" ]; then
    train --jit cc --threads 2 -o two --csv two.csv
    train --jit cc --threads 2 -o twice
    equal two/last.safetensors twice/last.safetensors "two trainings in two threads"
    # best.safetensors does not hold the flags: it differs by the order of sums.
    differ one/best.safetensors two/best.safetensors "threads without effect"
    if [ "$(curve one.csv)" = "$(curve two.csv)" ]; then pass; else fail "losses: $(tail -1 one.csv), $(tail -1 two.csv)"; fi
    train --jit cc --threads 2 -o cut --updates 3
    says 0 "--threads 2" train lm.rnn --text text.txt --resume -o cut --updates 6
    equal cut/last.safetensors two/last.safetensors "resumed and uninterrupted"
fi
train --jit tcc --threads 2 -o tcc --csv tcc.csv
if [ "$(curve one.csv)" = "$(curve tcc.csv)" ]; then pass; else fail "losses of tcc: $(tail -1 one.csv), $(tail -1 tcc.csv)"; fi
"$rnnc" data adding -o adding.npz --count 60 >said || fail "rnnc data adding"
for n in 1 3; do
    expect 0 "" run "$root/specs/models/adding.rnn" --init 1 --data adding.npz -o out$n.npz --grad $n.safetensors --threads $n --jit tcc
done
differ 1.safetensors 3.safetensors "run: threads without effect"
expect 0 "" eval lm.rnn --weights one/last.safetensors --text text.txt --threads 2 --jit tcc
expect 0 "" gradcheck small.rnn --threads 2

expect 2 "--threads: expected a whole number from 1 to 256, found '0'" build small.rnn --batch 4 --threads 0
expect 2 "--threads: expected a whole number from 1 to 256, found '257'" train lm.rnn --text text.txt --threads 257
expect 2 "'--threads' is no option of this command" check small.rnn --threads 2
summary
