#!/bin/sh
# run.sh: rnnc compare: what its table says is what rnnc train does; sweeps, runs that fail, interruption.
#
# Needs RNNC (the program).
. "$(dirname "$0")/../suite.sh"
check() { what=$1; shift; if "$@"; then pass; else fail "$what"; fi; }
cd "$work" || exit 3
RNNC_CACHE=off jit="--jit tcc"
export RNNC_CACHE
awk 'BEGIN { for (i = 0; i < 300; i++) printf "the cat number %d sat on the mat %d times;\n", i % 7, i % 3 }' >text.txt
cat >lm.rnn <<'END'
model lm {
    size V = from data, H = 8
    cell C = rnn
    input  x[t] : token(V)
    target y[t] : token(V)
    h = C(onehot(x), H)
    p = softmax(dense(h, V))
    loss cross_entropy(p, y)
    train {
        rate = 0.02
        batch = 4
        T = 10
    }
}
END
sed 's/C(onehot(x), H)/C(C(onehot(x), H), H)/' lm.rnn >deep.rnn
"$rnnc" gradcheck lm.rnn -D V=4 $jit >said 2>&1 || jit="--jit cc"
compare() { "$rnnc" compare "$@" $jit >stdout 2>stderr; }
row() { sed -n "/^variant/,\$p" stdout | grep "^$1  *[0-9]"; } # of the last table

# ---- the numbers are those of train ----------------------------------------------------------------------------------

compare lm.rnn deep.rnn --text text.txt --seeds 2 --seed 5 --updates 90 --csv all.csv --svg all.svg
check "exit status $?: $(cat stderr)" [ $? -eq 0 ]
check "stderr: $(cat stderr)" [ ! -s stderr ]
for spec in lm deep; do
    validations=""
    for seed in 5 6; do
        "$rnnc" train $spec.rnn --text text.txt --seed $seed --updates 90 $jit -o one --csv one.csv >said 2>&1 || fail "train: $(cat said)"
        tail -n +2 one.csv | cut -d, -f1,3 >one.loss
        grep "^$spec,$seed,[0-9]*,[0-9.]" all.csv | cut -d, -f3,4 >all.loss
        equal one.loss all.loss "losses of $spec, seed $seed"
        v=$("$rnnc" eval $spec.rnn --weights one/last.safetensors --text text.txt --part validate | awk '/^loss/ { print $2 }')
        validations="$validations $v"
    done
    wanted=$(echo "$validations" | awk '{ m = ($1 + $2) / 2; printf "%.5g +- %.2g\n", m, sqrt(($1 - m) ^ 2 + ($2 - m) ^ 2) }')
    check "$spec: validation is not '$wanted' in: $(row $spec)" [ -n "$(row $spec | grep -F " $wanted ")" ]
    params=$(sed -n 's/^lm: \([0-9]*\) parameters.*/\1/p' said)
    check "$spec: not $params parameters" [ "$(row $spec | awk '{ print $2 }')" = "$params" ]
    check "$spec: not 90 updates of 2 of 2 seeds" [ "$(row $spec | awk '{ print $4, $NF }')" = "90 2/2" ]
done
flops=$(row lm | awk '{ print $3 }')
# forward and twice backward: recurrent and dense products of 40 rows; the lookup costs none
v=$(sed -n 's/.* \([0-9]*\) different.*/\1/p' said)
check "flops $flops of V=$v" [ "$(awk -v f="$flops" -v v="$v" 'BEGIN { w = 3 * 2 * 40 * (8 * 8 + 8 * v); print (f > 0.99 * w && f < 1.01 * w) }')" = 1 ]
check "the picture lacks curves" [ "$(grep -c '<polyline' all.svg)" -eq 2 ]
grep -q '>deep<' all.svg
check "the picture does not name them" [ $? -eq 0 ]
cp all.csv before.csv
compare lm.rnn deep.rnn --text text.txt --seeds 2 --seed 5 --updates 90 --csv all.csv --jobs 1
equal all.csv before.csv "--jobs 1"

# ---- sweeps ----------------------------------------------------------------------------------------------------------

