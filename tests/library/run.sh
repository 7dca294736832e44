#!/bin/sh
# run.sh: librnnc (compiler/api/rnnc.h) as hosts use it: cycles without leaks, threads, no memory, hostile texts and
# calls, the messages of tests/bad as data, other locales, C++; and the module of Python.
#
# Needs RNNC (the program), BUILD (lib/librnnc.a and .so lie there) and CC. With SANITIZE, what counts memory by itself
# is left to the sanitizer. valgrind, g++, localedef and numpy are used where they are.
. "$(dirname "$0")/../suite.sh"
hello=$root/specs/models/hello.rnn
fail() { failed=$((failed + 1)); echo "library: $*"; cat "$work/said" "$work/errors" 2>/dev/null; }
cd "$work" || exit 3

# Programs of a host: librnnc.a, what it needs, and a libtcc of the system where librnnc has none of its own.
host() { # NAME FLAGS...
    name=$1
    shift
    for tcc in "" "-ltcc"; do
        # shellcheck disable=SC2086
        ${CC:-cc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -g $SANITIZE -I"$root/compiler/api" "$here/$name.c" "$@" \
            "$build/lib/librnnc.a" -ljansson $tcc -ldl -lpthread -lm -o "$name" >said 2>&1 && return 0
    done
    fail "$name.c does not compile"
    return 1
}

# Runs a program of a host, which must succeed, and say nothing on stderr: the library never prints.
expect() { # WORDS COMMAND...
    words=$1
    shift
    if "$@" >said 2>errors && [ ! -s errors ]; then pass; else fail "$words: status $?"; fi
}

wrap="-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc"
host cycles && expect "cycles" ./cycles "$([ -n "$SANITIZE" ] && echo 20 || echo 1000)" "$hello"
host threads && expect "threads" ./threads "$hello"
host hostile && expect "hostile" ./hostile "$root/specs/models"
if [ -z "$SANITIZE" ]; then
    host memory "$wrap" && expect "no memory for messages" ./memory none 1 "$hello" &&
        expect "no memory for code" ./memory tcc 53 "$hello"
    if command -v valgrind >/dev/null; then
        expect "cycles in valgrind" valgrind -q --leak-check=full --error-exitcode=9 ./cycles 4 "$hello"
    fi
fi

# ---- messages --------------------------------------------------------------------------------------------------------

# What the program prints about each spec of tests/bad is in the data of rnnc.h, word by word.
host messages && cd "$root/tests/bad" && for spec in *.rnn; do
    command=$(sed -n '1s/^# rnnc //p' "$spec")
    case ${command:-check} in check | check\ -[Dm]* | check\ --model*) ;; *) continue ;; esac
    options=${command#check}
    # shellcheck disable=SC2086
    "$rnnc" check --message-format json $options "$spec" 2>"$work/wanted"
    # shellcheck disable=SC2086
    "$work/messages" json "$spec" $options >"$work/said" 2>"$work/errors"
    # shellcheck disable=SC2086
    if cmp -s "$work/wanted" "$work/said" && "$work/messages" text "$spec" $options | cmp -s - "${spec%.rnn}.err"; then pass
    else fail "messages of $spec"; fi
done
cd "$work" || exit 3

# ---- the header, the names, the locale -------------------------------------------------------------------------------

printf '#include "rnnc.h"\nint main(void) { return rnnc_status_of(rnnc_compile("", 0)) == RNNC_OK; }\n' >use.c
cp use.c use.cpp
expect "C99" ${CC:-cc} -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -I"$root/compiler/api" -c use.c
if command -v g++ >/dev/null; then
    expect "C++" g++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -I"$root/compiler/api" -c use.cpp -o use++.o
fi
if nm -D --defined-only "$build/lib/librnnc.so" | awk '{ n++; if ($3 !~ /^rnnc_/) { print; bad = 1 } } END { exit bad || n < 30 }' \
    >said; then pass; else fail "librnnc.so exports other names"; fi
if nm -g --defined-only "$build/lib/librnnc.a" | awk 'NF == 3 { n++; if ($3 !~ /^rnnc_/) { print; bad = 1 } }
    END { exit bad || n < 30 }' >said; then pass; else fail "librnnc.a exports other names"; fi
if localedef -i de_DE -f UTF-8 ./de_DE.UTF-8 >said 2>&1 && [ -d de_DE.UTF-8 ]; then
    LOCPATH=$work
    export LOCPATH
    host locale && expect "locale" ./locale de_DE.UTF-8 "$hello"
    unset LOCPATH
fi

# ---- Python ----------------------------------------------------------------------------------------------------------

if [ -z "$SANITIZE" ] && $python -c 'import numpy' 2>/dev/null; then
    RNNC_LIBRARY=$build/lib/librnnc.so PYTHONDONTWRITEBYTECODE=1 $python "$here/test.py" "$rnnc" "$root" >said 2>errors
    [ -s errors ] && fail "python"
    # The blocks of the documentation run as they stand there.
    ln -s "$root/specs" specs
    for page in README.md docs/library.md; do
        awk '/^```python$/ { block = ""; inside = 1; next } /^```$/ { if (inside && block ~ /import rnnc/) print block; inside = 0 }
            inside { block = block $0 "\n" }' "$root/$page" >block.py
        if [ -s block.py ] && RNNC_LIBRARY=$build/lib/librnnc.so PYTHONPATH=$root/python PYTHONDONTWRITEBYTECODE=1 \
            $python block.py >block.said 2>&1; then pass
        else fail "the block of Python in $page: $(cat block.said)"; fi
    done
    read -r good bad <<END
$(tail -1 said)
END
    case $good$bad in
    *[!0-9]* | "") fail "python ended before it counted" ;;
    *) passed=$((passed + good)) failed=$((failed + bad)); [ "$bad" -eq 0 ] || cat said ;;
    esac
fi

summary
