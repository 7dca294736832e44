#!/bin/sh
# run.sh: rnnc data: its messages, that every task's arrays are those of the spec that learns it, and that eval's measures
# are the means of what run computes. tests/unit/tasks.c holds the data themselves against their definitions.
#
# Needs RNNC (the program), BUILD (the folder of librnnc.a) and CC.
. "$(dirname "$0")/../suite.sh"
helper "$root/tests/cli/file.c"
cd "$work" || exit 3
models=$root/specs/models

shows() { if grep -qF -e "$1" stdout; then pass; else fail "stdout lacks '$1':"; head -20 stdout; fi; }
absent() { if [ -e "$1" ]; then fail "$1 was written"; rm -f "$1"; else pass; fi; }

# ---- messages --------------------------------------------------------------------------------------------------------
expect 2 "TASK is missing" data
expect 2 "there is no task 'adding2'; did you mean 'adding'?" data adding2 -o F.npz
expect 2 "there is no task 'frobnicate'; 'rnnc help data' lists them" data frobnicate
expect 2 "adding has no parameter 'length'; it has T" data adding -o F.npz -D length=3
expect 2 "parity has no parameter 'longst'; did you mean 'longest'?" data parity -o F.npz -D longst=3
expect 2 "-D T: expected a whole number from 2 to 100000, found '1'" data adding -o F.npz -D T=1
expect 2 "-D T: expected a whole number from 2 to 100000, found '7.5'" data adding -o F.npz -D T=7.5
expect 2 "-D T: expected a whole number from 2 to 100000, found '7x'" data adding -o F.npz -D T=7x
expect 2 "-D decay: expected a number from 0 to 1, found 'nan'" data average -o F.npz -D decay=nan
expect 2 "-D shortest: 60 is above longest, 50" data parity -o F.npz -D shortest=60
expect 2 "-o is missing" data adding --count 3
expect 2 "-o is missing" data adding -D T=7
expect 2 "--count: expected a whole number from 1" data adding -o F.npz --count 0
expect 2 "--seed: expected a whole number from 0" data adding -o F.npz --seed -1
expect 3 "none/F.npz: cannot be written" data adding -o none/F.npz
absent F.npz
expect 0 "" help data;                        shows "  program_evaluation  short programs"
expect 0 "" data adding;                      shows "  x (N, T, 2)         reals: uniform in [0, 1)"
expect 0 "" data noisy_stream;                shows "NAME_lengths (N)"; shows "  most = 8"

# ---- the same, and not the same --------------------------------------------------------------------------------------
expect 0 "" data sine -o a.npz --count 20 -D noise=0.1
expect 0 "" data sine -o b.npz --count 20 -D noise=0.1 --seed 1; equal a.npz b.npz
expect 0 "" data sine -o b.npz --count 20 -D noise=0.1 --seed 0; differ a.npz b.npz
expect 0 "" data sine -o b.npz --count 20;                       differ a.npz b.npz
expect 0 "" data sine -o b.npz --count 21 -D noise=0.1;          differ a.npz b.npz

# ---- each with its spec ----------------------------------------------------------------------------------------------
tasks=$(sed -n 's/^TASK(\([a-z_]*\),.*/\1/p' "$root/runtime/tasks/tasks.def")
[ -n "$tasks" ] || fail "runtime/tasks/tasks.def: no task was found"
for task in $tasks; do
    expect 0 "" data "$task" -o F.npz --count 3
    expect 0 "" run "$models/$task.rnn" --init 1 --data F.npz -o OUT.npz --jit tcc
    if ./file print OUT.npz loss | grep -q '^-\{0,1\}[0-9]'; then pass; else fail "$task: run computes no loss"; fi
done
expect 0 "" data running_sum -o F.npz --count 10 -D T=1000
expect 0 "" run "$models/running_sum.rnn" -D C=constant --init 1 --data F.npz -o OUT.npz --real double
if [ "$(./file print OUT.npz loss | tail -1)" = 0 ]; then pass; else fail "running_sum: the weights 1 and 1 do not add up"; fi

# ---- measures --------------------------------------------------------------------------------------------------------
expect 0 "" data reber -o train.npz --count 400
expect 0 "" data reber -o test.npz --count 70 --seed 2
expect 0 "" train "$models/reber.rnn" --data train.npz -o run --jit tcc
expect 0 "" run "$models/reber.rnn" --weights run/last.safetensors --data test.npz -o OUT.npz
expect 0 "" eval "$models/reber.rnn" --weights run/last.safetensors --data test.npz --batch 16
sum() { ./file print "$1" "$2" | awk 'NR > 1 { sum += $1 } END { printf "%.9g\n", sum }'; }
whole=$(sed -n 's/^all_grammatical //p' stdout) right=$(sed -n 's/^grammatical //p' stdout)
close() { if awk -v a="$1" -v b="$2" -v n="$3" 'BEGIN { exit !(a != "" && n > 0 && (a - b / n) ^ 2 < 1e-12) }'; then pass
    else fail "$4: eval says $1, run $2 of $3"; fi; }
close "$whole" "$(sum OUT.npz all_grammatical)" 70 all_grammatical
close "$right" "$(sum OUT.npz grammatical)" "$(sum test.npz x_lengths)" grammatical
if awk -v w="$whole" -v r="$right" 'BEGIN { exit !(r > 0.3 && r < 1 && w < r) }'; then pass
else fail "a little training: right $right, whole $whole"; fi
expect 1 "--chunk cuts sequences, and the output 'all_grammatical' is one number of a whole one" \
    eval "$models/reber.rnn" --weights run/last.safetensors --data test.npz --chunk 5

summary
