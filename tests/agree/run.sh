#!/bin/sh
# run.sh: models through the oracle and through their C as built by several compilers; see agree.c.
cd "$(dirname "$0")/../.." || exit 3
program=${BUILD:-build}/tests/agree_models
log=$(mktemp) || exit 3
trap 'rm -f "$log"' EXIT
specs="tests/agree/*.rnn specs/models/*.rnn"
"$program" -s 1/2 $specs >"$log" &
"$program" -s 2/2 $specs >"$log.2"
wait
cat "$log" "$log.2" | grep -v '^agree: [0-9]* passed'
cat "$log" "$log.2" | awk '/^agree: [0-9]+ passed, [0-9]+ failed$/ { p += $2; f += $4; n++ }
    END { if (n != 2) f++; printf "agree: %d passed, %d failed\n", p, f; exit f > 0 }'
status=$?
rm -f "$log.2"
exit $status
