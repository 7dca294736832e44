#!/bin/sh
# flags.sh: each flag of rnnc train does what it says, and each line of `train { }` the same. Run by run.sh, or alone.
#
# At the end, every flag that `rnnc help train` lists must have had its check: one that is parsed and then forgotten is
# found here.
alone=${work:-yes}
[ -n "$work" ] || . "$(dirname "$0")/common.sh"

covered=" "
covers() { for flag; do covered="$covered$flag "; done; }

# The table after a few updates tells whether a flag had an effect.
# begin ARGUMENTS...: the table to compare with.  changes FLAG ...: with these added, it is another one.
short="--updates 40"
begin() { base=$*; rm -rf f; train $base -o f $short --csv base.csv; }
changes() { covers "$1"; rm -rf f; train $base -o f $short --csv f.csv "$@"; differ base.csv f.csv "$*"; }
# csv_of TABLE ARGUMENTS...: the table of a training.
csv_of() { to=$1; shift; rm -rf f; train "$@" -o f --csv "$to"; }

train lm.rnn --text text.txt -o hidden --updates 3 --batch 2

# ---- of the rule and the rate ----------------------------------------------------------------------------------------

begin lm.rnn --text text.txt
csv_of f.csv $base $short; equal base.csv f.csv "two trainings alike"
changes --seed 2
changes --batch 5
changes --steps 9
changes --rate 0.01
changes --clip 0.01
changes --clip-value 0.001
changes --accumulate 2
changes --warmup 10
changes --group 'h.W=0.1'
changes --real double
changes --define H=9
changes --beta1 0.5
changes --beta2 0.5
changes --epsilon 0.1
changes --decay 0.1
changes --init hidden/last.safetensors
# A layer of another shape is drawn, and the others begin as they were saved.
sed 's/softmax(\(.*\))$/softmax(dense(\1, V))/' lm.rnn >deeper.rnn
"$rnnc" train deeper.rnn --text text.txt -o f --updates 1 --init hidden/last.safetensors >said 2>&1
if grep -qxF "from hidden/last.safetensors come all parameters but p.dense2.W, p.dense2.b, p.dense.W, which are drawn" said; then
    pass
else fail "--init with some of the parameters"; cat said; fi
expect 1 "the tensor 'p.lstm.Wi' (6, 6) is missing" train tags.rnn --data tags.npz -o f --init hidden/last.safetensors
changes --validate-every 4
changes --validate-every 4 --validation shorter.txt
csv_of g.csv $base $short --validate-every 4; differ f.csv g.csv --validation; covers --validation
csv_of f.csv $base $short --validate-every 4 --split 0.5,0.4,0.1; differ f.csv g.csv --split; covers --split
for rule in sgd momentum nesterov rmsprop adagrad adadelta adamw; do changes --optimiser $rule; done
short="--updates 20"
begin lm.rnn --text text.txt --optimiser momentum; changes --momentum 0.2
begin lm.rnn --text text.txt --optimiser rmsprop; changes --rho 0.2

short="--epochs 4"
begin lm.rnn --text text.txt --batch 20
changes --schedule linear
begin lm.rnn --text text.txt --batch 20 --schedule cosine; changes --total 200
begin lm.rnn --text text.txt --batch 20 --schedule exponential; changes --factor 0.7
begin lm.rnn --text text.txt --batch 20 --schedule step; changes --every 1
begin $base --every 1; changes --factor 0.7
begin lm.rnn --text text.txt --batch 20 --schedule halving; changes --after 1
begin $base --after 2; changes --factor 0.7
short="--epochs 8"    # at such a rate there is no progress, and the table has the rates
begin lm.rnn --text text.txt --batch 20 --schedule plateau --rate 1e-9; changes --plateau 1
begin $base --plateau 1; changes --factor 0.7

# ---- of the data -----------------------------------------------------------------------------------------------------

short="--updates 20"
begin tags.rnn --data tags.npz --batch 6
changes --no-shuffle
changes --bucket
changes --chunk 4
changes --seed 3
changes --split 0.5,0.5,0
short="--updates 20 --validate-every 5"
begin tags.rnn --data tags.npz --batch 6
changes --validation other.npz
begin plain.rnn --words text.txt; changes --vocabulary 5
csv_of f.csv plain.rnn --text shorter.txt $short; csv_of g.csv plain.rnn --words shorter.txt $short
differ base.csv f.csv --text; differ g.csv f.csv --words; differ base.csv g.csv --words; covers --text --words
csv_of f.csv tags.rnn --data other.npz --batch 6 $short; csv_of g.csv tags.rnn --data tags.npz --batch 6 $short
differ f.csv g.csv --data; covers --data

# ---- of the run ------------------------------------------------------------------------------------------------------