compare lm.rnn --text text.txt -D C=rnn,gru -D H=4,8 --seeds 1 --updates 5
check "sweep: exit status $?" [ $? -eq 0 ]
for name in "C=rnn H=4" "C=rnn H=8" "C=gru H=4" "C=gru H=8"; do check "no row '$name'" [ -n "$(row "$name")" ]; done
"$rnnc" train lm.rnn --text text.txt -D C=gru -D H=4 --updates 1 -o one $jit >said 2>&1
check "parameters of a variant" [ "$(row "C=gru H=4" | awk '{ print $3 }')" = "$(sed -n 's/^lm: \([0-9]*\) parameters.*/\1/p' said)" ]
check "a spread of one seed: $(row "C=gru H=4")" [ -z "$(row "C=gru H=4" | grep -F '+-')" ]
compare lm.rnn deep.rnn --text text.txt -D H=4,8 --seeds 1 --updates 5
for name in "lm H=4" "deep H=8"; do check "no row '$name'" [ -n "$(row "$name")" ]; done

# constants that are numbers, in equations and in settings: as where the spec says that number
sed 's/    h = C(onehot(x), H)/    const leak = 0.5\n    const lr = 0.02\n    h = leak * C(onehot(x), H)/; s/rate = 0.02/rate = lr/' lm.rnn >leaky.rnn
compare leaky.rnn --text text.txt -D leak=0.1,0.5 -D lr=0.02,0.05 --seeds 1 --updates 20
cp stdout swept
for leak in 0.1 0.5; do
    for lr in 0.02 0.05; do
        sed "s/leak = 0.5/leak = $leak/; s/lr = 0.02/lr = $lr/" leaky.rnn >written.rnn
        compare written.rnn --text text.txt --seeds 1 --updates 20
        wanted=$(row written | awk '{ print $6, $7 }')
        cp swept stdout
        found=$(row "leak=$leak lr=$lr" | awk '{ print $7, $8 }')
        check "leak=$leak lr=$lr: '$found', not '$wanted'" [ -n "$wanted" -a "$found" = "$wanted" ]
    done
done
distinct=$(awk '/^leak=[0-9.]* lr=[0-9.]* / { print $7 }' swept | sort -u | wc -l)
check "sweep of constants: $distinct different losses" [ "$distinct" -eq 4 ]

# ---- what is wrong ---------------------------------------------------------------------------------------------------

sed 's/dense(h, V)/dense(g, V)/' lm.rnn >wrong.rnn
expect 1 "'g'" compare lm.rnn wrong.rnn --text text.txt
expect 1 "nosuch" compare lm.rnn --text text.txt -D C=rnn,nosuch
expect 2 "data is missing" compare lm.rnn
expect 2 "more than 1024 runs" compare lm.rnn --text text.txt --seeds 1025
expect 2 "expected a whole number from 1" compare lm.rnn --text text.txt --seeds 0
expect 2 "name the same file" compare lm.rnn --text text.txt --csv text.txt
for i in 1 2 3; do cp lm.rnn "own$i.rnn"; done
expect 2 "--csv and SPEC name the same file" compare own1.rnn own2.rnn own3.rnn --text text.txt --csv own3.rnn
expect 3 "cannot be written" compare lm.rnn --text text.txt --csv nowhere/all.csv
sed 's/H = 8/H = 8, K = 1/; s/loss cross_entropy(p, y)/loss total log(sum(p) - 1 + (K - 1)) /' lm.rnn >nan.rnn
compare lm.rnn nan.rnn --text text.txt --seeds 2 --updates 20
status=$?
check "a run that fails: exit status $status" [ $status -eq 4 ]
check "a run that fails: $(cat stderr)" [ "$(grep -c "^rnnc: error: nan, seed [12]: the loss is " stderr)" -eq 2 ]
check "a run that fails: $(row nan)" [ -n "$(row nan | grep '0/2, 2 failed$')" ]
check "another run fails with it: $(row lm)" [ -n "$(row lm | grep ' 20 .*2/2$')" ]

# ---- interrupted -----------------------------------------------------------------------------------------------------

for signal in TERM INT HUP; do
    rm -f all.csv all.svg
    interruptible "$rnnc" compare lm.rnn --text text.txt --seeds 3 --updates 1000000000 --epochs 1000000 --csv all.csv --svg all.svg $jit >stdout 2>stderr &
    pid=$!
    sleep 1
    kill -$signal $pid
    wait $pid
    status=$?
    check "SIG$signal: exit status $status: $(cat stderr)" [ $status -gt 128 -a "$(kill -l $status)" = $signal ]
    check "SIG$signal: no table: $(cat stdout)" [ -n "$(row lm)" ]
    check "SIG$signal: no curves" [ -s all.csv ] && check "SIG$signal: no picture" [ -s all.svg ]
    check "SIG$signal: runs go on" [ -z "$(pgrep -P $pid; pgrep -f "updates 1000000000")" ]
done

summary
