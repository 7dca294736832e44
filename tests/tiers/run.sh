#!/bin/sh
# run.sh: rnnc train --jit tiered and the cache: code of libtcc, then that of the C compiler, between two updates; what
# stays the same, what is said, and that nothing is left behind.
#
# Needs RNNC (the program). The compiler is a script that notes when it is called.
. "$(dirname "$0")/../suite.sh"
check() { what=$1; shift; if "$@"; then pass; else fail "$what"; fi; }
cd "$work" || exit 3
mkdir tmp
TMPDIR=$work/tmp RNNC_CACHE=$work/cache
export TMPDIR RNNC_CACHE

real=${CC:-cc}
compiler() { # compiler BEFORE: a C compiler that compiles fast, after BEFORE
    printf '#!/bin/sh\ncase $1 in --version) echo test; exit;; esac\necho run >>%s/log\n%s\nexec %s "$@" -O1\n' \
        "$work" "$1" "$real" >cc.sh
    chmod +x cc.sh
}
compiler ""
CC=$work/cc.sh
export CC
compiled() { if [ -e log ]; then wc -l <log; else echo 0; fi; }
awk 'BEGIN { for (i = 0; i < 400; i++) printf "the cat number %d sat on the mat %d times;\n", i % 7, i % 3 }' >text.txt
cat >lm.rnn <<'END'
model lm {
    size V = from data, H = 8
    input  x[t] : token(V)
    target y[t] : token(V)
    h = lstm(dropout(onehot(x), 0.1), H)
    p = softmax(dense(h, V))
    loss cross_entropy(p, y)
    train {
        rate = 0.02
        batch = 4
        T = 10
    }
}
END
train() { "$rnnc" train lm.rnn --text text.txt --epochs 1000000 --real double "$@" >stdout 2>stderr; }
code() { grep -ao '"code":"[^"]*"' "$1/last.safetensors" | cut -d'"' -f4; }
clean() { # nothing is left: no folder of a compiler, no compiler
    check "$1: files are left in TMPDIR: $(ls tmp)" [ -z "$(ls tmp)" ]
    tries=0
    while pgrep -f "sleep 97[.]5" >tries.out && [ $tries -lt 100 ]; do tries=$((tries + 1)); sleep 0.02; done
    check "$1: the compiler still runs" [ $tries -lt 100 ]
}
wait_for() { # wait_for TEXT FILE
    tries=0
    until grep -q "$1" "$2" 2>grep.err || [ $tries -ge 1200 ]; do tries=$((tries + 1)); sleep 0.05; done
}

if ! "$rnnc" train lm.rnn --text text.txt --updates 1 --jit tcc -o probe >stdout 2>stderr; then
    cat stderr
    echo "libtcc is not available: nothing to test"
    echo "tiers: 1 passed, 0 failed"
    exit 0
fi

# ---- work that is not worth a compiler ------------------------------------------------------------------------------

train -D H=64 --updates 1 --jit tcc -o big
rm -f log
"$rnnc" eval lm.rnn --weights big/last.safetensors --text text.txt --batch 32 --steps 50 -D H=64 >stdout 2>stderr
check "eval: $(cat stderr)" grep -q '^loss' stdout
check "a pass over a small text calls the compiler" [ "$(compiled)" -eq 0 ]

# ---- how long it took ------------------------------------------------------------------------------------------------

train -v --jit tcc -o timed --updates 2
for stage in "spec, data" graph derive passes plan "C for libtcc" code weights "first update"; do
    check "-v does not time '$stage'" grep -q "^ *[0-9.]* ms *[0-9.]* ms  $stage\$" stdout
done
check "-v reports more than one first update" [ "$(grep -c 'first update' stdout)" -eq 1 ]
train --jit tcc -o timed --updates 2
check "without -v stages are timed" [ "$(grep -c ' ms ' stdout)" -eq 0 ]

# ---- the switch ------------------------------------------------------------------------------------------------------