train lm.rnn --text text.txt -o f --epochs 2; shows "^epoch 2/2"; lacks "^epoch 3"; covers --epochs
train lm.rnn --text text.txt -o f --updates 7; shows "after 7 updates"; covers --updates
[ -e last.safetensors ] && fail "-o was ignored" || pass; covers --out
train lm.rnn --text text.txt --out other --updates 7; [ -s other/last.safetensors ] && pass || fail --out
train lm.rnn --text text.txt -o f --resume --updates 9; shows "^goes on after 7 updates"; covers --resume
covers --patience    # a rate of 0 makes no progress
train lm.rnn --text text.txt -o f --epochs 40 --batch 20 --rate 0 --patience 2 --csv f.csv
below "$(tail -n 1 f.csv | cut -d, -f2)" 39.5 "epochs with --patience 2"
last=$(tail -n 1 f.csv | cut -d, -f2)
train lm.rnn --text text.txt -o f --epochs 40 --batch 20 --rate 0 --patience 6 --csv f.csv
below "$last" "$(tail -n 1 f.csv | cut -d, -f2)" "epochs with --patience 2 and 6"
rm -f curve.csv curve.svg; train lm.rnn --text text.txt -o f --updates 7 --csv curve.csv --svg curve.svg; covers --csv --svg
[ "$(wc -l <curve.csv)" -eq 8 ] && grep -q "</svg>" curve.svg && pass || fail "--csv or --svg"
covers --save-every
train lm.rnn --text text.txt -o f --updates 1 -v; shows " ms  first update$"; covers --verbose
huge="reals.rnn --data reals.npz --optimiser sgd --rate 1e30"
rm -rf f; expect 4 "nothing was saved" train $huge -o f
expect 4 "the checkpoint is as of update 1" train $huge -o f --save-every 1
covers --jit
if command -v tcc >/dev/null; then
    rm -rf f; CC=/nothing/cc train lm.rnn --text text.txt -o f --updates 7 --jit tcc --csv f.csv
    train lm.rnn --text text.txt -o f --updates 7 --jit cc --csv g.csv
    below "($(column f.csv 3 8) - $(column g.csv 3 8)) ^ 2" 1e-6 "--jit tcc and cc"
fi
covers --threads    # more in tests/threads
train lm.rnn --text text.txt -o f --updates 7 --csv f.csv
train lm.rnn --text text.txt -o f --updates 7 --threads 3 --csv g.csv
below "($(column f.csv 3 8) - $(column g.csv 3 8)) ^ 2" 1e-6 "--threads 3 and none"
expect 2 "--threads: expected a whole number from 1 to 256" train lm.rnn --text text.txt -o f --threads 0
covers --checkpoint # more in tests/checkpoint
train lm.rnn --text text.txt -o f --updates 7 --checkpoint 3 --csv g.csv
below "($(column f.csv 3 8) - $(column g.csv 3 8)) ^ 2" 1e-6 "--checkpoint 3 and none"
sed 's/h = C(/h = bidirectional C(/' lm.rnn >both.rnn
expect 1 "--checkpoint" train both.rnn --text text.txt -o f --updates 1 --checkpoint 3
CC=/nothing/cc; export CC; expect 3 "/nothing/cc" train lm.rnn --text text.txt -o f --updates 7 --jit cc; unset CC
sed 's/model lm/model other/; s/H = 8/H = 9/' lm.rnn | cat lm.rnn - >two.rnn
train two.rnn --text text.txt -o f --updates 3 --model other; shows "^other: "
train two.rnn --text text.txt -o f --updates 3 --model lm; shows "^lm: "; covers --model
sed 's/rate = 0.02/rat = 0.02/' lm.rnn >wrong.rnn
expect 1 '"message"' train wrong.rnn --text text.txt --message-format json; covers --message-format
expect 1 "$(printf '\033')[" train wrong.rnn --text text.txt --color always; covers --color
expect 0 "" train --help; shows "^usage: rnnc train SPEC"; covers --help

for flag in $("$rnnc" help train | sed -n 's/^ .\{1,5\}\(--[a-z0-9-]*\).*/\1/p'); do
    case $covered in *" $flag "*) pass ;; *) fail "$flag has no check here" ;; esac
done

# ---- train { } -------------------------------------------------------------------------------------------------------

# setting LINES FLAGS...: these lines in `train { }` do what the flags do, and something.
setting() {
    lines=$1
    shift
    awk -v lines="$lines" '{ print } /train {/ { print lines }' bare.rnn >set.rnn
    csv_of f.csv set.rnn --text text.txt $short
    csv_of g.csv bare.rnn --text text.txt $short "$@"
    equal f.csv g.csv "train { $lines } and $*"
    differ f.csv base.csv "train { $lines }"
}
sed '/^        [a-zT]* = /d' lm.rnn >bare.rnn
short="--updates 30 --validate-every 10 --batch 20 --steps 10"
begin bare.rnn --text text.txt
for key in rate=0.01 warmup=9 beta1=0.5 beta2=0.5 epsilon=0.1 decay=0.1 clip=0.01 accumulate=2 seed=5 optimiser=sgd; do
    setting "$(echo $key | sed 's/=/ = /')" "--${key%%=*}" "${key#*=}"
