#!/bin/sh
# run.sh: models through the oracle and through their C as built by several compilers; see agree.c.
cd "$(dirname "$0")/../.." || exit 3
program=${BUILD:-build}/tests/agree_models
log=$(mktemp) || exit 3
models=$(mktemp -d) || exit 3
trap 'rm -rf "$log" "$log.2" "$models"' EXIT
for spec in specs/models/*.rnn; do      # with the sizes of sizes.txt
    { sed -n "s/^$(basename "$spec" .rnn) /# agree: /p" tests/agree/sizes.txt; cat "$spec"; } >"$models/$(basename "$spec")"
done
mkdir "$models/all"     # by all compilers, slow ones too: one of each kind
for name in attention char_lm ctc hello tcn tiny_lstm; do mv "$models/$name.rnn" "$models/all/"; done
for part in 1 2; do
    { "$program" -q -s $part/2 tests/agree/*.rnn "$models"/*.rnn; "$program" -s $part/2 "$models"/all/*.rnn; } >"$log.$part" 2>&1 &
done
wait
mv "$log.1" "$log"
cat "$log" "$log.2" | grep -v '^agree: [0-9]* passed'
cat "$log" "$log.2" | awk '/^agree: [0-9]+ passed, [0-9]+ failed$/ { p += $2; f += $4; n++ }
    END { if (n != 4) f++; printf "agree: %d passed, %d failed\n", p, f; exit f > 0 }'
status=$?
exit $status