"$rnnc" train lm.rnn --text text.txt --epochs 1000000 --real double -o a --csv a.csv --save-every 500 >stdout 2>stderr &
pid=$!
wait_for "with the code of cc" stdout
sleep 0.3
kill -INT $pid
wait $pid 2>/dev/null
check "tiered: exit status $?" [ $? -eq 130 ] # saved, then ended by the signal
check "tiered writes to stderr: $(cat stderr)" [ ! -s stderr ]
at=$(sed -n 's/^from update \([0-9]*\) on with the code of cc$/\1/p' stdout)
check "no line says when the code changed" [ "${at:-0}" -gt 1 ]
check "the checkpoint says '$(code a)'" [ "$(code a)" = "tcc, cc from update $at" ]
check "the compiler was called $(compiled) times" [ "$(compiled)" -eq 1 ]
clean "after the switch"
updates=$(tail -n 1 a.csv | cut -d, -f1)
check "no update after the switch" [ "$updates" -gt "$at" ]

# Up to the switch the bits are those of tcc, after it the numbers are those of either, up to rounding, which grows: to be
# held against for some thousand updates, and of tcc for some hundred after the switch.
for jit in tcc cc; do
    train --jit $jit -o $jit --csv $jit.csv --updates "$updates"
    check "--jit $jit: the checkpoint says '$(code $jit)'" [ "$(code $jit)" = $jit ]
    case $jit in tcc) until=$((at + 300)) ;; cc) until=2000 ;; esac
    far=$(paste -d, a.csv $jit.csv | awk -F, -v until=$until 'NR > 1 && NR <= until { d = ($3 - $10) / ($10 + 1e-3); if (d < 0) d = -d; if (d > most) most = d }
        END { print (NR > 100 && most < 1e-6 ? "" : most + 0 " in " NR " lines") }')
    check "tiered is off from $jit by $far" [ -z "$far" ]
done
awk -F, -v at="$at" 'NR > 1 && $7 != ($1 < at ? "tcc" : "cc")' a.csv >other
check "the CSV says of update $(head -n 1 other) other code" [ ! -s other ]
head -n "$at" tcc.csv >tcc.head
head -n "$at" a.csv | cmp -s - tcc.head
check "before the switch it is not tcc" [ $? -eq 0 ]
cmp -s a/last.safetensors tcc/last.safetensors
check "after the switch it is still tcc" [ $? -eq 1 ]
train --jit tcc -o again --updates "$updates" --csv again.csv
cmp -s tcc.csv again.csv && cmp -s tcc/last.safetensors again/last.safetensors
check "--jit tcc does not give the same bits again" [ $? -eq 0 ]

# The second time begins with what was kept, and so does one that goes on, which waits for it if it must.
n=$(compiled)
train -o b --updates 50
check "the code was not kept: $(code b)" [ "$(code b)" = cc ]
check "compiled again" [ "$(compiled)" -eq "$n" ]
cp -r a c
train -o a --resume --updates $((updates + 60))
check "going on: the checkpoint says '$(code a)'" [ "$(code a)" = "tcc, cc from update $at" ]
RNNC_CACHE=off train -o c --resume --updates $((updates + 20))
check "going on did not wait for the compiler" [ "$(compiled)" -eq $((n + 1)) ]
RNNC_CACHE=off train -o c --resume --updates $((updates + 60))
cmp -s a/last.safetensors c/last.safetensors
check "going on after the switch does not give the same bits" [ $? -eq 0 ]
train -o c --resume --jit tcc --updates $((updates + 80))
check "the history is '$(code c)'" [ "$(code c)" = "tcc, cc from update $at, tcc from update $((updates + 61))" ]
train -o d --init a/last.safetensors --jit tcc --updates 5
check "a training of its own has a history of '$(code d)'" [ "$(code d)" = tcc ]

# ---- rnnc cache ------------------------------------------------------------------------------------------------------

"$rnnc" cache >stdout
check "rnnc cache says: $(cat stdout)" grep -qE "^$work/cache: 1 entries, [1-9][0-9]* of at most 268435456 bytes$" stdout
n=$(compiled)
for i in 1 2; do "$rnnc" gradcheck lm.rnn -D V=5 --jit cc >stdout 2>stderr || fail "gradcheck: $(cat stderr)"; done
check "gradcheck does not use the cache" [ "$(compiled)" -eq $((n + 1)) ]
"$rnnc" cache --clear >stdout
check "rnnc cache --clear says: $(cat stdout)" grep -qE "^$work/cache: removed 2 entries, [1-9][0-9]* bytes$" stdout
check "rnnc cache --clear leaves $(ls cache)" [ -z "$(ls cache)" ]
RNNC_CACHE=off "$rnnc" cache >stdout
check "rnnc cache without one says: $(cat stdout)" grep -q "there is no cache" stdout
RNNC_CACHE=$work/text.txt/cache "$rnnc" cache >stdout 2>stderr
check "rnnc cache in a file" [ $? -eq 3 ]
RNNC_CACHE=$work/text.txt/cache "$rnnc" gradcheck lm.rnn -D V=5 --jit cc >stdout 2>stderr
check "an unwritable cache: exit status" [ $? -eq 0 ]
check "an unwritable cache: $(cat stderr)" \
    [ "$(grep -c "^rnnc: note: the cache $work/text.txt/cache cannot be made: " stderr)" -eq 1 ]
check "an unwritable cache costs more than a line: $(cat stderr)" [ "$(wc -l <stderr)" -eq 1 ]

# ---- compilers that fail ---------------------------------------------------------------------------------------------

compiler "echo 'first line'; echo 'second line'; exit 3"
train -o e --updates 15000
check "a failing compiler: exit status $?" [ $? -eq 0 ]
check "a failing compiler: $(cat stderr)" \
    [ "$(cat stderr)" = "rnnc: note: $CC failed with status 3: set CC to a C compiler that works; the code of libtcc goes on" ]
train -o f --updates 15000 --jit tcc
head -n 1 e/last.safetensors | grep -aq '"code":"tcc"'
check "a failing compiler: $(code e)" [ "$(code e)" = tcc ]
clean "a failing compiler"
(CC=no-such-compiler; train -o g --updates 10; echo $? >status)
check "without a compiler: $(cat status stderr)" [ "$(cat status stderr)" = 0 ]
(CC=no-such-compiler; train -o g --updates 10 --jit tiered; echo $? >status)
check "--jit tiered without a compiler: $(cat status stderr)" \
    [ "$(cat status stderr)" = "0
rnnc: note: there is no C compiler (set CC): the code of libtcc goes on" ]

# ---- nothing is left -------------------------------------------------------------------------------------------------

compiler "(while :; do : >\$TMPDIR/more; done) & sleep 97.5"
rm -f log
train -o h --updates 4000
check "a training that ends first: exit status $?" [ $? -eq 0 ]
check "the compiler was not called" [ "$(compiled)" -eq 1 ]
check "a training that ends first: $(cat stderr)" [ ! -s stderr ]
clean "a training that ends first"
signals="INT TERM"
[ -n "$(sh -c 'kill -HUP $$; echo ignored')" ] || signals="$signals HUP" # nohup has it ignored, here and in rnnc
for signal in $signals; do
    rm -f log
    "$rnnc" train lm.rnn --text text.txt --epochs 1000000 -o "i$signal" >stdout 2>stderr &
    pid=$!
    wait_for run log
    kill -$signal $pid
    wait $pid 2>/dev/null
    status=$?
    check "SIG$signal: exit status $status" [ $status -gt 128 ]
    check "SIG$signal: ended by another signal, $status" [ "$(kill -l $status)" = $signal ]
    check "SIG$signal: no checkpoint" [ "$(code "i$signal")" = tcc ]
    check "SIG$signal: a temporary file of the checkpoint" [ -z "$(ls -A "i$signal" | grep -v '^[bl].*st.safetensors$')" ]
    clean "SIG$signal"
done
for signal in ${signals#INT}; do # while it waits for the compiler
    rm -f log
    "$rnnc" train lm.rnn --text text.txt --jit cc -o "j$signal" >stdout 2>stderr &
    pid=$!
    wait_for run log
    kill -$signal $pid
    wait $pid 2>/dev/null
    check "SIG$signal at first: exit status $?" [ $? -gt 128 ]
    clean "SIG$signal at first"
done

# The second Ctrl-C ends the process at once, as being killed does: then a guard cleans up, a moment later.
for how in "INT INT" KILL; do
    rm -f log
    "$rnnc" train lm.rnn --text text.txt -D H=256 --batch 32 --steps 250 -o "k" >stdout 2>stderr &
    pid=$!
    wait_for run log
    for signal in $how; do
        kill -"$signal" $pid
        sleep 0.1
    done
    wait $pid 2>/dev/null
    check "SIG$how: exit status $?" [ $? -gt 128 ]
    tries=0
    until [ -z "$(ls tmp)" ] || [ $tries -ge 250 ]; do tries=$((tries + 1)); sleep 0.02; done
    clean "SIG$how"
done

summary