done
setting "clip_value = 0.001" --clip-value 0.001
setting "validation = 0.3" --split 0.7,0.3,0
short="$short --optimiser rmsprop"
begin bare.rnn --text text.txt
setting "rho = 0.5" --rho 0.5
setting "momentum = 0.5" --momentum 0.5
short="--batch 20 --steps 10 --epochs 4 --schedule step --every 1"
begin bare.rnn --text text.txt --every 1
setting "factor = 0.5" --factor 0.5
short="--batch 20 --steps 10 --epochs 4 --schedule step"
begin bare.rnn --text text.txt; setting "every = 1" --every 1
short="--batch 20 --steps 10 --epochs 4 --schedule halving"
begin bare.rnn --text text.txt; setting "after = 1" --after 1
short="--batch 20 --steps 10 --epochs 4 --schedule cosine"
begin bare.rnn --text text.txt; setting "total = 200" --total 200
short="--batch 20 --steps 10 --epochs 8 --schedule plateau --rate 1e-9"
begin bare.rnn --text text.txt; setting "plateau = 1" --plateau 1
short="--batch 20 --steps 10 --rate 0"
begin bare.rnn --text text.txt --epochs 8
setting "patience = 1" --patience 1
setting "epochs = 3" --epochs 3
setting "updates = 5" --updates 5
short="--epochs 1"
begin bare.rnn --text text.txt
setting "batch = 5" --batch 5
setting "T = 5" --steps 5
setting "schedule = linear" --schedule linear
sed 's/cross_entropy(p, y)/cross_entropy(p, y)\n    train {\n        chunk = 4\n    }/' tags.rnn >chunked.rnn
csv_of f.csv chunked.rnn --data tags.npz --updates 20; csv_of g.csv tags.rnn --data tags.npz --updates 20 --chunk 4
equal f.csv g.csv "train { chunk } and --chunk"
train plain.rnn --text text.txt -o f --updates 9 --rate 0.01 --csv f.csv
sed 's/rate = 0.02/rate = 0.01/' plain.rnn >slow.rnn
train slow.rnn --text text.txt -o f --updates 9 --rate 0.02 --csv f.csv; train plain.rnn --text text.txt -o f --updates 9 --csv g.csv
equal f.csv g.csv "--rate over train { rate }"
grouped() { # grouped LINES...: lm.rnn with these lines in train { }
    awk -v lines="$1" '{ print } /train {/ { print lines }' lm.rnn >grouped.rnn
}
grouped 'group "p.*" = 0.1
group "h.[WU]" = 0
group "h.*" = 2'
train grouped.rnn --text text.txt -o f --updates 9 --csv f.csv
train lm.rnn --text text.txt -o f --updates 9 --csv g.csv --group 'p.*=0.1,h.[WU]=0,h.*=2'
equal f.csv g.csv "train { group } and --group"
train grouped.rnn --text text.txt -o f --updates 9 --csv f.csv --group 'h.*=0.5'
train lm.rnn --text text.txt -o f --updates 9 --csv g.csv --group 'h.*=0.5'
equal f.csv g.csv "--group over train { group }"
train lm.rnn --text text.txt -o f --updates 9 --csv g.csv; differ f.csv g.csv "train { group }"
grouped 'group "nothing.*" = 2'
expect 1 "no parameter fits the pattern 'nothing.*'" train grouped.rnn --text text.txt -o f

# ---- what has no effect is refused -----------------------------------------------------------------------------------

expect 2 "data is missing: one of --text" train lm.rnn
expect 2 "only one of --text, --words and --data may be given" train lm.rnn --text text.txt --words text.txt
expect 2 "only one of --text" eval lm.rnn --text text.txt --data tags.npz --weights hidden/last.safetensors
expect 2 "--momentum has no effect with adam" train lm.rnn --text text.txt --momentum 0.5
expect 2 "epsilon is 0: choose a number well above 0" train lm.rnn --text text.txt --epsilon 0 -o f
expect 2 "--factor has no effect with constant" train lm.rnn --text text.txt --factor 0.5
expect 2 "--chunk has no effect" train lm.rnn --text text.txt --chunk 5
expect 2 "--vocabulary has no effect" train lm.rnn --text text.txt --vocabulary 5
expect 2 "--steps is for texts" train tags.rnn --data tags.npz --steps 5
expect 2 "no parameter fits the pattern" train lm.rnn --text text.txt --group 'nothing*=2' -o f
expect 2 "--split" train lm.rnn --text text.txt --split 0.5,0.1,0.1
expect 2 "exclude each other" train lm.rnn --text text.txt --resume --init hidden/last.safetensors
expect 1 "needs a part to validate on" train lm.rnn --text text.txt --patience 2 --split 1,0,0 -o f

if [ "$alone" = yes ]; then
    echo "flags: $passed passed, $failed failed"
    [ $failed -eq 0 ]
fi
