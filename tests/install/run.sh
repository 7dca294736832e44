#!/bin/sh
# run.sh: make install puts rnnc, librnn.a, rnn.h and the kernels where generated C finds them, and librnnc where
# pkg-config and Python find it.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 3
as_named=${build#"$root"/}    # as the Makefile names it: an archive knows the names of its objects
fail() { failed=$((failed + 1)); echo "install: $*"; cat "$work/said"; }

cat >"$work/main.c" <<'END'
#include "hello.h"
#include <math.h>
int main(void)
{
    static float params[HELLO_PARAMS], packed[HELLO_PACKED], work[HELLO_LOSS_WORK(1, 1)];
    const int x = 1, y = 2;
    float loss = -1;
    hello_args args = { .batch = 1, .T = 1, .params = params, .packed = packed, .x = &x, .y = &y, .work = work,
                        .loss = &loss };
    hello_pack(params, packed);    /* all parameters 0: every symbol is as likely */
    return hello_loss(&args) != HELLO_OK || fabsf(loss - logf(4)) > 1e-6f;
}
END

if ${MAKE:-make} -s BUILD="$as_named" SANITIZE="$SANITIZE" DESTDIR="$work" PREFIX=/usr install >"$work/said" 2>&1; then pass
else fail "make install"; fi
unset RNNC
# hello of the installed rnnc, with the installed header and library, from a folder that knows nothing of this one.
cd "$work" || exit 3
if usr/bin/rnnc build "$root/specs/models/hello.rnn" -o . >said 2>&1; then pass; else fail "the installed rnnc"; fi
for flags in "" "-DRNN_USE_LIBRARY"; do
    # shellcheck disable=SC2086
    if ${CC:-cc} $SANITIZE -std=c99 $flags -Iusr/include/rnnc main.c hello.c -Lusr/lib -lrnn -lm -o main >said 2>&1 &&
        ./main; then pass; else fail "hello with $flags"; fi
done
# A program that compiles while it runs, with the installed librnnc, shared and static.
rnnc_pc() { PKG_CONFIG_PATH=usr/lib/pkgconfig pkg-config --define-variable=prefix="$work/usr" "$@" rnnc; }
version=$(sed -n 's/.*RNNC_VERSION "\(.*\)"/\1/p' "$root/compiler/base/version.h")
if [ "$(rnnc_pc --modversion)" = "$version" ]; then pass; else rnnc_pc --modversion >said 2>&1; fail "rnnc.pc"; fi
# shellcheck disable=SC2046
if ${CC:-cc} $SANITIZE -std=c11 $(rnnc_pc --cflags) "$root/examples/library.c" $(rnnc_pc --libs) \
    -Wl,-rpath,"$work/usr/lib" -o shared >said 2>&1 && ./shared >said 2>&1; then pass; else fail "the shared librnnc"; fi
# shellcheck disable=SC2046
if ${CC:-cc} $SANITIZE -std=c11 $(rnnc_pc --cflags) "$root/examples/library.c" \
    $(rnnc_pc --static --libs | sed 's/-lrnnc/-l:librnnc.a/') -o static >said 2>&1 && ./static >said 2>&1
then pass; else fail "the static librnnc"; fi
if ldd static | grep -q librnnc; then fail "static is not static"; else pass; fi
if [ -z "$SANITIZE" ] && /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
    if (cd / && PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$work/usr/share/rnnc \
        /usr/bin/python3 -c 'import rnnc; assert rnnc.version() == "'"$version"'"') >said 2>&1; then pass
    else fail "the module of Python"; fi
fi
summary
