#!/bin/sh
# run.sh: models that run freely, by `step` and by `forward`; what a beam finds against going through every sequence; labels
# of ctc; rnnc eval --free on sequences counted by hand. And the choices that shipped wirings offer have right gradients.
#
# Needs RNNC (the program), BUILD (the folder of librnnc.a) and CC.
. "$(dirname "$0")/../suite.sh"
helper "$here/arrays.c"
"$work/arrays" "$work" || fail "arrays"
cd "$work" || exit 3

# prints LINES ARGUMENTS...: rnnc prints exactly that.
prints() {
    wanted=$1
    shift
    "$rnnc" "$@" >said 2>errors
    if [ "$(cat said)" = "$wanted" ] && [ ! -s errors ]; then pass
    else fail "rnnc $*: expected '$wanted', found:"; cat said errors; fi
}

# ---- beams against going through everything ------------------------------------------------------------------------

# No `step`: two axes. The weights are large, so that the likeliest symbol is seldom the best way to begin.
cat >decoder.rnn <<'END'
model decoder {
    input  source[s] : token(3)
    input  before[t] : token(3)
    target y[t] : token(3)
    param  Q(4,5) = normal(2), K(4,5) = normal(2), v(4) = normal(2), E(3,5) = normal(1), F(3,5) = normal(2)
    param  W(5,5) = normal(1.5), C(5,5) = normal(2), O(3,5) = normal(1)
    e = lookup(E, source)
    a = softmax(sum(v * tanh(Q @ d[t-1] + K @ e)) over s)
    d = tanh(W @ d[t-1] + lookup(F, before) + C @ sum(a * e over s))
    d[0] = tanh(e[S])
    p = softmax(O @ d)
    output p
    loss cross_entropy(p, y)
    generate before[t+1] ~ p from 1 until 0
}
END
# With `step`, and an input without time.
cat >caption.rnn <<'END'
model caption {
    input  image : real(3)
    input  before[t] : token(3)
    target y[t] : token(3)
    param  F(3,5) = normal(2), W(5,5) = normal(1.5), C(5,3) = normal(2), O(3,5) = normal(1)
    h = tanh(W @ h[t-1] + lookup(F, before) + (C @ image) * (if t <= 2 then 1 else 0))
    p = softmax(O @ h)
    output p
    loss cross_entropy(p, y)
    generate before[t+1] ~ p from 1 until 0
}
END
sed 's/ until 0//' caption.rnn >endless_caption.rnn
sed 's/ until 0//' decoder.rnn >endless_decoder.rnn

for spec in decoder caption endless_decoder endless_caption; do
    data=images end=0
    case $spec in *decoder) data=sources ;; esac
    case $spec in endless*) end=-1 ;; esac
    different=0
    for seed in 1 2 3; do
        # Training so slow that the parameters stay as they are drawn.
        "$rnnc" train $spec.rnn --data ${data}_all.npz -o w --updates 1 --rate 1e-12 --split 1,0,0 --seed $seed >said 2>&1 ||
            { fail "train $spec:"; cat said; }
        w=w/last.safetensors
        "$rnnc" run $spec.rnn --data ${data}_all.npz --weights $w -o p.npz --real double >said 2>&1 ||
            { fail "run $spec:"; cat said; }
        for power in 0 0.7 1; do
            "$rnnc" sample $spec.rnn --data $data.npz --weights $w -o found.npz --length 5 --beam 500 --real double \
                --length-norm $power >said 2>&1 || { fail "sample $spec:"; cat said; }
            if ./arrays best p.npz found.npz $end $power 2>said; then pass
            else fail "$spec, seed $seed, --length-norm $power:"; cat said; fi
        done
        "$rnnc" sample $spec.rnn --data $data.npz --weights $w --length 5 --temperature 0 >greedy
        "$rnnc" sample $spec.rnn --data $data.npz --weights $w --length 5 --beam 1 >one
        equal greedy one "$spec: a beam of one and greedy"
        "$rnnc" sample $spec.rnn --data $data.npz --weights $w --length 5 --beam 500 >all
        cmp -s greedy all || different=$((different + 1))
        [ "$(wc -l <all)" -eq 10 ] && pass || fail "$spec: a line a sequence"
        "$rnnc" sample $spec.rnn --data $data.npz --weights $w --length 5 --seed 4 >drawn
        "$rnnc" sample $spec.rnn --data $data.npz --weights $w --length 5 --seed 4 >again
        equal drawn again "$spec: the same seed"
        "$rnnc" sample $spec.rnn --data $data.npz --weights $w --length 5 --seed 4 --temperature 3 -o drawn.npz >said 2>&1
        [ -s drawn.npz ] && [ ! -s said ] && pass || { fail "$spec: -o"; cat said; }
    done
    [ $different -gt 0 ] && pass || fail "$spec: greedy always finds the best; this proves nothing"
