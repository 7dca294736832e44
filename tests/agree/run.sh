#!/bin/sh
# run.sh: models through the oracle and through their C as built by several compilers; see agree.c. In as many parts at once
# as there are processors (JOBS=N: N).
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 3
agree=$build/tests/agree_models
for spec in specs/models/*.rnn; do      # with the sizes of sizes.txt
    { sed -n "s/^$(basename "$spec" .rnn) /# agree: /p" tests/agree/sizes.txt; cat "$spec"; } >"$work/$(basename "$spec")"
done
mkdir "$work/all"       # by all compilers, slow ones too: one of each kind
for name in attention char_lm ctc hello tcn tiny_lstm; do mv "$work/$name.rnn" "$work/all/"; done
parts=${JOBS:-$(getconf _NPROCESSORS_ONLN)}
for part in $(seq "$parts"); do
    { "$agree" -q -s "$part/$parts" tests/agree/*.rnn "$work"/*.rnn
      "$agree" -s "$part/$parts" "$work"/all/*.rnn; } >"$work/log.$part" 2>&1 &
done
wait
cat "$work"/log.* | grep -v '^agree: [0-9]* passed'
passed=$(cat "$work"/log.* | awk '/^agree: [0-9]+ passed, [0-9]+ failed$/ { n += $2 } END { print n + 0 }')
failed=$(cat "$work"/log.* | awk -v wanted=$((2 * parts)) '/^agree: [0-9]+ passed, [0-9]+ failed$/ { n += $4; ended++ }
    END { print n + (ended != wanted) }')
summary
