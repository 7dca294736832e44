#!/bin/sh
# run.sh [MOMENTS]: rnnc train, eval and sample: what they learn, each flag (flags.sh), resuming to the same bits, and
# that nothing is lost: SIGKILL at MOMENTS random moments (25; `sh tests/train/run.sh 200` for long), Ctrl-C, faults of
# files.
#
# Needs RNNC (the program), BUILD (the folder of librnnc.a) and CC.
moments=${1:-25}
. "$(dirname "$0")/common.sh"
. "$here/flags.sh"

# ---- it learns -------------------------------------------------------------------------------------------------------

train plain.rnn --text text.txt -o learn --epochs 6 --csv learn.csv --svg learn.svg
for f in learn/last learn/best; do [ -s $f.safetensors ] && pass || fail "$f.safetensors is missing"; done
shows "^wrote learn/last.safetensors, learn/best.safetensors .validation [0-9.]*., learn.csv, learn.svg$"
lacks "nothing to validate on"
train plain.rnn --text text.txt -o blind --updates 3 --split 1,0,0
shows "nothing to validate on: no best.safetensors"
shows "^wrote blind/last.safetensors$"
[ -e blind/best.safetensors ] && fail "best.safetensors without a validation" || pass
expect 3 "there is no such file, but blind/last.safetensors: training writes best.safetensors when it validates" sample plain.rnn --weights blind/best.safetensors --length 3
cp learn/best.safetensors blind/best.safetensors
train plain.rnn --text text.txt -o blind --updates 3 --split 1,0,0
shows "nothing to validate on: blind/best.safetensors stays as an earlier training left it"
equal learn/best.safetensors blind/best.safetensors
below "$(tail -n 1 learn.csv | cut -d, -f3)" 1.0 "loss on a simple text"
below 2.5 "$(column learn.csv 3 2)" "loss at first"
[ "$(head -n 1 learn.csv)" = "update,epoch,loss,gradient_norm,rate,validation_loss,code" ] && pass || fail "header of the CSV"
updates=$(tail -n 1 learn.csv | cut -d, -f1)
[ "$(wc -l <learn.csv)" -eq $((updates + 1)) ] && pass || fail "the CSV has not a row for each update"
grep -q '<polyline.*points="[0-9]' learn.svg && grep -q '>update<' learn.svg && grep -q '>loss<' learn.svg &&
    grep -q '>validation<' learn.svg && pass || fail "the SVG lacks a curve or a title"
# Sizes that the checkpoint was trained with need not be given again; of another model's, what differs is said.
train tags.rnn --data tags.npz -o sized --updates 2 -D H=5
expect 0 "" run tags.rnn --data tags.npz --weights sized/last.safetensors -o sized.npz
expect 0 "" build tags.rnn --weights sized/last.safetensors -o sized
expect 0 "" gradflow tags.rnn --weights sized/last.safetensors
expect 1 "but the parameter is" run tags.rnn --data tags.npz --weights sized/last.safetensors -o sized.npz -D H=4
expect 1 "belongs to no parameter" run reals.rnn --data reals.npz --weights sized/last.safetensors -o sized.npz
expect 1 "is missing; it belongs to model 'tags', this is model 'reals': give the spec that it was trained from" \
    eval reals.rnn --data reals.npz --weights sized/last.safetensors