done

# The draws of a sequence are no other sequence's of the next seed. Every symbol is as likely after every image.
cat >uniform.rnn <<'END'
model uniform {
    input  image : real(3)
    input  before[t] : token(3)
    target y[t] : token(3)
    param  W(3,3) = normal(1)
    p = softmax(0 * (W @ onehot(before) + image))
    output p
    loss cross_entropy(p, y)
    generate before[t+1] ~ p from 1
}
END
"$rnnc" train uniform.rnn --data images_all.npz -o u --updates 1 --rate 1e-12 --split 1,0,0 >said 2>&1 || { fail "train uniform"; cat said; }
for seed in 4 5; do
    "$rnnc" sample uniform.rnn --data images.npz --weights u/last.safetensors --length 8 --seed $seed >uniform_$seed
done
tail -n +2 uniform_4 >later_4
sed '$d' uniform_5 >earlier_5
[ "$(wc -l <later_4)" -eq 9 ] && ! cmp -s later_4 earlier_5 && pass || fail "seed 5 draws what seed 4 does, a sequence later"

# ---- rnnc eval --free, counted by hand -------------------------------------------------------------------------------

# After each symbol the next one: it says 2 3 4 5 6 7 and ends.
cat >cycle.rnn <<'END'
model cycle {
    input  before[t] : token(8)
    target y[t] : token(8)
    param  k = 12
    o = onehot(before)
    p = softmax(k * concat(o(7), o(0:7)))
    output p
    loss cross_entropy(p, y)
    generate before[t+1] ~ p from 1 until 0
}
END
"$rnnc" train cycle.rnn --data cycle.npz -o c --updates 1 --rate 1e-12 --split 1,0,0 >said 2>&1 || { fail "train cycle"; cat said; }
c="cycle.rnn --data cycle.npz --weights c/last.safetensors"
says 0 "whole sequences 0.500000" eval $c
# Two edits of 12; 12 of 12, 8 of 10, 6 of 8 and 4 of 6 n-grams: (4 / 10) ^ (1 / 4).
for text in "free running: whole sequences 0.500000" "free running: error rate 0.166667" "free running: BLEU 0.795271"; do
    says 0 "$text" eval $c --free
    says 0 "$text" eval $c --free --beam 3
done
# Cut off after 4 of 6: 4 edits of 12; 4 of 4, 3 of 3, 2 of 2, 1 of 1, twice, and exp(1 - 12 / 8).
says 0 "free running: error rate 0.333333" eval $c --free --length 4
says 0 "free running: BLEU 0.606531" eval $c --free --length 4
# Trained in chunks, it is run whole. Three of 14 symbols cost 12 nats: exp(36 / 14).
"$rnnc" train cycle.rnn --data cycle.npz -o d --updates 1 --rate 1e-12 --split 1,0,0 --chunk 3 >said 2>&1 || { fail "train cycle"; cat said; }
for text in "free running: BLEU 0.795271" "whole sequences 0.500000" "perplexity 13.08" "free running: error rate 0.166667"; do
    says 0 "$text" eval cycle.rnn --data cycle.npz --weights d/last.safetensors --free
done
says 2 "--free and --chunk exclude each other" eval $c --free --chunk 3
"$rnnc" eval $c >said
if grep -q free said; then fail "free running without --free"; else pass; fi
prints "2 3 4 5 6 7" sample cycle.rnn --weights c/last.safetensors --temperature 0
prints "5 6 7" sample cycle.rnn --weights c/last.safetensors --temperature 0 --prompt 5
prints "2 3 4 5" sample cycle.rnn --weights c/last.safetensors --beam 3 --length 4
prints "2 3 4 5 6 7" sample cycle.rnn --weights c/last.safetensors --beam 3 --prompt "2 3"

# ---- labels of ctc ---------------------------------------------------------------------------------------------------

cat >frames.rnn <<'END'
model frames {
    input  x[t] : real(2)
    target y[s] : token(2)
    param  k = 1
    p = softmax(k * x)
    output p
    loss ctc(p, y)
}
END
"$rnnc" train frames.rnn --data frames.npz -o f --updates 1 --rate 1e-12 --split 1,0,0 >said 2>&1 || { fail "train frames"; cat said; }
f="frames.rnn --data frames.npz --weights f/last.safetensors"
# Both steps say nothing with 0.6; but label 1 has 0.4 * 0.4 + 2 * 0.4 * 0.6.
says 0 "label error rate 1.000000" eval $f --beam 2
says 0 "label error rate, beam of 2, 0.000000" eval $f --beam 2
says 0 "whole sequences 0.000000" eval $f
prints "" sample $f
prints "1" sample $f --beam 2
says 2 "--temperature has no effect" sample $f --temperature 0
says 2 "--beam has no effect without --free" eval $c --beam 3

# ---- what cannot be --------------------------------------------------------------------------------------------------

