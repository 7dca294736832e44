#!/bin/sh
# run.sh: --checkpoint: gradients in segments of the sequence are those of the whole, from less memory, in every command
# that has them; and what cannot be cut is refused.
. "$(dirname "$0")/../suite.sh"
cd "$work" || exit 3
: "${CC:=cc}"
RNNC_CACHE=$work/cache
export RNNC_CACHE

# ---- the C -------------------------------------------------------------------------------------------------------------
cat >many.rnn <<'END'
model many {
    input  u[t] : real(3)
    target z : real(2)
    h = lstm(u, 6)
    o = dense(h[T] + mean(h over t), 2)
    output o
    loss mean_square(o, z)
}
END
expect 0 "" build many.rnn --prefix whole --batch 3 --standalone
expect 0 "" build many.rnn --prefix cut --batch 3 --standalone --checkpoint 14
if $CC -std=c99 -O1 -I. -o segments "$here/segments.c" cut.c whole.c -lm 2>said && ./segments >said && [ ! -s said ]; then pass
else fail "the C:"; head -5 said; fi
if grep -q segment_back whole.c; then fail "segments without --checkpoint"; else pass; fi

# ---- the commands ------------------------------------------------------------------------------------------------------
for k in 1 3 20; do expect 0 "" gradcheck many.rnn --steps 7 --checkpoint $k; done
for name in adding average caption char_lm classifier running_sum several strokes tcn; do
    defines=
    for size in $(grep -o '[A-Za-z_0-9]* = from data' "$root/specs/models/$name.rnn" | cut -d' ' -f1); do defines="$defines -D $size=5"; done
    grep -q 'size.* H = ' "$root/specs/models/$name.rnn" && defines="$defines -D H=4"
    # shellcheck disable=SC2086
    expect 0 "" gradcheck "$root/specs/models/$name.rnn" $defines --steps 5 --checkpoint 2
done

cat >lm.rnn <<'END'
model lm {
    size V = from data, H = 12
    input  x[t] : token(V)
    target y[t] : token(V)
    h = lstm(dropout(onehot(x), 0.2), H)
    p = softmax(dense(h, V))
    output p
    loss cross_entropy(p, y)
}
END
awk 'BEGIN { for (i = 0; i < 300; i++) printf "the cat number %d sat on the mat %d times;\n", i % 7, i % 3 }' >text.txt
train() { expect 0 "" train lm.rnn --text text.txt --updates 6 --batch 4 --steps 20 --jit tcc "$@"; }
curve() { cut -d, -f3 "$1" | cut -c1-6; }
train -o whole --csv whole.csv
train -o cut --csv cut.csv --checkpoint 6
train -o all --csv all.csv --checkpoint 20
if [ "$(curve whole.csv)" = "$(curve cut.csv)" ]; then pass; else fail "losses:"; paste whole.csv cut.csv; fi
if [ "$(curve whole.csv)" = "$(curve all.csv)" ]; then pass; else fail "losses of one segment:"; paste whole.csv all.csv; fi
# best.safetensors does not hold the flags: it differs by the order of sums.
differ whole/best.safetensors cut/best.safetensors "--checkpoint without effect"
train -o parts --checkpoint 6 --updates 3
says 0 "--checkpoint 6" train lm.rnn --text text.txt --resume -o parts --updates 6
equal parts/last.safetensors cut/last.safetensors "resumed and uninterrupted"

# auto: the root of the steps of a call.
expect 0 "" gradcheck many.rnn --steps 10 --checkpoint auto
expect 0 "" explain many.rnn --stage program --steps 50 --checkpoint auto
if grep -q "each segment of 7 steps, back" stdout; then pass; else fail "auto of 50 steps:"; grep segment stdout; fi
train -o auto --checkpoint auto    # of 20 steps
train -o four --checkpoint 4
equal auto/best.safetensors four/best.safetensors "--checkpoint auto of a text"
cat >sums.rnn <<'END'
model sums {
    input  x[t] : real
    target y[t] : real
    o = sum(dense(lstm(vector(x, 1), 6), 1))
    output o
    loss mean_square(o, y)
}
END
"$rnnc" data running_sum -o sums.npz --count 40 -D T=36 || fail "no data"
arrays() { expect 0 "" train sums.rnn --data sums.npz --updates 3 --batch 4 --jit tcc "$@"; }
arrays -o whole_auto --checkpoint auto
arrays -o whole_six --checkpoint 6
equal whole_auto/best.safetensors whole_six/best.safetensors "--checkpoint auto of arrays"
arrays -o cut_auto --checkpoint auto --chunk 9
arrays -o cut_three --checkpoint 3 --chunk 9
# best.safetensors holds the flags that cut the data, which are the same.
equal cut_auto/best.safetensors cut_three/best.safetensors "--checkpoint auto of chunks"
differ whole_auto/best.safetensors cut_auto/best.safetensors "--chunk without effect"
run() { expect 0 "" run sums.rnn --init 1 --data sums.npz -o out.npz "$@"; }
run --grad auto.safetensors --checkpoint auto
run --grad six.safetensors --checkpoint 6
run --grad whole.safetensors
equal auto.safetensors six.safetensors "run --checkpoint auto"
differ auto.safetensors whole.safetensors "run --checkpoint auto without effect"
expect 2 "--checkpoint auto needs --steps: how long sequences are" build many.rnn --checkpoint auto

# ---- what is refused ---------------------------------------------------------------------------------------------------
refused() {
    text=$1 change=$2
    shift 2
    sed "$change" many.rnn >refused.rnn
    expect 1 "$text" "$@" refused.rnn --checkpoint 3
}
refused "refused.rnn: --checkpoint cannot cut the sequence: h[t+1] needs later steps" 's/h = lstm(u, 6)/h = tanh(conv(u, 6) + 0.5 * h[t+1])/' gradcheck
refused "--checkpoint cannot cut the sequence: h.backward.h[t+1] needs later steps" 's/h = lstm/h = bidirectional lstm/; s/h.T. + //' build
refused "max(h over t) (refused.rnn:5) needs the whole of it on the way back" 's/mean(h/max(h/' build
refused "u[t+1] reads data ahead; give it those steps as another input, the same data shifted" 's/lstm(u, 6)/lstm(u + u[t+1], 6)/' build
refused "--checkpoint is about the gradient, and there is none" '/loss/d' build
expect 1 "--checkpoint cuts sequences of one time axis; the model has several" build "$root/specs/models/ctc.rnn" -D V=5 --checkpoint 3
expect 1 "--checkpoint cuts sequences of one time axis; the model has none" build "$root/specs/models/one_to_one.rnn" --checkpoint 3
expect 1 "--checkpoint is about the gradient, and there is none" build many.rnn --inference --checkpoint 3
expect 2 "--checkpoint is about gradients: it goes with --grad" run many.rnn --init 1 --data none.npz -o out.npz --checkpoint 3
expect 2 "--checkpoint: expected a whole number from 1 to 1073741824, or auto, found '0'" build many.rnn --checkpoint 0
expect 2 "'--checkpoint' is no option of this command" check many.rnn --checkpoint 3
summary