expect 0 "" eval plain.rnn --text text.txt --weights learn/last.safetensors --part validate
below "$(field loss)" 1.2 "validation loss"
same=$(awk '/^loss/ { l = $2 } /^perplexity/ { p = $2 } /^bits/ { b = $4 }
    END { print (p / exp(l) - 1) ^ 2 < 1e-9 && (b * log(2) - l) ^ 2 < 1e-8 }' stdout)
[ "$same" = 1 ] && pass || { fail "loss, perplexity and bits disagree"; cat stdout; }
below 0.5 "$(field accuracy)" "accuracy"
validation=$(awk -F, 'END { print $6 }' learn.csv)
below "($(field loss) - $validation) ^ 2" 1e-12 "eval against the validation of training"
expect 0 "" eval plain.rnn --text text.txt --weights learn/last.safetensors --part train
part=$(field loss)
expect 0 "" eval plain.rnn --text text.txt --weights learn/last.safetensors --part test
below 1e-9 "($(field loss) - $part) ^ 2" "--part has an effect"
expect 0 "" eval plain.rnn --text text.txt --weights learn/last.safetensors
part=$(field loss)
expect 0 "" eval plain.rnn --text text.txt --weights learn/last.safetensors --steps 5
below 1e-16 "($(field loss) - $part) ^ 2" "eval --steps has an effect"
expect 0 "" eval plain.rnn --text text.txt --weights learn/last.safetensors --real double
below "($(field loss) - $part) ^ 2" 1e-8 "eval in double"
train reals.rnn --data reals.npz -o learn_reals --epochs 30 --rate 0.02 --batch 8 --csv learn.csv
below "$(tail -n 1 learn.csv | cut -d, -f3)" 0.05 "loss on reals"
expect 0 "" eval reals.rnn --data reals.npz --weights learn_reals/last.safetensors
below "($(field 'mean square error') - $(field loss)) ^ 2" 1e-10 "mean square error"
lacks perplexity
# Each target has figures of its own, held against what its loss compares it with; small losses are shown, too.
cat >pair.rnn <<'END'
model pair {
    input  x[t] : real(2)
    target y[t] : real, z[t] : real
    param  k = 0, m = 3
    a = 0 * sum(x) + k
    b = 0 * sum(x) + m
    output a, b
    loss 1e-9 * mean_square(a, y)
    loss 1e-7 * mean_square(b, z)
}
END
train pair.rnn --data pair.npz -o pair --updates 3 --rate 1e-9
shows "loss 9\.00[0-9]*e-07  validation 9\.00[0-9]*e-07"
expect 0 "" eval pair.rnn --data pair.npz --weights pair/last.safetensors
below "($(field 'mean square error of z') - 9) ^ 2" 1e-9 "mean square error of z"
below "$(field 'mean square error of y')" 1 "mean square error of y"
# Weights that fit another spec, one with an output more, are taken with a warning, by every command; --resume refuses them.
sed -e 's/output a, b/more = 0 * a\n    output a, b, more/' pair.rnn >more.rnn
for what in "eval more.rnn --data pair.npz" "run more.rnn --data pair.npz -o more.npz" "build more.rnn -o more" \
    "gradflow more.rnn --steps 4 --adjoint a"; do
    expect 0 "rnnc: warning: pair/last.safetensors: was trained with another spec (hash " $what --weights pair/last.safetensors
    expect 0 "" $(echo "$what" | sed 's/more.rnn/pair.rnn/') --weights pair/last.safetensors
done
expect 1 "the spec has changed since (hash " train more.rnn --data pair.npz -o pair --resume --updates 4 --rate 1e-9
# A target that no loss compares with an output has none, though the shapes are the same; a difference compares, too.
sed -e '/1e-9/s/.*/    loss (y - a) ^ 2 weight z ^ 2 + 1/' -e '/1e-7/d' pair.rnn >weighted.rnn
train weighted.rnn --data pair.npz -o weighted --updates 3 --rate 1e-9
expect 0 "" eval weighted.rnn --data pair.npz --weights weighted/last.safetensors
below "$(field 'mean square error')" 1 "mean square error"
lacks "mean square error of"
train tags.rnn --data tags.npz -o learn_tags --epochs 40 --rate 0.03 --batch 8
expect 0 "" eval tags.rnn --data tags.npz --weights learn_tags/last.safetensors
below 0.9 "$(field accuracy)" "accuracy on tags"
lacks "bits per character"

# eval cuts and splits the data as the training did, from either checkpoint, until flags say otherwise.
train plain.rnn --text text.txt -o cut --updates 9 --batch 3 --steps 6 --split 0.6,0.1,0.3
lacks "will be replaced"
for which in last best; do
    expect 0 "" eval plain.rnn --text text.txt --weights cut/$which.safetensors --part test; cp stdout as_trained
    expect 0 "" eval plain.rnn --text text.txt --weights cut/$which.safetensors --part test --batch 3 --steps 6 --split 0.6,0.1,0.3
    equal stdout as_trained "eval of $which.safetensors with the flags of training"
    expect 0 "" eval plain.rnn --text text.txt --weights cut/$which.safetensors --part test --split 0.9,0.05,0.05
    differ stdout as_trained "eval --split over that of training"
done
train plain.rnn --text text.txt -o cut --updates 1
shows "^cut/last.safetensors of an earlier training will be replaced; --resume would go on from it$"

# What is better than an epoch's end need not be better than the end of the training before, which wrote best.safetensors.
train plain.rnn --text text.txt -o better --updates 30
cp better/best.safetensors was_best
train plain.rnn --text text.txt -o better --resume --updates 33 --rate 5
shows "^validation "
shows "^wrote better/last.safetensors; the best is still better/best.safetensors .validation [0-9.]*.$"
equal better/best.safetensors was_best "best.safetensors after a worse end"

# Each size from data is that of the inputs and targets in which it stands.
sizes() { # sizes SPEC "NAME=VALUE ...": the checkpoint says so
    train $1 --data mixed.npz -o sized --updates 3
    grep -aqF "\"definitions\":\"$2\"" sized/last.safetensors && pass || { fail "$1: sizes are not $2"; strings sized/last.safetensors | head -2; }
    expect 0 "" eval $1 --data mixed.npz --weights sized/last.safetensors
}
sizes mixed.rnn "K=5 D=2 E=4 L=3"
sed 's/, L = from data//; s/(L)/(K)/; s/, L)/, K)/' mixed.rnn >shared.rnn
sizes shared.rnn "K=5 D=2 E=4"
sed 's/, E = from data//; s/real(E)/real(D)/' mixed.rnn >clash.rnn
expect 1 "mixed.npz: the size D is 2 for 'v', but 4 for 'w'" train clash.rnn --data mixed.npz -o f
# Nothing to validate on.
sed 's/(p, y)/(p, y, ignore = 0)/' tags.rnn >ignoring.rnn
expect 1 "nothing to validate on counts" train ignoring.rnn --data tags.npz --validation blank.npz -o f --epochs 1
# What is there but says no size is named, as is what is not there.
expect 1 "reals.npz: 'x' is F32, but tokens are integers" train tags.rnn --data reals.npz -o f
sed 's/\bx\b/q/g' tags.rnn >named.rnn
expect 1 "the size K comes from 'q', and there is no such array" train named.rnn --data pair.npz -o f
sed 's/w : real(E)/w[t] : real(E)/' mixed.rnn >turned.rnn
expect 1 "mixed.npz: 'w' has shape (30, 4), expected are 3 dimensions, and the last of them says the size E" \
    train turned.rnn --data mixed.npz -o f

# ---- sampling --------------------------------------------------------------------------------------------------------

sample() { expect 0 "" sample plain.rnn --weights learn/last.safetensors "$@"; cp stdout "$out"; }
out=s1; sample --length 60
out=s2; sample --length 60
equal s1 s2 "the same seed"
[ "$(wc -c <s1)" -eq 61 ] && pass || fail "--length 60 gave $(wc -c <s1) bytes"
out=s2; sample --length 60 --seed 2; differ s1 s2 "--seed"
out=s2; sample --length 60 --temperature 5; differ s1 s2 "--temperature"
out=s2; sample --length 60 --temperature 0; out=s3; sample --length 60 --temperature 0 --seed 9
equal s2 s3 "--temperature 0"
out=s3; sample --length 60 --top-k 1; equal s2 s3 "--top-k 1 and --temperature 0"
out=s3; sample --length 60 --top-p 0.0001; equal s2 s3 "--top-p of nearly nothing and --temperature 0"
out=s3; sample --length 20 --temperature 0 --prompt "the cat"
grep -q "^the cat" s3 && pass || { fail "the sample does not begin with its prompt:"; cat s3; }
out=s2; sample --length 20 --temperature 0 --prompt "the cat number 3 sat"; differ s2 s3 "--prompt"
out=s3; sample --length 60 --real double --jit tcc
expect 1 "the prompt has 'Q'" sample plain.rnn --weights learn/last.safetensors --prompt Q
expect 1 "the prompt has the byte 0xc3" sample plain.rnn --weights learn/last.safetensors --prompt 'ü'
expect 1 "no line 'generate" sample tags.rnn --weights learn_tags/last.safetensors
expect 1 "no line 'generate" eval tags.rnn --weights learn_tags/last.safetensors --data tags.npz --free; lacks .
expect 1 "is a checkpoint of 'rnnc train' and needs no import" import learn_tags/last.safetensors -o imported
expect 2 "--top-p" sample plain.rnn --weights learn/last.safetensors --top-p 2
expect 2 "--weights is missing" sample plain.rnn
expect 2 "--beam: expected a whole number from 1 to 1024" sample plain.rnn --weights learn/last.safetensors --beam 1025
expect 0 "" sample lm.rnn --weights hidden/last.safetensors --length 10
train plain.rnn --words text.txt -o words --updates 20 --vocabulary 8
expect 0 "" sample plain.rnn --weights words/last.safetensors --length 9 --prompt "the cat"
shows "^the cat "
shows "<unk>"
expect 0 "" eval plain.rnn --words text.txt --weights words/last.safetensors
lacks "bits per character"

# ---- resuming --------------------------------------------------------------------------------------------------------

# resumes NAME UPDATES STOPS FLAGS...: a training stopped and resumed at each of STOPS ends with the same bits.
resumes() {
    name=$1 all=$2 stops=$3
    shift 3
    rm -rf whole parts
    train "$@" -o whole --updates "$all" --csv whole.csv
    more=""
    for stop in $stops $all; do
        train "$@" -o parts --updates "$stop" --csv parts.csv $more
        more=--resume
    done
    equal whole/last.safetensors parts/last.safetensors "resuming, $name"
    equal whole/best.safetensors parts/best.safetensors "resuming, best, $name"
    equal whole.csv parts.csv "resuming, CSV, $name"
}
resumes text 400 "1 7 131 132 133 300" lm.rnn --text text.txt
resumes "text, all at once" 60 "3 20 41" lm.rnn --text text.txt --accumulate 3 --optimiser rmsprop --momentum 0.5 \
    --schedule cosine --total 60 --warmup 5 --validate-every 7 --batch 10
resumes words 90 "31 62" plain.rnn --words text.txt --vocabulary 9 --batch 2 --steps 5
resumes arrays 60 "1 13 14 45" tags.rnn --data tags.npz --batch 6 --bucket
resumes chunks 90 "5 16 44" tags.rnn --data tags.npz --batch 6 --chunk 4 --seed 5
resumes double 60 "25" reals.rnn --data reals.npz --batch 6 --real double --optimiser nesterov --schedule plateau --plateau 1
rm -rf parts; train tags.rnn --data tags.npz --batch 6 --chunk 4 --seed 5 -o parts --updates 9
expect 2 "was trained with 5" train tags.rnn --data tags.npz --batch 6 --chunk 4 --seed 6 -o parts --resume
train tags.rnn --data tags.npz --batch 6 --chunk 4 --seed 5 -o seeded --updates 30
train tags.rnn --data tags.npz --batch 6 --chunk 4 -o seeded --updates 60 --resume
train tags.rnn --data tags.npz --batch 6 --chunk 4 --seed 5 -o whole --updates 60
equal whole/last.safetensors seeded/last.safetensors "the seed comes from the checkpoint"

# Flags of before count until others are given.
before="--batch 3 --steps 7 --rate 0.03 --optimiser rmsprop --momentum 0.3 --clip 0.5 --group p.*=0.5 --real double"
before="$before --schedule step --every 1 --factor 0.7 --accumulate 2 --save-every 9 --validate-every 11"
rm -rf whole parts
train lm.rnn --text text.txt -o whole $before -D H=5 --updates 150
train lm.rnn --text text.txt -o parts $before -D H=5 --updates 70
train lm.rnn --text text.txt -o parts --resume --updates 150
equal whole/last.safetensors parts/last.safetensors "resuming with the flags of before"
equal whole/best.safetensors parts/best.safetensors "resuming with the flags of before, best"
shows "^goes on after 70 updates, as before with --real double --batch 3 --steps 7 --optimiser rmsprop --rate 0.03"
shows "^now updates = 150 \(was 70\)$"
[ "$(grep -c '^now ' stdout)" -eq 1 ] && pass || { fail "changes that are none:"; cat stdout; }
cp -r parts again
sed 's/clip = 5/warmup = 7/' lm.rnn >tamer.rnn
train lm.rnn --text text.txt -o again --resume
shows "^nothing was left to do after 150 updates"
equal again/last.safetensors parts/last.safetensors "resuming at the end"
train lm.rnn --text text.txt -o parts --resume --updates 160 --rate 0.01 --schedule exponential
shows "^now rate = 0.01 \(was 0.03\)$"
shows "^now schedule = exponential \(was step\)$"
shows "^now factor = 0.95 \(was 0.7\)$"
train tamer.rnn --text text.txt -o parts --resume --updates 161
shows "^now warmup = 7 \(was none\)$"
train lm.rnn --text shorter.txt -o parts --resume --updates 162
shows "^the data have changed; they were 6[0-9]* characters"
expect 1 "not by adam" train lm.rnn --text text.txt -o parts --resume --optimiser adam

# ---- killed, interrupted ---------------------------------------------------------------------------------------------

killed="$pin lm.rnn --text text.txt --batch 8 --updates 60 --save-every 1"
train $killed -o whole
started=$(date +%s%N); train $killed -o timed; ended=$(date +%s%N)
took=$(((ended - started) / 1000000))
awk -v n="$moments" -v most="$took" 'BEGIN { srand(); for (i = 0; i < n; i++) printf "%.3f\n", rand() * most / 1000 }' >moments
lost=0 none=0
while read -r moment; do
    rm -rf k
    "$rnnc" train $killed -o k >/dev/null 2>&1 & pid=$!
    sleep "$moment"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    if [ ! -e k/last.safetensors ]; then none=$((none + 1)); rm -rf k; continue; fi
    "$rnnc" eval lm.rnn --text text.txt --weights k/last.safetensors >stdout 2>stderr || { lost=1; cat stderr; }
    "$rnnc" train $killed -o k --resume >stdout 2>stderr || { lost=1; cat stderr; }
    cmp -s k/last.safetensors whole/last.safetensors || { lost=1; echo "killed after $moment s: other bits"; }
    cmp -s k/best.safetensors whole/best.safetensors || { lost=1; echo "killed after $moment s: another best"; }
done <moments
if [ $lost -eq 0 ] && [ $none -lt "$moments" ]; then pass
else fail "SIGKILL at $moments moments ($none before the first checkpoint)"; fi

for signal in INT TERM HUP; do
    rm -rf i
    interruptible "$rnnc" train lm.rnn --text text.txt -o i --epochs 100000 >stdout 2>stderr & pid=$!
    tries=0
    while [ ! -e i/last.safetensors ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
    kill -s $signal $pid
    wait $pid
    status=$?
    # 128 + the signal's number, as of a process that does not catch it
    [ $status -gt 128 ] && [ "$(kill -l $status)" = $signal ] && [ ! -s stderr ] && pass ||
        { fail "SIG$signal: exit status $status"; cat stderr; }
    shows "^stopped after [0-9]+ updates; i/last.safetensors is written, --resume goes on from there"
    at=$(sed -n 's/^stopped after \([0-9]*\) .*/\1/p' stdout)
    train lm.rnn --text text.txt -o i --resume --updates $((at + 20)) --epochs 100000
    rm -rf whole; train lm.rnn --text text.txt -o whole --updates $((at + 20)) --epochs 100000
    equal whole/last.safetensors i/last.safetensors "after SIG$signal"
done

# A log of a long training begins with how long it is, and says before its first epoch ends what one will take.
train lm.rnn --text text.txt -o length --updates 3 --epochs 2 --accumulate 2
shows "^an epoch is [0-9]+ updates of 2 batches; the end is after 2 epochs, 3 updates$"
awk '{ line[NR] = $0 } END { for (i = 0; i < 100 * NR; i++) print line[i % NR + 1] }' text.txt >long.txt
"$rnnc" train lm.rnn --text long.txt -o long -D H=1000 --batch 16 --jit tcc --epochs 5 >stdout 2>stderr & pid=$!
tries=0
while ! grep -q "a second" stdout && [ $tries -lt 200 ]; do sleep 0.1; tries=$((tries + 1)); done
kill -s INT $pid
wait $pid
shows "^after [0-9]+ updates, [0-9.]+ a second: about [0-9]+:[0-9][0-9]:[0-9][0-9] an epoch$"

# What a killed training has left goes with the next file; what a living one writes stays, and so does what is another's.
rm -rf i/.rnnc*; mkfifo hold
: >i/.rnnc-1-0.tmp; : >i/.rnnc-999999-7.tmp; : >i/.rnnc-notes; : >i/last.tmp
if command -v flock >/dev/null; then
    flock -x i/.rnnc-1-0.tmp sh -c 'echo >hold; read -r _ <hold' & pid=$!
    read -r _ <hold
    train lm.rnn --text text.txt -o i --resume --updates $((at + 21)) --epochs 100000
    [ -e i/.rnnc-1-0.tmp ] && pass || fail "a temporary file that is written to is gone"
    echo >hold; wait $pid
fi
train lm.rnn --text text.txt -o i --resume --updates $((at + 22)) --epochs 100000
found=$(cd i && ls -A | tr '\n' ' ')
[ "$found" = ".rnnc-notes best.safetensors last.safetensors last.tmp " ] && pass || fail "temporary files: $found"

# ---- faults: one line, the checkpoint that was there untouched -------------------------------------------------------

rm -rf keep; train lm.rnn --text text.txt -o keep --updates 20; cp keep/last.safetensors before
kept() { equal before keep/last.safetensors "$1"; if ls -A keep | grep -q '\.tmp$'; then fail "$1 left a file"; else pass; fi; }
huge="reals.rnn --data reals.npz -o keep --rate 1e30"
expect 1 "there is no batch to train on: more data, a smaller --batch, or another --split" train lm.rnn --text text.txt -o keep --split 0,1,0
expect 4 "the loss is inf after 1 updates (epoch 1); nothing was saved; lower --rate" train $huge --optimiser sgd
kept "a loss that is no number"
expect 4 "a parameter is" train $huge --optimiser sgd --rate 1e300 --real float --save-every 1
kept "a parameter that is no number"
rm -rf reals_kept; train reals.rnn --data reals.npz -o reals_kept --epochs 2; cp reals_kept/last.safetensors before_reals
expect 4 "; the checkpoint is as of update 4; lower --rate" train $huge -o reals_kept --resume --epochs 9
equal before_reals reals_kept/last.safetensors "a resumed training with a loss that is no number"
expect 4 "the validation loss is inf after 5 updates" train $huge -o reals_kept --resume --epochs 9 --updates 5
equal before_reals reals_kept/last.safetensors "a last update after which the validation loss is no number"
mkdir shut; chmod a-w shut
if [ "$(id -u)" != 0 ]; then expect 3 "shut/last.safetensors: cannot be written" train lm.rnn --text text.txt -o shut; fi
expect 3 "cannot make this folder" train lm.rnn --text text.txt -o nowhere/deep
expect 3 "text.txt: is not a folder" train lm.rnn --text text.txt -o text.txt
expect 3 "nothing.txt: cannot be read" train lm.rnn --text nothing.txt -o f
expect 3 "cannot be read" train lm.rnn --text text.txt -o empty_folder --resume
[ ! -e empty_folder ] && pass || fail "a failure left a folder"
sh -c 'ulimit -f 4; exec "$@"' - "$rnnc" train lm.rnn --text text.txt -o keep --updates 30 >stdout 2>stderr
status=$?
if [ $status -eq 3 ] && [ "$(wc -l <stderr)" -eq 1 ] && grep -q "keep/.*cannot be written" stderr; then pass
else fail "a full disk: exit status $status"; cat stderr; fi
kept "a full disk"
expect 3 "cannot be written" train lm.rnn --text text.txt -o f --updates 30 --csv /dev/full
size=$(wc -c <before)
for cut in 0 1 7 8 100 $((size / 2)) $((size - 1)); do
    head -c "$cut" before >keep/last.safetensors
    expect 1 "keep/last.safetensors" train lm.rnn --text text.txt -o keep --resume --updates 30
done
for at in 9 200 $((size / 2)) $((size - 3)); do
    cp before keep/last.safetensors
    byte=$(od -An -tu1 -j "$at" -N 1 before | tr -d ' ')
    printf "\\$(printf %o $((byte ^ 16)))" | dd of=keep/last.safetensors bs=1 seek="$at" conv=notrunc 2>/dev/null
    cp keep/last.safetensors flipped
    expect 1 "keep/last.safetensors" train lm.rnn --text text.txt -o keep --resume --updates 30
    equal flipped keep/last.safetensors "a broken checkpoint is left alone"
    expect 1 "flipped" eval lm.rnn --text text.txt --weights flipped
done
cp before keep/last.safetensors
sed 's/C(dropout(onehot(x), 0.1), H)/tanh(C(dropout(onehot(x), 0.1), H))/' lm.rnn >changed.rnn
expect 1 "keep/last.safetensors" train changed.rnn --text text.txt -o keep --resume
expect 1 "keep/last.safetensors" train lm.rnn --text text.txt -o keep --resume -D C=lstm
expect 1 "keep/last.safetensors" train lm.rnn --text text.txt -o keep --resume -D H=12
expect 1 "keep/last.safetensors" train lm.rnn --text text.txt -o keep --resume --optimiser sgd
expect 1 "learn_tags/last.safetensors" eval plain.rnn --text text.txt --weights learn_tags/last.safetensors
kept "another spec"
: >empty.txt; printf x >one.txt
for f in empty one; do
    expect 1 "$f.txt" train lm.rnn --text $f.txt -o f
    expect 1 "$f.txt" train lm.rnn --words $f.txt -o f
    expect 1 "$f.txt" train tags.rnn --data $f.txt -o f
    expect 1 "$f.txt" train tags.rnn --data tags.npz --init $f.txt -o f
    expect 1 "$f.txt" eval tags.rnn --data tags.npz --weights $f.txt
done
head -c 300 tags.npz >cut.npz
expect 1 "cut.npz" train tags.rnn --data cut.npz -o f
printf 'the cat Q\n' | cat - text.txt >strange.txt
expect 1 "strange.txt" eval lm.rnn --text strange.txt --weights before
printf 'model m {\n    input x[t] : real\n    output x as z\n}\n' >lossless.rnn
expect 1 "has no loss" train lossless.rnn --data reals.npz -o f
awk 'BEGIN { for (i = 0; i < 600000; i++) print "# a line of a comment that fills the file" }' >big.rnn
expect 1 "big.rnn: cannot be read: a spec has at most 16 MiB" train big.rnn --text text.txt -o f

# ---- pictures ----

"$rnnc" data running_sum -o sum.npz --count 64 -D T=10
for updates in 3 200; do
    "$rnnc" train "$root/specs/models/running_sum.rnn" --data sum.npz -o sum --updates $updates --svg sum.$updates.svg >said 2>&1 ||
        fail "running_sum: $(cat said)"
done
if grep -qF '>0.001<' sum.200.svg && ! grep -qF '>0.001<' sum.3.svg; then pass; else fail "the axis of losses that fall far"; fi

# ---- memory ----------------------------------------------------------------------------------------------------------

memory() { # peak of the resident memory, KiB, of a training of $1 updates
    ./peak "$rnnc" train $pin lm.rnn --text text.txt -o memory --updates "$1" --epochs 9999 --csv f.csv
}
if [ -z "$SANITIZE" ]; then # sanitizers keep what is freed
    few=$(memory 200) many=$(memory 4000)
    below 100 "$few" "memory of a training"
    below "$many" "$few * 1.02 + 200" "memory (KiB) of 4000 updates against $few of 200"
    # That of the compiler grows with the number of recurrences, not with its square.
    for count in 500 4000; do
        awk -v n=$count 'BEGIN {
            print "model m {\n input x[t] : real(4)\n target y[t] : real(4)\n a0 = tanh(x)"
            for (i = 1; i < n; i++) printf " a%d = tanh(a%d * a%d[t-1] + x)\n", i, i - 1, i
            printf " output a%d\n loss mean_square(a%d, y)\n}\n", n - 1, n - 1
        }' >recurrences$count.rnn
    done
    few=$(./peak "$rnnc" build recurrences500.rnn -o f) many=$(./peak "$rnnc" build recurrences4000.rnn -o f)
    below "$many" "$few * 8" "memory (KiB) of 4000 recurrences against $few of 500"
fi

summary