sed 's/^    h = .*/    h = bidirectional rnn(concat(embed(before, 3), image), 4)/; s/O(3,5)/O(3,8)/' caption.rnn >later.rnn
sed -i 's/F(3,5) = normal(2), W(5,5) = normal(1.5), C(5,3) = normal(2), //' later.rnn
"$rnnc" train later.rnn --data images_all.npz -o l --updates 1 >said 2>&1 || { fail "train later"; cat said; }
says 1 "'p' depends on later steps of t" sample later.rnn --data images.npz --weights l/last.safetensors
says 1 "'p' depends on later steps of t" eval later.rnn --data images_all.npz --weights l/last.safetensors --free
says 1 "also reads 'image'; --data gives it" sample caption.rnn --weights w/last.safetensors
sed 's/ from 1//' caption.rnn >beginless.rnn
"$rnnc" train caption.rnn --data images_all.npz -o w --updates 1 >said 2>&1 || { fail "train caption"; cat said; }
says 1 "nothing says how 'before' begins" sample beginless.rnn --data images.npz --weights w/last.safetensors
says 0 "" sample beginless.rnn --data images_all.npz --weights w/last.safetensors --length 3
says 1 "no input or target 'source'" sample caption.rnn --data sources.npz --weights w/last.safetensors
w="caption.rnn --data images.npz --weights w/last.safetensors"
says 2 "--beam and --temperature exclude each other" sample $w --beam 2 --temperature 1
says 2 "--length-norm has no effect without --beam" sample $w --length-norm 1
says 2 "--prompt and --data exclude each other" sample $w --prompt 1
says 2 "-o has no effect without --data" sample cycle.rnn --weights c/last.safetensors -o o.npz
says 2 "the same file" sample $w -o images.npz
says 2 "--free needs --data" eval cycle.rnn --text said --weights c/last.safetensors --free
says 2 "--length has no effect without --free" eval $c --length 4

# A loss that reads later steps carries nothing, but a step does.
sed 's/cross_entropy(p, y)/cross_entropy(p, y[t+1])/' caption.rnn >ahead.rnn
"$rnnc" train ahead.rnn --data images_all.npz -o a --updates 1 --rate 1e-12 --split 1,0,0 >said 2>&1 || { fail "train ahead"; cat said; }
"$rnnc" run ahead.rnn --data images_all.npz --weights a/last.safetensors -o p.npz --real double >said 2>&1 || { fail run; cat said; }
"$rnnc" sample ahead.rnn --data images.npz --weights a/last.safetensors -o found.npz --length 5 --beam 500 --real double >said 2>&1
if ./arrays best p.npz found.npz 0 0 2>said; then pass; else fail "a loss that reads later steps:"; cat said; fi

# ---- choices of shipped wirings --------------------------------------------------------------------------------------

small="-D E=3 -D H=4"
for choice in "many_to_one -D READ=1" "many_to_one -D READ=2" "many_to_one -D READ=3" "caption -D SEEN=1 -D D=3" \
    "caption -D SEEN=2 -D D=3" "word_lm -D TIED=1" "word_lm -D TIED=2"; do
    # shellcheck disable=SC2086
    set -- $choice
    name=$1
    shift
    # shellcheck disable=SC2086
    if "$rnnc" gradcheck "$root/specs/models/$name.rnn" "$@" $small -D V=7 >said 2>&1; then pass
    else fail "gradcheck $choice:"; cat said; fi
done
"$rnnc" check -v "$root/specs/models/word_lm.rnn" -D V=7 -D TIED=1 >one 2>&1
"$rnnc" check -v "$root/specs/models/word_lm.rnn" -D V=7 -D TIED=2 >two 2>&1
if [ "$(wc -l <two)" -eq $(($(wc -l <one) + 1)) ]; then pass; else fail "tied, there is one matrix less"; fi

# ---- chances that are not numbers ----------------------------------------------------------------------------------

cat >chances.rnn <<'END'
model chances {
    size   LESS = 1
    input  x[t] : token(4)
    target y[t] : token(4)
    param  E(4,4)
    p = softmax(lookup(E, x) + log(2 - LESS))
    output p
    loss cross_entropy(p, y)
    generate x[t+1] ~ p
}
END
printf abcdabcdabcdabcd >letters.txt
"$rnnc" train chances.rnn --text letters.txt --batch 1 --steps 4 --updates 1 --split 1,0,0 -o chances >said 2>&1 ||
    { fail "train chances:"; cat said; }
for how in "--temperature 1" "--beam 3"; do
    # shellcheck disable=SC2086
    expect 1 "a symbol's chance is NaN" sample chances.rnn --weights chances/last.safetensors -D LESS=3 --length 9 $how
    # shellcheck disable=SC2086
    expect 0 "" sample chances.rnn --weights chances/last.safetensors --length 9 $how
done

summary
