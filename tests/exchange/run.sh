#!/bin/sh
# run.sh: weights and numbers exchanged with other tools: parity, import, export.
#
# Needs RNNC (the program). Each part says what it needs of Python; what is not there is skipped, and said so.
. "$(dirname "$0")/../suite.sh"
python=${PYTHON:-/usr/bin/python3}

# part NAME MODULES...: runs NAME.py, whose last line is "P passed, F failed".
part() {
    name=$1
    shift
    for module in "$@"; do
        "$python" -c "import $module" 2>/dev/null && continue
        echo "exchange: $name skipped, $python has no $module"
        return
    done
    mkdir -p "$work/$name"
    OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 "$python" -B "$here/$name.py" "$rnnc" "$root" \
        "$work/$name" >"$work/log" 2>&1
    counts=$(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$work/log")
    if [ -z "$counts" ]; then
        counts="0 1"
        echo "exchange: $name did not finish"
    fi
    sed -n 's/^note: /exchange: /p' "$work/log"
    [ "${counts#* }" = 0 ] || cat "$work/log"
    passed=$((passed + ${counts% *})) failed=$((failed + ${counts#* }))
}

part parity numpy
part torch_models numpy torch
part keras_models numpy
part onnx_models numpy onnx
part onnx_exports numpy onnx
summary
