#!/bin/sh
# summary.sh SUITE...: runs test suites, as many at once as there are processors (JOBS=N: N), and adds them up.
#
# A suite is a program written with libcheck, or a shell script whose last line is "NAME: P passed, F failed". A suite
# that does not get as far as its last line, or fails without saying how often, counts as one failure. What a suite says
# is printed when it has ended and something failed. The last line printed is "N passed, N failed"; the exit status is 1
# when anything failed. Suites share nothing but the program under test: each has a folder of its own.
RNNC_CACHE=off # no suite depends on what an earlier one has compiled
export RNNC_CACHE
CK_TIMEOUT_MULTIPLIER=10 # libcheck's limits are by the clock, and other programs may want the processor
export CK_TIMEOUT_MULTIPLIER

# one SUITE FILE: runs a suite; leaves its line, behind what it said where it failed, in FILE.
one() {
    case $1 in
    *.sh) name=$(basename "$(dirname "$1")"); sh "$1" >"$2.log" 2>&1; status=$? ;;
    *)    name=$(basename "$1"); "$1" >"$2.log" 2>&1; status=$? ;;
    esac
    # "100%: Checks: 12, Failures: 0, Errors: 0" or "name: 12 passed, 0 failed", as "passed failed"
    counts=$(awk '
        /^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+$/ {
            gsub(/[^0-9 ]/, ""); split($0, n, " "); bad = n[3] + n[4]; found = (n[2] - bad) " " bad; next }
        /: [0-9]+ passed, [0-9]+ failed$/ { found = $(NF - 3) " " $(NF - 1); next }
        END { print found }' "$2.log")
    p=0 f=1
    if [ -n "$counts" ]; then
        p=${counts% *} f=${counts#* }
        [ "$status" -ne 0 ] && [ "$f" -eq 0 ] && f=1
    fi
    {
        [ "$f" -gt 0 ] && cat "$2.log"
        [ -z "$counts" ] && echo "$name ended with status $status before it counted its tests"
        printf '%s: %d passed, %d failed\n' "$name" "$p" "$f"
    } >"$2"
    cat "$2"
}

if [ "$1" = --one ]; then # by xargs, below
    one "$2" "$3"
    exit
fi
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN)}
n=0
for suite in "$@"; do
    n=$((n + 1))
    printf '%s\n%s\n' "$suite" "$work/$n"
done | xargs -n 2 -P "${jobs:-1}" sh "$0" --one
for suite in $(seq $#); do tail -n 1 "$work/$suite" || echo "$suite: 0 passed, 1 failed"; done >"$work/lines"
awk '{ passed += $(NF - 3); failed += $(NF - 1) }
    END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 }' "$work/lines"
