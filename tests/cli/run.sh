#!/bin/sh
# run.sh: the command line of rnnc: commands, exit codes, messages, and that a failure leaves nothing behind.
#
# Needs RNNC (the program), BUILD (the folder of librnnc.a) and CC.
. "$(dirname "$0")/../suite.sh"
helper "$here/file.c"
cd "$work" || exit 3
file=./file

# shows TEXT: stdout of the last rnnc must hold it.
shows() { if grep -qF -e "$1" stdout; then pass; else fail "stdout lacks '$1':"; head -20 stdout; fi; }
quiet() { if [ -s stdout ]; then fail "wrote to stdout:"; head -5 stdout; else pass; fi; }
same() { if [ "$1" = "$2" ]; then pass; else fail "found '$1', expected '$2'"; fi; }
absent() { for f in "$@"; do if [ -e "$f" ]; then fail "$f was written"; rm -rf "$f"; else pass; fi; done; }
no_rest() { if ls -A . "$@" 2>/dev/null | grep -q '\.tmp$'; then fail "a temporary file was left"; else pass; fi; }

cat >hello.rnn <<'END'
model hello {
    input  x[t] : token(4)
    target y[t] : token(4)
    param W(8,8), U(8,4), b(8), V(4,8), c(4)
    a = W @ h[t-1] + U @ onehot(x) + b
    h = tanh(a)
    o = V @ h + c
    p = softmax(o)
    output p, h as hidden
    loss cross_entropy(p, y)
}
END
cat >bad.rnn <<'END'
model bad {
    input x[t] : real(4)
    h = tanh(x +
    output h
}
END
cat >mask.rnn <<'END'
model mask {
    input  u[t] : real(2), v : real, m[t, s] : real(2)
    target z[t] : real(2)
    param W(2,2) = 0.5, k = 2
    h = tanh(W @ h[t-1] + u * k + v + sum(m over s))
    output h, m as echo
    loss mean_square(h, z)
}
END
cat >two.rnn <<'END'
model one { input x[t] : real(2)
    output x as y }
model other { input x[t] : real(3)
    output x as z }
END

# ---- the command line ------------------------------------------------------------------------------------------------
expect 2 "usage: rnnc COMMAND"
expect 2 "there is no command 'biuld'; did you mean 'build'?" biuld hello.rnn
expect 2 "there is no command 'frobnicate'" frobnicate
expect 0 "" --version;                        shows "rnnc 0."
expect 0 "" help;                             shows "rnnc gradcheck SPEC"
expect 0 "" --help;                           shows "Exit status"; shows "130: Ctrl-C"
expect 0 "" help run;                         shows "--weights W.safetensors"
expect 0 "" build --help;                     shows "--standalone"
expect 0 "" help build;                       shows " a folder (.), - prints"
expect 0 "" help run;                         shows " the file of arrays, .npz"
if grep -qE "build:|gradflow|train" stdout; then fail "rnnc help run speaks of other commands"; cat stdout; else pass; fi
expect 0 "" help gradflow;                    shows "of every axis or of each (100)"
expect 0 "" help compare;                     shows "each of A,B,... in turn"
expect 0 "" help watch;                       shows "end after so many passes over the data (never)"
for command in $("$rnnc" help | sed -n 's/^  rnnc \([a-z]*\) .*/\1/p'); do
    "$rnnc" help "$command" >stdout
    if awk '{ open = gsub(/\(/, "("); if (open != gsub(/\)/, ")")) exit 1 }' stdout; then pass
    else fail "rnnc help $command: a part of a text is missing"; cat stdout; fi
done
expect 0 "" run -h;                           shows "usage: rnnc run SPEC"
expect 2 "did you mean 'explain'?" help explian
expect 2 "SPEC... is missing" check
expect 2 "usage: rnnc check SPEC... [OPTION]..." check
expect 2 "'b.rnn' is one operand too many" build a.rnn b.rnn
expect 2 "there is no option '--bacth'; did you mean '--batch'?" build hello.rnn --bacth 3
expect 2 "there is no option '--watch', but a command 'rnnc watch'" train hello.rnn --watch
expect 2 "there is no option '-z'" build hello.rnn -z
expect 2 "'--grad' is no option of this command" build hello.rnn --grad g
expect 2 "--batch: expected a whole number from 1 to" build hello.rnn --batch 0
expect 2 "found '3x'" build hello.rnn --batch=3x
expect 2 "found '-1'" build hello.rnn --batch -1
expect 2 "'--batch' needs N" build hello.rnn --batch
expect 2 "--real: expected float|double, found 'half'" build hello.rnn --real half
expect 2 "--inference takes no value" build hello.rnn --inference=yes
expect 2 "-D: expected NAME=VALUE, found 'H'" build hello.rnn -D H
expect 2 "--prefix: expected a name that C allows" build hello.rnn --prefix 3d
expect 2 "--prefix: expected a name that C allows" build hello.rnn --prefix while
expect 2 "--steps: expected" build hello.rnn --steps q=3
expect 2 "--steps: expected" build hello.rnn --steps t=0
expect 2 "--steps: t is there twice" build hello.rnn --steps t=3,t=4
expect 2 "--unroll full needs the number of steps" build hello.rnn --unroll full
expect 2 "at most 1024 steps can be written out" build hello.rnn --unroll full --steps 1025
expect 2 "--unroll: expected" build hello.rnn --unroll twice
expect 2 "--stage: expected tree|model|graph|derive|passes|plan|program|c" explain hello.rnn --stage tokens
absent hello.c hello.h

# ---- check -----------------------------------------------------------------------------------------------------------
expect 0 "" check hello.rnn mask.rnn;         quiet
expect 0 "" check -- hello.rnn;               quiet
expect 0 "" check -v hello.rnn;               shows "(4, 8)              32  = uniform(0.353553)"; shows "140"
expect 1 "bad.rnn:" check bad.rnn hello.rnn;  quiet
cat >vocabulary.rnn <<'END'
model vocabulary {
    size V = from data, H = 2
    input  x[t] : token(V)
    target y[t] : token(V)
    p = softmax(dense(rnn(onehot(x), H), V))
    output p
    loss cross_entropy(p, y)
}
END
expect 0 "" check -v vocabulary.rnn;          shows "V = 16 stands in for what comes from data; -D sets it"
expect 0 "" gradcheck vocabulary.rnn;         shows "V = 5 stands in for what comes from data; -D sets it"
cat >two_axes.rnn <<'END'
model m {
    input x[t] : real(2)
    input a[s, t] : real(3)
    param W(2,3)
    p = W @ sum(a over s) + x
    output p
}
END
expect 0 "" check -v two_axes.rnn;            shows "a in data: (N, T, S, 3)"; shows "x in data: (N, T, 2)"
expect 0 "" check -v vocabulary.rnn -D V=9
if grep -q "stands in" stdout; then fail "V is given, and nothing stands in for it"; else pass; fi
expect 3 "none.rnn: cannot be read: No such file" check none.rnn
expect 3 "cannot be read: Is a directory" check .
expect 1 "several models; choose one" check two.rnn
expect 0 "" check two.rnn --model other -v
expect 1 "has no size, number or cell" check hello.rnn -DH=3
"$rnnc" check --message-format json bad.rnn 2>json
if [ -s json ] && ! grep -qv '^{"file":"bad.rnn","line":.*"severity":"error","id":".*}$' json; then pass
else fail "--message-format json:"; cat json; fi
expect 1 "$(printf '\033[')" check --color always bad.rnn
if NO_COLOR=1 "$rnnc" check --color auto bad.rnn 2>&1 | grep -q "$(printf '\033')"; then fail "NO_COLOR"; else pass; fi

# ---- explain ---------------------------------------------------------------------------------------------------------
expect 0 "" explain hello.rnn
shows "d_a[t] = d_h[t] * (1 - h[t]^2)"
shows "d_W = sum over t of d_a[t] @ h[t-1]'"
shows "p[t] = softmax(o[t])"
for stage in tree model graph derive passes plan program c; do
    expect 0 "" explain hello.rnn --stage $stage
    if [ -s stdout ]; then pass; else fail "--stage $stage prints nothing"; fi
done
expect 0 "" explain hello.rnn --stage plan --batch 50 --steps 7 --real double
shows "over T * batch = 350 rows"
expect 0 "" explain hello.rnn --stage c --batch 3 --steps 7 --real double
shows "_BATCH 3"
expect 2 "--batch, --steps, --real and --checkpoint go with --stage plan, program or c" explain hello.rnn --stage passes --batch 3
sed 's/t-1/t+1/' hello.rnn >later.rnn
expect 0 "" explain later.rnn
shows "There is no step function: later.rnn:5 reads a later step: h[t+1]"
cat >parts.rnn <<'END'
model parts { input x[t] : real(5)
    target y[t] : real
    a = dropout(x, 0.3)
    h = 0.5 * h[t-1] + a(0)
    output h
    loss mean_square(h, y) }
END
expect 0 "" explain parts.rnn
shows "    uniform            random numbers"
shows "    reshape(v, ...)    the components"
shows "    pad(v, 4:8 of 9)   v as components"
expect 1 "bad.rnn:" explain bad.rnn;          quiet

# ---- build -----------------------------------------------------------------------------------------------------------
expect 0 "" build hello.rnn -o out;           quiet
if [ -s out/hello.c ] && [ -s out/hello.h ]; then pass; else fail "build wrote no files"; fi
expect 0 "" build mask.rnn -o out
if grep -q 'HELLO_BAD_TOKEN = -3' out/hello.h && grep -q 'MASK_BAD_LENGTH = -2 };' out/mask.h; then pass
else fail "other codes than the functions return"; fi
if ${CC:-cc} -std=c99 -I"$root/runtime" -c out/hello.c -o out/hello.o; then pass; else fail "hello.c does not compile"; fi
cp out/hello.c first.c
expect 0 "" build "$work/hello.rnn" -o out
if cmp -s first.c out/hello.c; then pass; else fail "a path changes the C"; diff first.c out/hello.c | head -5; fi
expect 0 "" build hello.rnn -o out --prefix net --batch 3 --real double --standalone --unroll 2
if ${CC:-cc} -std=c99 -c out/net.c -o out/net.o; then pass; else fail "net.c does not compile alone"; fi
expect 0 "" build hello.rnn -o - --standalone; shows "hello_grad"
cp stdout merged.c
if ${CC:-cc} -std=c99 -c merged.c -o merged.o; then pass; else fail "the merged text does not compile"; fi
# A packed matrix has 16 reals for each of its rows: here more than an int counts.
printf 'model wide {\n input x[t] : real(140000000)\n param V(1, 140000000) = 0\n A = 2 * V\n h = A @ x\n output h\n}\n' >wide.rnn
expect 0 "" build wide.rnn -o - --inference; shows "0, 2240000000 * sizeof(real)"
expect 0 "" explain --stage program wide.rnn; shows "buffer packed_1 [2240000000]"
expect 0 "" build hello.rnn -o inf --inference
if grep -q hello_grad inf/hello.c; then fail "--inference has a grad"; else pass; fi
expect 0 "" build hello.rnn -o exact --math libm --standalone
if ${CC:-cc} -std=c99 -O0 -c exact/hello.c -o exact/hello.o && nm exact/hello.o | grep -q ' U tanhf$'; then pass
else fail "--math libm: no tanhf of libm"; fi
expect 0 "" build hello.rnn -o fast --math poly --standalone
if ${CC:-cc} -std=c99 -O0 -c fast/hello.c -o fast/hello.o && ! nm fast/hello.o | grep -q ' U tanhf$'; then pass
else fail "--math poly: tanhf of libm"; fi
expect 2 "--math: expected" build hello.rnn --math exact
expect 0 "" build hello.rnn -o fix --steps 3 --unroll full
if ${CC:-cc} -std=c99 -I"$root/runtime" -c fix/hello.c -o fix/hello.o; then pass; else fail "unrolled C does not compile"; fi
expect 1 "bad.rnn:" build bad.rnn -o new;     absent new
expect 3 "cannot make this folder" build hello.rnn -o none/deeper
expect 3 "is not a folder" build hello.rnn -o bad.rnn
mkdir -p block/hello.c
expect 3 "cannot be written" build hello.rnn -o block; absent block/hello.h; no_rest block
expect 0 "note: files and names begin with 'main_': 'main' is a word of C" build hello.rnn -o words --prefix main
if [ -s words/main_.h ] && [ ! -e words/main.h ]; then pass; else fail "--prefix main: other files than was said"; fi

# What rnnc has not written it does not write over: none of the files is written. An empty file is nobody's.
mkdir theirs; echo 'int hello;' >theirs/hello.c
expect 1 "theirs/hello.c: is there, and rnnc has not written it" build hello.rnn -o theirs
absent theirs/hello.h; no_rest theirs
if [ "$(cat theirs/hello.c)" = 'int hello;' ]; then pass; else fail "a file of somebody else was written over"; fi
: >theirs/hello.c
expect 0 "" build hello.rnn -o theirs
expect 0 "" build hello.rnn -o theirs --real double
if [ "$(id -u)" -ne 0 ]; then
    mkdir locked; chmod a-w locked
    expect 3 "locked/hello.h: cannot be written" build hello.rnn -o locked
fi
( ulimit -f 1 && "$rnnc" build hello.rnn -o small ) 2>stderr
same $? 3
if grep -q "cannot be written" stderr; then pass; else fail "file size limit:"; cat stderr; fi
absent small
if "$rnnc" explain hello.rnn --stage c >/dev/full 2>stderr; then fail "/dev/full is no error"; else same $? 3; fi

# ---- run -------------------------------------------------------------------------------------------------------------
weights="W:F32:8,8:0.1,-0.2,0.3 U:F32:8,4:0.5,-0.5,0.25 b:F32:8:0.1 V:F32:4,8:0.3,-0.1,0.2 c:F32:4:0,0.1"
$file make w.safetensors $weights
$file make d.npz x:I64:3,4:0,1,2,3,1 y:I64:3,4:1,2,3 x_lengths:I64:3:4,2,0
run() { code=$1 text=$2; shift 2; expect "$code" "$text" run hello.rnn "$@"; }

run 0 "" --weights w.safetensors --data d.npz -o o.npz --grad g.safetensors; quiet
same "$($file print o.npz p | head -1)" "F32 3 4 4"
same "$($file print o.npz hidden | head -1)" "F32 3 4 8"
same "$($file print o.npz loss | head -1)" "F32"
same "$($file print g.safetensors U | head -1)" "F32 8 4"
same "$($file print o.npz p | tail -16 | sort -u)" 0        # an absent sequence
run 0 "" --weights w.safetensors --data d.npz -o o64.npz --grad g64.safetensors --real double
same "$($file print g64.safetensors W | head -1)" "F64 8 8"
same "$($file print o64.npz loss | tail -1 | cut -c1-6)" "$($file print o.npz loss | tail -1 | cut -c1-6)"
run 0 "" --weights w.safetensors --data d.npz -o occ.npz --jit cc
same "$($file print occ.npz loss | tail -1 | cut -c1-6)" "$($file print o.npz loss | tail -1 | cut -c1-6)"
# The same with other numbers in the padding gives the same bytes.
$file make pad.npz x:I64:3,4:0,1,2,3,1,0,-9,99,7000000000,-1,-1,5 y:I64:3,4:1,2,3,1,2,3,77,-8,1,99,99,99 x_lengths:I64:3:4,2,0
run 0 "" --weights w.safetensors --data pad.npz -o pad_o.npz --grad pad_g.safetensors
if cmp -s o.npz pad_o.npz && cmp -s g.safetensors pad_g.safetensors; then pass; else fail "padding changes the result"; fi
run 0 "" --init 5 --data d.npz -o init.npz
$file make only_x.npz x:I64:3,4:0,1,2
run 0 "" --init 5 --data only_x.npz -o only.npz
if $file print only.npz loss >/dev/null; then fail "a loss without a target"; else pass; fi

# Numbers that are not finite are named, where they are none of the padding's.
masked="z:F32:2,3,2:1 m:F32:2,3,2,2:1 u_lengths:I64:2:3,2"
$file make nan.npz u:F32:2,3,2:0,1,2,3,4,5,6,7,8,9,nan,nan v:F32:2:1 $masked
expect 0 "" run mask.rnn --init 1 --data nan.npz -o nan_o.npz
$file make nan.npz u:F32:2,3,2:0,1,2,3,4,5,6,7,8,nan,1,1 v:F32:2:inf $masked
expect 0 "warning: nan.npz: 'u' holds NaN at sequence 1 (the first is 0), t = 2, component 1; replace it" \
    run mask.rnn --init 1 --data nan.npz -o nan_o.npz
expect 0 "warning: nan.npz: 'u' holds NaN at sequence 1" gradflow mask.rnn --data nan.npz

faulty="--weights w.safetensors -o no.npz --grad no.safetensors --data"
run 2 "--weights is missing (or --init SEED" --data d.npz -o no.npz
run 2 "exclude each other" --weights w.safetensors --init 1 --data d.npz -o no.npz
run 2 "--data is missing" --weights w.safetensors -o no.npz
run 2 "-o is missing" --weights w.safetensors --data d.npz
run 2 "name the same file" --weights w.safetensors --data d.npz -o no.npz --grad no.npz
run 3 "none.npz: cannot be read" $faulty none.npz
run 3 "none.safetensors: cannot be read" --weights none.safetensors --data d.npz -o no.npz
run 3 "none/o.npz: cannot be written" --weights w.safetensors --data d.npz -o none/o.npz
run 1 "w.safetensors: Not a zip archive: write it with numpy.savez(PATH, name=array)" $faulty w.safetensors
head -c 300 d.npz >cut.npz
run 1 "cut.npz: is cut off or damaged" $faulty cut.npz
run 1 "d.npz" --weights d.npz --data d.npz -o no.npz
run 1 "the target 'y' is missing" $faulty only_x.npz

# bad TEXT ARRAY...: data that must be refused with this text.
bad() { text=$1; shift; $file make bad.npz "$@"; run 1 "$text" $faulty bad.npz; }
x=x:I64:3,4:0 y=y:I64:3,4:1
bad "the input 'x' is missing; it is an array of shape (N, T)" $y
bad "no input or target 'X'" X:I64:3,4:0 $x $y
bad "no input or target 'x_length'; did you mean 'x_lengths'?" $x $y x_length:I64:3:4
bad "'y' has T = 5, but 'x' has T = 4" $x y:I64:3,5:0
bad "'y' has N = 2, but 'x' has N = 3" $x y:I64:2,4:0
bad "'x' has shape (3, 4, 1), expected (N, T)" x:I64:3,4,1:0 $y
bad "'x' is F32, but tokens are integers" x:F32:3,4:0 $y
bad "'x' holds the token 4 at sequence 1 (the first is 0), t = 3, expected 0 to 3" x:I64:3,4:0,0,0,0,0,0,4,0,0,0,0,0 $y
bad "'y' holds the token -1 at sequence 0 (the first is 0), t = 1" $x y:I32:3,4:-1
bad "sequence 1 has length 5 along t" $x $y x_lengths:I64:3:4,5,1
bad "sequence 0 has length -1 along t" $x $y x_lengths:I64:3:-1
bad "'x_lengths' has shape (2), expected (3)" $x $y x_lengths:I64:2:4
bad "lengths are integers" $x $y x_lengths:F64:3:4
bad "'x_lengths' and 'y_lengths' disagree: sequence 1 has length 2 and 3" $x $y x_lengths:I64:3:4,2,1 y_lengths:I64:3:4,3,1
bad "'x' is empty: T = 0" x:I64:3,0:0 $y

# wrong TEXT TENSOR...: weights that must be refused.
wrong() { text=$1; shift; $file make bad.safetensors "$@"; run 1 "$text" --weights bad.safetensors --data d.npz -o no.npz; }
rest=$(echo "$weights" | sed 's/^[^ ]* //')
wrong "the tensor 'W' (8, 8) is missing" $rest
wrong "'W' (8, 8) is missing, and 'w' belongs to no parameter" w:F32:8,8:0 $rest
wrong "the tensor 'extra' belongs to no parameter" $weights extra:F32:1:0
wrong "'W' has shape (8, 7), but the parameter is (8, 8)" W:F32:8,7:0 $rest
wrong "'W' has shape (64), but the parameter is (8, 8)" W:F32:64:0 $rest
wrong "'W' is I64, expected F32" W:I64:8,8:0 $rest
absent no.npz no.safetensors
no_rest

expect 2 "-o: expected a name that ends in .safetensors or .onnx, found 'w.npz'" export hello.rnn --weights w.safetensors -o w.npz
absent w.npz

# No input is overwritten, whatever its name.
cp d.npz kept.npz; ln -s d.npz link.npz; cp hello.rnn kept.rnn; cp w.safetensors kept.safetensors
same_file() { text=$1; shift; expect 2 "$text name the same file, which would be overwritten" "$@"; }
same_file "-o and --data" run hello.rnn --weights w.safetensors --data d.npz -o d.npz
same_file "-o and --data" run hello.rnn --weights w.safetensors --data d.npz -o ./d.npz
same_file "-o and --data" run hello.rnn --weights w.safetensors --data link.npz -o "$work/d.npz"
same_file "--grad and --weights" run hello.rnn --weights w.safetensors --data d.npz -o no.npz --grad ./w.safetensors
same_file "-o and SPEC" run hello.rnn --weights w.safetensors --data d.npz -o hello.rnn
printf 'abcabcabc%.0s' 1 2 3 4 5 6 >text.txt; cp text.txt kept.txt
same_file "--csv and --text" train hello.rnn --text text.txt --csv text.txt -o tr
same_file "--svg and SPEC" train hello.rnn --text text.txt --svg ./hello.rnn -o tr
mkdir run; cp w.safetensors run/best.safetensors
same_file "best.safetensors of -o and --init" train hello.rnn --text text.txt --init run/best.safetensors -o run
expect 2 "--csv and --svg name the same file" train hello.rnn --text text.txt --csv c --svg c -o tr
expect 2 "last.safetensors of -o and --csv name" train hello.rnn --text text.txt --csv run/last.safetensors -o run
absent tr no.npz c
if cmp -s d.npz kept.npz && cmp -s hello.rnn kept.rnn && cmp -s w.safetensors kept.safetensors && cmp -s text.txt kept.txt
then pass; else fail "an input was overwritten"; fi

# Real inputs, two axes, a value a sequence, gradients of inputs.
u="u:F32:2,3,2:0.1,0.2" v="v:F64:2:1,-1" m="m:F32:2,3,4,2:0.01" z="z:F32:2,3,2:0"
two() { code=$1 text=$2; shift 2; $file make two.npz "$@"
        expect "$code" "$text" run mask.rnn --init 1 --data two.npz -o two_o.npz --grad two_g.safetensors; }
two 0 "" "$u" "$v" "$m" "$z" u_lengths:I64:2:3,2 m_lengths:I64:2,2:3,4,2,1
same "$($file print two_o.npz echo | head -1)" "F32 2 3 4 2"
same "$($file print two_o.npz h | head -1)" "F32 2 3 2"
same "$($file print two_g.safetensors input.v | head -1)" "F32 2"
same "$($file print two_g.safetensors input.m | head -1)" "F32 2 3 4 2"
same "$($file print two_g.safetensors k | head -1)" "F32"
same "$($file print two_g.safetensors input.u | tail -2 | sort -u)" 0     # beyond the second sequence's end
rm -f two_o.npz two_g.safetensors
two 1 "'u' is I64, but reals are floats" u:I64:2,3,2:1 "$v" "$m" "$z"
two 1 "'v' has no length" "$u" "$v" "$m" "$z" v_lengths:I64:2:1
two 1 "'m_lengths' has shape (2), expected (2, 2)" "$u" "$v" "$m" "$z" m_lengths:I64:2:1
absent two_o.npz two_g.safetensors

# ---- gradcheck -------------------------------------------------------------------------------------------------------
expect 0 "" gradcheck hello.rnn;              shows "32 of 64"; shows "relative error, at most 1e-06"
expect 0 "" gradcheck mask.rnn --seed 3 --batch 2 --steps t=3,s=2; shows "input.m"
expect 1 "the model has no loss" gradcheck two.rnn --model one
expect 1 "bad.rnn:" gradcheck bad.rnn
cat >wrong.rnn <<'END'
model wrong {                                 # cut() hides a dependence from the derivative, not from the differences
    input x[t] : real(2)
    param W(2,2)
    h = tanh(W @ x)
    output h
    loss sum(h * cut(h))
}
END
sed 's/sum(h .*/max(sum(h) - 100, 0)/' wrong.rnn >flat.rnn
expect 0 "" gradcheck flat.rnn;               shows "every derivative is 0"
expect 4 "" gradcheck wrong.rnn;              shows "WRONG"; shows "wrong.rnn:6: cut(x) lets no gradient pass"
sed 's/cut(h))/min(exp(100000 * norm(W)), 1))/' wrong.rnn >nan.rnn # 0 times an infinite derivative
expect 4 "" gradcheck nan.rnn;                shows "inf  WRONG"
sed 's/cut(h))/h \/ (x - x))/' wrong.rnn >infinite.rnn
expect 4 "the loss is not finite" gradcheck infinite.rnn
# Kinks so near that only small steps do not cross one, and a loss so large that its rounding then counts. A derivative that
# is wrong is still wrong.
cat >kinks.rnn <<'END'
model kinks {
    input x[t] : real
    param w(8) = 0.1
    y = sum(abs(w - 0.0004 * t) + 0 * x) / 8
    loss 1000 + y
}
END
expect 0 "" gradcheck kinks.rnn --steps 500 --batch 2
sed 's/0 \* x/0 * x + 0.0001 * w * cut(w)/' kinks.rnn >wrong.rnn
expect 4 "" gradcheck wrong.rnn --steps 500 --batch 2;   shows "WRONG"

# What only a branch not taken needs is no part of the model: an equation, the weights that it uses, its recurrence.
cat >untaken.rnn <<'END'
cell either(x(D), H, extra = 2) -> h {
    param W(H,D), V(H,H), first(H)
    e = lstm(x, H)
    g = tanh(V @ g[t-1] + e)
    g[0] = first
    h = if extra == 1 then W @ x + g else W @ x
}
model untaken {
    size E = 2
    input x[t] : real(3)
    target y[t] : real(2)
    h = either(x, 2, extra = E)
    output h
    loss mean_square(h, y)
}
END
expect 0 "" check -v untaken.rnn
same "$(tr -s ' ' <stdout | tr '\n' '|')" "h.W (2, 3) 6 = uniform(0.57735)| all 6|"
expect 0 "" check -v untaken.rnn -D E=1;      shows "h.e.Wi"; shows "h.first"

# A recurrence that only itself reads is checked, and needs what it reads.
cat >alone.rnn <<'END'
cell mixed(x(D), H) -> y {
    param A(H,H)
    y = tanh(A @ y[t-2] + dense(x, H))
}
model alone {
    input x[t] : real(4)
    h = mixed(tanh(x), 3)
    o = tanh(0.7 * o[t-1] + x)
    output o
}
END
expect 0 "" check alone.rnn

# An axis that an error leaves open has no error of its own.
expect 1 "the size 'V' comes from data" build "$root/specs/models/attention.rnn" -o open
same "$(grep -c 'error:' stderr)" 2

# A number is no vector of one component: the message says which type has the array's shape.
cat >one.rnn <<'END'
model m {
    input x[t] : real(3)
    target y : real(1)
    h = rnn(x, 1)
    output h
    loss mean_square(last(h), y)
}
END
$file make one.npz x:F32:2,4,3:0 y:F32:2:1
expect 1 "'y' has shape (2), expected (N, 1); the type that has this shape is 'real'" train one.rnn --data one.npz -o one

# What flows through h[t-1] is d_h.carry, unless the spec has a variable of that name.
for word in carry other; do
    cat >carry.rnn <<END
cell c(x(D), H) -> h {
    param W(H,D), V(H,H)
    $word = W @ x + V @ h[t-1]
    h = tanh($word) + $word
}
model m {
    input x[t] : real(3)
    target y[t] : real(2)
    h = c(x, 2)
    output h
    loss mean_square(h, y)
}
END
    "$rnnc" explain carry.rnn >said 2>&1
    if [ "$(grep -c ' d_h\.carry\[t\] = ' said)" -eq 1 ] && grep -q " d_h\.$word\[t\] = " said; then pass
    else fail "explain: names of adjoints beside '$word'"; cat said; fi
done

summary
