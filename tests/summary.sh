#!/bin/sh
# summary.sh SUITE...: runs test suites and adds them up.
#
# A suite is a program written with libcheck, or a shell script whose last line is "NAME: P passed, F failed". A suite
# that does not get as far as its last line, or fails without saying how often, counts as one failure. The last line
# printed is "N passed, N failed"; the exit status is 1 when anything failed.
RNNC_CACHE=off # no suite depends on what an earlier one has compiled
export RNNC_CACHE
passed=0 failed=0
log=$(mktemp) || exit 3
trap 'rm -f "$log"' EXIT

for suite in "$@"; do
    case $suite in
    *.sh) name=$(basename "$(dirname "$suite")"); sh "$suite" >"$log" 2>&1; status=$? ;;
    *)    name=$(basename "$suite"); "$suite" >"$log" 2>&1; status=$? ;;
    esac
    # "100%: Checks: 12, Failures: 0, Errors: 0" or "name: 12 passed, 0 failed", as "passed failed"
    counts=$(awk '
        /^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+$/ {
            gsub(/[^0-9 ]/, ""); split($0, n, " "); bad = n[3] + n[4]; found = (n[2] - bad) " " bad; next }
        /: [0-9]+ passed, [0-9]+ failed$/ { found = $(NF - 3) " " $(NF - 1); next }
        END { print found }' "$log")
    if [ -n "$counts" ]; then
        p=${counts% *} f=${counts#* }
        [ "$status" -ne 0 ] && [ "$f" -eq 0 ] && f=1
    else
        p=0 f=1
    fi
    if [ "$f" -gt 0 ]; then
        cat "$log"
        [ -z "$counts" ] && echo "$name ended with status $status before it counted its tests"
    fi
    printf '%s: %d passed, %d failed\n' "$name" "$p" "$f"
    passed=$((passed + p)) failed=$((failed + f))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
