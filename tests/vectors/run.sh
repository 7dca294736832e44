#!/bin/sh
# run.sh: gcc makes vectors of every loop over components, by what it says of them (-fopt-info-vec-all). Loops over two
# dimensions are left out, and those of less than 16 rounds. Skipped where there is no gcc of at least 12.
. "$(dirname "$0")/../suite.sh"
if ! [ "$(gcc -dumpversion 2>/dev/null | cut -d. -f1)" -ge 12 ] 2>/dev/null; then
    echo "vectors: 1 skipped, there is no gcc of at least 12"
    summary
    exit
fi
case $(gcc -dumpmachine) in
x86_64-*) targets="-march=x86-64-v3 -march=x86-64-v4" ;;
*) targets="-march=native" ;;
esac

cat >"$work/relu.rnn" <<'END'
model relu {
    input  x[t] : real(32)
    target y[t] : token(40)
    h = indrnn(x, 64)
    p = softmax(dense(relu(dense(h, 64)), 40))
    loss cross_entropy(p, y)
}
END

# What gcc says, then the C: prints the loops that it missed.
missed='
NR == FNR && split($0, part, ":") > 3 {
    if (/missed: couldn.t vectorize loop/) missed[part[2]] = 1
    if (/optimized: loop vectorized/) for (k = 0; k < 3; k++) made[part[2] - k] = 1
}
NR == FNR { next }
FNR == loop + 1 && loop && !/for \(size_t/ && rounds >= 16 {
    count++
    if (missed[loop] && !made[loop]) print "    line " loop ":" $0
}
/RNN_INDEPENDENT$/ { getline; loop = FNR; rounds = $0; sub(/.* < /, "", rounds); rounds += 0 }
END { if (!count) print "    there is no loop" }'

for spec in "$work/relu.rnn" "$root"/specs/models/adding.rnn "$root"/specs/models/temporal_order.rnn; do
    "$rnnc" build "$spec" --standalone --prefix net --batch 8 -o "$work" >"$work/said" 2>&1 ||
        { fail "$spec:"; cat "$work/said"; }
    for target in $targets; do
        gcc -O3 "$target" -c "$work/net.c" -fopt-info-vec-all -o "$work/object" 2>"$work/said" || fail "gcc $target $spec"
        grep '^[^ ]*net\.c:' "$work/said" >"$work/vectors"
        awk "$missed" "$work/vectors" "$work/net.c" >"$work/missed"
        if [ -s "$work/missed" ]; then fail "$(basename "$spec") $target: no vectors:"; cat "$work/missed"; else pass; fi
    done
done
summary
