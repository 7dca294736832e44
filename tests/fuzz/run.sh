#!/bin/sh
# run.sh: 200 random models through the oracle and libtcc, 20 through all compilers. Any number: tests/fuzz/run N SEED.
here=$(dirname "$0")
log=$(mktemp) || exit 3
trap 'rm -f "$log" "$log.2" "$log.3"' EXIT
"$here/run" 200 1 >"$log" 2>&1 &
"$here/run" -a -t 10 301 >"$log.2" 2>&1 &
wait %1
"$here/run" -a -t 10 311 >"$log.3" 2>&1
wait
cat "$log" "$log.2" "$log.3" | grep -v '^fuzz: [0-9]* passed'
cat "$log" "$log.2" "$log.3" | awk '/^fuzz: [0-9]+ passed, [0-9]+ failed$/ { p += $2; f += $4; n++ }
    END { if (n != 3) f++; printf "fuzz: %d passed, %d failed\n", p, f; exit f > 0 }'
