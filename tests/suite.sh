# suite.sh: what the suites that are shell scripts share: counting, the program under test, a folder of their own, helpers
# in C, programs of Python, and expect. A suite is named after its folder.
#
# Read by tests/*/run.sh, as the first thing. Needs RNNC (the program), BUILD (the folder of librnnc.a) and CC.
here=$(cd "$(dirname "$0")" && pwd) || exit 3
root=$(cd "$here/../.." && pwd) || exit 3
suite=$(basename "$here")
rnnc=${RNNC:-$root/build/rnnc}
build=${BUILD:-$root/build}
work=$(mktemp -d) || exit 3
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
passed=0 failed=0
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "$suite: $*"; }

# helper FILE.c: builds $work/FILE, with the runtime; or the suite ends.
helper() {
    # shellcheck disable=SC2046,SC2086
    ${CC:-cc} -std=c11 -D_POSIX_C_SOURCE=200809L ${SANITIZE:-} -I"$root/runtime" $(pkg-config --cflags jansson libzip) \
        "$1" "$build/librnnc.a" $(pkg-config --libs jansson libzip) -lm -o "$work/$(basename "$1" .c)" ||
        { echo "$suite: 0 passed, 1 failed"; exit 1; }
}

# expect CODE TEXT ARGUMENTS...: rnnc must exit with CODE, and stderr must hold TEXT (nothing where TEXT is empty) in one
# line where the system failed.
expect() {
    code=$1 text=$2
    shift 2
    "$rnnc" "$@" >stdout 2>stderr
    status=$?
    lines=$(wc -l <stderr)
    if [ $status -ne "$code" ]; then fail "rnnc $*: exit status $status, expected $code"; cat stderr
    elif [ -z "$text" ] && [ -s stderr ]; then fail "rnnc $*: wrote to stderr:"; cat stderr
    elif [ -n "$text" ] && ! grep -qF -e "$text" stderr; then fail "rnnc $*: expected '$text', found:"; cat stderr
    elif [ "$code" -eq 3 ] && [ "$lines" -ne 1 ]; then fail "rnnc $*: $lines lines, expected one"; cat stderr
    else pass; fi
}

# says CODE TEXT ARGUMENTS...: rnnc must exit with CODE and print a line with TEXT.
says() {
    code=$1 wanted=$2
    shift 2
    "$rnnc" "$@" >said 2>&1
    status=$?
    if [ $status -ne "$code" ]; then fail "rnnc $*: exit status $status, expected $code"; cat said
    elif ! grep -qF -e "$wanted" said; then fail "rnnc $*: expected '$wanted', found:"; cat said
    else pass; fi
}

# interruptible PROGRAM ARGUMENTS... &: SIGINT and SIGHUP reach it, though a shell ignores the one in the background, and
# nohup around the suite the other.
interruptible() { exec env --default-signal=INT,HUP "$@"; }

# equal, differ FILE FILE [WHAT]
equal() { if cmp -s "$1" "$2"; then pass; else fail "${3:+$3: }$1 and $2 differ"; fi; }
differ() { if cmp -s "$1" "$2"; then fail "${3:+$3: }$1 and $2 are the same"; else pass; fi; }

# counted_by PROGRAM.py MODULES ARGUMENTS...: runs a program of Python, whose last line is "P passed, F failed". Where Python
# lacks one of the modules it is skipped, and said so.
python=${PYTHON:-/usr/bin/python3}
command -v "$python" >"$work/which" || python=python3
counted_by() {
    program=$1 modules=$2
    shift 2
    for module in $modules; do
        "$python" -c "import $module" 2>/dev/null && continue
        echo "$suite: $program skipped, $python has no $module"
        return
    done
    OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 "$python" -B "$here/$program" "$@" >"$work/log" 2>&1
    counts=$(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$work/log")
    [ -n "$counts" ] || { counts="0 1"; echo "$suite: $program did not finish"; }
    [ "${counts#* }" = 0 ] || cat "$work/log"
    passed=$((passed + ${counts% *})) failed=$((failed + ${counts#* }))
}

# The last line of a suite.
summary() {
    echo "$suite: $passed passed, $failed failed"
    [ $failed -eq 0 ]
}
