#!/bin/sh
# run.sh: what rnnc eval measures, on a few sequences counted by hand, however they are cut into batches (batches.py), and
# what rnnc says of labels that ctc cannot align.
#
# Needs RNNC (the program), BUILD (the folder of librnnc.a) and CC.
. "$(dirname "$0")/../suite.sh"
helper "$here/arrays.c"
"$work/arrays" "$work" || fail "arrays"
cd "$work" || exit 3

cat >labels.rnn <<'END'
model labels {
    input  x[t] : token(4)
    target y[s] : token(4)
    param  k = 8
    p = softmax(k * onehot(x))
    output p
    loss ctc(p, y)
}
END
cat >tags.rnn <<'END'
model tags {
    input  x[t] : token(4)
    target y[t] : token(4)
    param  k = 8
    p = softmax(k * onehot(x))
    output p
    loss cross_entropy(p, y, ignore = 0)
}
END

says 0 "" train labels.rnn --data labels.npz -o l --updates 1 --rate 0.0001 --split 1,0,0
says 0 "label error rate 0.222222" eval labels.rnn --data labels.npz --weights l/last.safetensors
says 0 "label error rate 0.222222" eval labels.rnn --data labels.npz --weights l/last.safetensors --batch 3
short="'y': the 2 labels of sequence 2 need 3 steps along t, and it has 2"
blank="'y': sequence 1 holds the blank of 'ctc', 0, as label 0"
for file in short blank; do
    eval "text=\$$file"
    says 1 "$file.npz: $text" train labels.rnn --data $file.npz -o f
    says 1 "$file.npz: $text" eval labels.rnn --data $file.npz --weights l/last.safetensors
    says 1 "$file.npz: $text" run labels.rnn --data $file.npz --init 1 -o f.npz
done

says 0 "" train tags.rnn --data tags.npz -o t --updates 1 --rate 0.0001 --split 1,0,0
says 0 "accuracy 0.625000" eval tags.rnn --data tags.npz --weights t/last.safetensors --f1
for text in "F1 0.357143" "class 1: F1 0.571429, precision 0.666667, recall 0.500000, 4 times" \
    "class 2: F1 0.857143, precision 0.750000, recall 1.000000, 3 times"; do
    says 0 "$text" eval tags.rnn --data tags.npz --weights t/last.safetensors --f1
done
"$rnnc" eval tags.rnn --data tags.npz --weights t/last.safetensors >said
if grep -q F1 said; then fail "F1 without --f1"; else pass; fi

# Logits as outputs say the same as their softmax; of a vector that is neither there is no perplexity.
for name in labels tags; do
    weights=$(printf %.1s $name)/last.safetensors
    "$rnnc" eval $name.rnn --data $name.npz --weights "$weights" >said
    sed 's/output p/output o/; s/p = softmax(\(.*\))$/o = \1/; s/(p, y/(softmax(o), y/' $name.rnn >logits.rnn
    "$rnnc" eval logits.rnn --data $name.npz --weights "$weights" >of_logits 2>warned
    if diff said of_logits >different; then pass; else fail "logits: $name"; cat different; fi
    sed 's/output p/o = 2 * p\n    output o/' $name.rnn >scaled.rnn
    "$rnnc" eval scaled.rnn --data $name.npz --weights "$weights" >of_scaled 2>warned
    if grep -q 'perplexity\|label error' of_scaled; then fail "figures of no chances: $name"; else pass; fi
done
sed 's/target y.*/target y[t] : real(4)/; s/softmax/sigmoid/; s/loss.*/loss binary_cross_entropy(p, y)/' tags.rnn >answers.rnn
says 0 "accuracy 0.625000" eval answers.rnn --data answers.npz --weights t/last.safetensors

counted_by batches.py numpy "$rnnc" "$work"
summary
