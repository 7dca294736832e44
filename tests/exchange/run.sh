#!/bin/sh
# run.sh: weights and numbers exchanged with other tools: parity, import, export.
#
# Needs RNNC (the program). Each part says what it needs of Python; what is not there is skipped, and said so.
. "$(dirname "$0")/../suite.sh"

# part NAME MODULES: NAME.py, in a folder of its own.
part() {
    mkdir "$work/$1"
    counted_by "$1.py" "$2" "$rnnc" "$root" "$work/$1"
}

part parity numpy
part torch_models "numpy torch"
part keras_models numpy
part onnx_models "numpy onnx"
part onnx_graphs "numpy onnx"
part onnx_exports "numpy onnx"
summary
