"""Files of ONNX that are imported, and held against arrays and, where its library is found, against ONNX Runtime."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import runtime
from harness import check, expect, folder, savez

onnxruntime = runtime.start()


def saved(name, model):
    onnx.save(model, f"{folder}/{name}.onnx")
    return f"{folder}/{name}.onnx"


def compare(name, model, inputs, outputs, bound="2e-6", texts=(), feed=None, arrange=None):
    """Imports; `inputs` and `outputs` are arrays in the layout of the spec. With `feed`, the inputs in the layout of
    the file, ONNX Runtime must compute these outputs, too; arrange(name, array) turns its arrays into those."""
    path = saved(name, model)
    said = expect(0, ["proved: ", *texts], "import", path, "-o", f"{folder}/{name}")
    if onnxruntime and feed:
        for key, a in onnxruntime.run(path, feed, list(outputs)).items():
            off = np.abs(arrange(key, a) - outputs[key]).max()
            check(off <= 1e-5 * max(1, np.abs(outputs[key]).max()), f"{name}: ONNX Runtime's {key} is off by {off}")
    arrays = {key: np.asarray(a) for key, a in {**inputs, **outputs}.items() if a is not None}
    expect(0, "largest difference", "parity", f"{folder}/{name}/{name}.rnn", "--weights",
           f"{folder}/{name}/{name}.safetensors", "--reference", savez("r.npz", **arrays), "--bound", bound)
    return said


def graph_of(nodes, inputs, outputs, initializers=(), opset=14):
    """The initializers that a node reads."""
    read = {word for n in nodes for word in n.input} | set(outputs)
    infos = [helper.make_tensor_value_info(key, kind, shape) for key, kind, shape in inputs]
    return helper.make_model(helper.make_graph(
        nodes, "g", infos, [helper.make_tensor_value_info(key, TensorProto.FLOAT, None) for key in outputs],
        [numpy_helper.from_array(np.asarray(a), key) for key, a in dict(initializers).items() if key in read]),
        opset_imports=[helper.make_opsetid("", opset)])
