#!/bin/sh
# run.sh: rnnc gradflow, and the adjoints of rnnc run, against derivatives by hand (closed_form.c).
#
# Needs RNNC (the program), BUILD (the folder of librnnc.a) and CC.
. "$(dirname "$0")/../suite.sh"
helper "$here/closed_form.c"
cd "$work" || exit 3
spec=$root/specs/models/two_weights.rnn
works() { if "$@" >said 2>&1; then pass; else fail "$*:"; head -5 said; fi; }
# refused CODE TEXT ARGUMENTS...: exit status, message, and no file.
refused() {
    code=$1 text=$2
    shift 2
    rm -f o.csv o.svg
    "$rnnc" gradflow --csv o.csv --svg o.svg "$@" >said 2>&1
    status=$?
    if [ $status -ne "$code" ]; then fail "gradflow $*: exit status $status, expected $code"
    elif ! grep -qF -e "$text" said; then fail "gradflow $*: expected '$text', found:"; cat said
    elif [ -e o.csv ] || [ -e o.svg ]; then fail "gradflow $*: wrote a file"
    else pass; fi
}
has() { if grep -q -e "$2" "$1"; then pass; else fail "$1 lacks $2"; fi; }

./closed_form make D.npz W.safetensors || exit 3

# The surface: by hand to 1e-6, and both colours in the picture.
"$rnnc" gradflow "$spec" --weights W.safetensors --data D.npz --adjoint h --svg h.svg >said 2>&1
if grep -qF '>d loss / d h[t]<' h.svg && grep -qF 'norm of d loss / d h[t] ' said; then pass; else fail "the variable has no name"; cat said; fi
works "$rnnc" gradflow "$spec" --weights W.safetensors --data D.npz --grid w1=-2:2:33 --output o --csv s.csv --svg s.svg
has said '^d o\[t\] / d w1$'
works ./closed_form surface s.csv
if [ "$(wc -l <s.csv)" -eq $((33 * 60 + 1)) ]; then pass; else fail "s.csv: $(wc -l <s.csv) lines"; fi
if [ "$(grep -c '<rect' s.svg)" -ge $((33 * 60)) ]; then pass; else fail "s.svg lacks cells"; fi
# Cells of rows: vanishing is blue (least red), exploding red (least blue).
coloured() { grep -o 'fill="#[0-9a-f]*"' s.svg | cut -c8-13 | sort -u | grep -c "$1"; }
if [ "$(coloured '^[0-7].....')" -gt 3 ] && [ "$(coloured '^[a-f]...[0-7].')" -gt 3 ]; then pass
else fail "s.svg does not show where gradients vanish and explode"; fi

# d loss / d h[t], of all steps and of the last one.
works "$rnnc" gradflow "$spec" --weights W.safetensors --data D.npz --adjoint h --csv all.csv
works ./closed_form flow all all.csv
works "$rnnc" gradflow "$spec" --weights W.safetensors --data D.npz --last --csv last.csv
works ./closed_form flow last last.csv
if cmp -s all.csv last.csv; then fail "--last changes nothing"; else pass; fi
works "$rnnc" run "$spec" --weights W.safetensors --data D.npz -o O.npz --grad G.safetensors --adjoint h --real double
works ./closed_form adjoint G.safetensors

# Cells beside each other in one picture; what is remembered is chosen.
cat >cells.rnn <<'END'
model cells {
    cell C = rnn
    input x[t] : real(3)
    target y[t] : real(2)
    h = C(x, 8)
    g = h
    out = dense(g, 2)
    output out
    loss mean_square(out, y)
}
END
works "$rnnc" gradflow cells.rnn -D C=rnn,lstm,gru --adjoint h --last --steps 20 --csv c.csv --svg c.svg
has c.csv '^t,C=rnn,C=lstm,C=gru$'
if [ "$(grep -c '<polyline' c.svg)" -eq 3 ]; then pass; else fail "c.svg: $(grep -c '<polyline' c.svg) curves"; fi
# More curves than colours: no two look alike, and the picture is wide enough for the words beside them.
works "$rnnc" gradflow cells.rnn -D C=rnn,mgu,gru,ugrnn,ligru,indrnn,rnn_relu --adjoint h --steps 20 --svg many.svg
if [ "$(grep -o '<polyline [^>]*points' many.svg | sort -u | wc -l)" -eq 7 ]; then pass; else fail "many.svg: curves look alike"; fi
if [ "$(sed -n 's/.* width="\([0-9]*\)".*font-family.*/\1/p' many.svg)" -gt 850 ]; then pass; else fail "many.svg: too narrow"; fi
if [ "$(wc -l <c.csv)" -eq 21 ]; then pass; else fail "c.csv: $(wc -l <c.csv) lines"; fi
works "$rnnc" gradflow cells.rnn -D C=lstm --csv memory.csv
has memory.csv '^t,h,h\.c$'
if [ "$(wc -l <memory.csv)" -eq 101 ]; then pass; else fail "memory.csv: $(wc -l <memory.csv) lines"; fi
works "$rnnc" gradflow cells.rnn --adjoint g,h --csv alias.csv # g is h
has alias.csv '^t,h$'
works "$rnnc" gradflow cells.rnn "$spec" --steps 9 --csv two.csv
has two.csv '^t,cells,two_weights$'
# Sizes from data are those of --data.
sed 's/H = 64/H = 4, D = from data/; s/real(2) /real(D) /' "$root/specs/models/adding.rnn" >sized.rnn
"$rnnc" data adding -o adding.npz --count 20 || fail "no data"
works "$rnnc" gradflow sized.rnn --data adding.npz

refused 1 "has no variable 'hh'; did you mean 'h'?" cells.rnn --adjoint hh
refused 1 "'out.W' is no real value of a sequence" cells.rnn --adjoint out.W
refused 1 "has no parameter 'w3'; did you mean 'w1'?" "$spec" --grid w3=0:1:3 --output o
refused 1 "--grid wants one number of 'w1'" "$spec" --grid 'w1(0,1)=0:1:3' --output o
refused 1 "--output wants one number a step" cells.rnn --grid 'h.W(0,0)=0:1:3' --output out
refused 2 '--grid: expected W=A:B:N' "$spec" --grid w1=1:0:3 --output o
refused 2 '--grid and --output belong together' "$spec" --grid w1=0:1:3
refused 2 '--grid excludes --adjoint, --last and --batch' "$spec" --grid w1=0:1:3 --output o --last
refused 2 'name the same file' "$spec" --csv D.npz --svg D.npz
cp cells.rnn own.rnn
refused 2 '--svg and SPEC name the same file' "$spec" own.rnn --svg own.rnn
refused 3 'x.npz: cannot be read' cells.rnn --data x.npz

summary
