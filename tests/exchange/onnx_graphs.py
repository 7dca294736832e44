"""rnnc import of ONNX: what exporters write around the recurrent operators, and the operators that stand alone.

Graphs as the exporter that traces programs (opset 18) and the converter of TensorFlow write them are built here, and
what they compute is said by ONNX Runtime where its library is found; without it, the import's own proof is all.
Exports of PyTorch are held against PyTorch.

Usage: onnx_graphs.py RNNC ROOT FOLDER."""
import warnings

import numpy as np
import onnx
from onnx import TensorProto, helper

from harness import check, expect, finish, folder, note
from imported import compare, graph_of, onnxruntime, saved

warnings.filterwarnings("ignore")
draw = np.random.default_rng(18)
F, I32, I64 = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64
B, T, D, H = 3, 5, 4, 6
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def node(op, inputs, outputs, name="", **attributes):
    return helper.make_node(op, inputs.split(" ") if inputs else [], outputs.split(" "), name=name, **attributes)


def weights(op, inputs, directions=1, prefix=""):
    G = GATES[op]
    shapes = {"W": (directions, G * H, inputs), "R": (directions, G * H, H), "B": (directions, 2 * G * H)}
    return {prefix + key: (0.6 * draw.normal(size=s)).astype("f4") for key, s in shapes.items()}


def numbers(*shape):
    return draw.normal(size=shape).astype("f4")


def runs(name, model, feed, given, arrange, texts=()):
    """Imports. `given`: the inputs as the spec has them; arrange: of each output of the graph, its name in the spec and
    what makes an array of the spec of it."""
    if not onnxruntime:
        return expect(0, ["proved: ", *texts], "import", saved(name, model), "-o", f"{folder}/{name}")
    found = onnxruntime.run(saved(name, model), feed, list(arrange))
    return compare(name, model, given, {word: turn(found[key]) for key, (word, turn) in arrange.items()}, "1e-5", texts)


def same(a):
    return a


def turned(a):
    return np.swapaxes(a, 0, 1)


def states(a):
    return np.swapaxes(a, 0, 1).reshape(a.shape[1], -1)


# ---- as the tracing exporter writes it -----------------------------------------------------------------------------


def traced(op, both, name):
    """Two layers, batch first: states by Expand, a Slice for each layer, both directions by Transpose and Reshape."""
    d, opset = 1 + both, 18
    constants = {"zero": np.zeros((1, 1, 1), "f4"), "axis0": np.array([0]), "axis1": np.array([1]),
                 "keep": np.array([0, 0, -1]), "one": np.array([1]), "head.W": numbers(d * H, 3), "head.b": numbers(3)}
    nodes = [node("Shape", "x", "batch", start=0, end=1),
             node("Constant", "", "layers", value_ints=[2 * d]), node("Constant", "", "units", value_ints=[H]),
             node("Concat", "layers batch units", "shape", axis=0), node("Expand", "zero shape", "h0"),
             node("Transpose", "x", "y0", perm=[1, 0, 2])]
    for layer in range(2):
        constants.update(weights(op, d * H if layer else D, d, f"layer{layer}."))
        constants.update({f"from{layer}": np.array([layer * d]), f"to{layer}": np.array([layer * d + d])})
        nodes.append(node("Slice", f"h0 from{layer} to{layer} axis0 one", f"h0_{layer}"))
        ins = " ".join([f"y{layer}", *[f"layer{layer}.{key}" for key in "WRB"], "", f"h0_{layer}"])
        ins += f" h0_{layer}" if op == "LSTM" else ""
        nodes.append(node(op, ins, f"Y{layer} H{layer}", f"n{layer}", hidden_size=H,
                          direction="bidirectional" if both else "forward"))
        if both:
            nodes += [node("Transpose", f"Y{layer}", f"t{layer}", perm=[0, 2, 1, 3]),
                      node("Reshape", f"t{layer} keep", f"y{layer + 1}")]
        else:
            nodes.append(node("Squeeze", f"Y{layer} axis1", f"y{layer + 1}"))
    nodes += [node("Concat", "H0 H1", "h", axis=0), node("Transpose", "y2", "z", perm=[1, 0, 2]),
              node("MatMul", "z head.W", "zW"), node("Add", "zW head.b", "y")]
    model = graph_of(nodes, [("x", F, ["batch", "time", D])], ["y", "h"], constants, opset)
    x = numbers(B, T, D)
    runs(name, model, {"x": x}, {"x": x}, {"y": ("y", same), "h": ("h", states)})


for op in GATES:
    for both in (False, True):
        traced(op, both, f"traced_{op.lower()}_{both}".lower())

# ---- as TensorFlow's converter writes it ---------------------------------------------------------------------------


def converted(tokens):
    """A Keras model: batch first outside; the states from the shape; a Dense of sequences by a merge of batch and time;
    tokens are floats that are cast."""
    at = "StatefulPartitionedCall/model/lstm/"
    ins = "input_1:0"
    constants = {**weights("LSTM", D, 1, at), "E": numbers(9, D), "W2": numbers(H, 2), "b2": numbers(2),
                 "begin": np.array([0]), "end": np.array([1]), "units": np.array([H]), "axis0": np.array([0]),
                 "axis1": np.array([1]), "rows": np.array([-1, H]), "two": np.array([2]), "pair": np.array([0, 2])}
    nodes = [node("Cast", ins, "ids", to=I32), node("Gather", "E ids", "x")] if tokens else \
        [node("Identity", ins, "x")]
    nodes += [node("Transpose", "x", at + "x:0", perm=[1, 0, 2]),
              node("Shape", "x", "s"), node("Cast", "s", "s32", to=I32), node("Cast", "s32", "s64", to=I64),
              node("Slice", "s64 begin end axis0", "n"), node("Concat", "n units", "state", axis=0),
              node("ConstantOfShape", "state", "zeros"), node("Unsqueeze", "zeros axis0", "h0"),
              node("LSTM", " ".join([at + "x:0", at + "W", at + "R", at + "B", "", "h0", "h0"]),
                   f"{at}Y {at}Y_h {at}Y_c", at + "LSTM", hidden_size=H),
              node("Squeeze", at + "Y axis1", "seq"), node("Transpose", "seq", "PartitionedCall:1", perm=[1, 0, 2]),
              node("Squeeze", at + "Y_h axis0", "hn"), node("Squeeze", at + "Y_c axis0", "cn"),
              node("Concat", "hn cn", "Identity:0", axis=-1),
              node("Shape", "PartitionedCall:1", "whole"), node("Gather", "whole pair", "outer"),
              node("Slice", "whole begin two axis0", "lead"),
              node("Concat", "lead two", "back", axis=0),
              node("Reshape", "PartitionedCall:1 rows", "flat"), node("MatMul", "flat W2", "dense"),
              node("Reshape", "dense back", "again"), node("Add", "again b2", "logits"),
              node("Softmax", "logits", "Identity:1", axis=-1)]
    shape = ["unk__1", "unk__2"] if tokens else ["unk__1", "unk__2", D]
    model = graph_of(nodes, [(ins, F, shape)], ["Identity:0", "Identity:1"], constants, 15)
    x = draw.integers(9, size=(B, T)) if tokens else numbers(B, T, D)
    said = runs(f"converted_{tokens}".lower(), model, {ins: x.astype("f4")}, {"input_1": x},
                {"Identity:0": ("Identity", same), "Identity:1": ("Identity_1", same)})
    check(("input input_1[t] : token(9)" in said) == tokens, said)


converted(False)
converted(True)

# ---- backwards in time ---------------------------------------------------------------------------------------------

ends = {"first": np.array([-1]), "last": np.array([-(1 << 31)]), "time": np.array([0]), "down": np.array([-1]),
        "all": np.full(B, T), "axis1": np.array([1]), "zero": np.array(0), "final": np.array(-1)}
X = ("X", F, [T, B, D])
both = [node("GRU", "X a.W a.R a.B", "A", hidden_size=H), node("GRU", "Xr b.W b.R b.B", "C Ch", hidden_size=H),
        node("Squeeze", "A axis1", "a"), node("Squeeze", "C axis1", "c")]
cells = {**weights("GRU", D, 1, "a."), **weights("GRU", D, 1, "b."), **ends}
x = numbers(T, B, D)
for name, turn in (("slice", lambda a, b: node("Slice", f"{a} first last time down", b)),
                   ("reverse", lambda a, b: node("ReverseSequence", f"{a} all", b, time_axis=0, batch_axis=1))):
    model = graph_of([turn("X", "Xr"), *both, turn("c", "cr"), node("Concat", "a cr", "Y", axis=-1),
                      node("Gather", "c zero", "e0", axis=0), node("Gather", "c final", "e1", axis=0)],
                     [X], ["Y", "Ch", "e0", "e1"], cells)
    said = runs("turned_" + name, model, {"X": x}, {"X": turned(x)}, {
        "Y": ("Y", turned), "Ch": ("Ch", states), "e0": ("e0", same), "e1": ("e1", same)})
    check("reverse gru_before(X, 6)" in said, said)
expect(1, "the output 'c' runs backwards in time", "import",
       saved("bad", graph_of([node("Slice", "X first last time down", "Xr"), *both[1:2], both[3]], [X], ["c"], cells)),
       "-o", folder + "/no")
own = np.array([T, 2, 4])
model = graph_of([node("Cast", "lens", "lens32", to=I32),
                  node("ReverseSequence", "X lens", "Xr", time_axis=0, batch_axis=1),
                  node("GRU", "Xr b.W b.R b.B lens32", "C", hidden_size=H), node("Squeeze", "C axis1", "c"),
                  node("ReverseSequence", "c lens", "Y", time_axis=0, batch_axis=1),
                  node("Gather", "Y zero", "e", axis=0)],
                 [("X", F, [None, None, D]), ("lens", I64, [None])], ["Y", "e"], cells)
runs("turned_own", model, {"X": x, "lens": own}, {"X": turned(x), "X_lengths": own},
     {"Y": ("Y", turned), "e": ("e", same)}, ["of different lengths"])

# ---- one by one ----------------------------------------------------------------------------------------------------

Z, z = ("Z", F, [None, None, D]), 2 * numbers(T, B, D)
CONSTANTS = {"axes2": np.array([2]), "axes0": np.array([0]), "parts": np.array([1, 3]), "k": numbers(D), "v": numbers(D),
             "low": np.array(-0.5, "f4"), "high": np.array(0.7, "f4"), "once": np.array([1, 1, 1]), "next": np.array([1]),
             "still": np.array([1, 1, 1, 1]), "every": np.array([2]), "from": np.array([0]), "to": np.array([T])}
number = 0


def alone(opset, nodes, arrange=None, x=z, info=Z, given=None):
    """The output is Y."""
    global number
    number += 1
    return runs(f"alone_{number}", graph_of(nodes, [info], ["Y"], CONSTANTS, opset), {info[0]: x},
                {info[0]: turned(x) if given is None else given}, {"Y": ("Y", arrange or turned)})


for op, attributes in (("LeakyRelu", {"alpha": 0.2}), ("LeakyRelu", {}), ("Elu", {"alpha": 0.6}), ("Selu", {}),
                       ("HardSigmoid", {}), ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}), ("HardSwish", {}),
                       ("Erf", {}), ("Floor", {}), ("Ceil", {}), ("Sign", {}), ("Sin", {}), ("Cos", {}),
                       ("Reciprocal", {}), ("Softsign", {}), ("Abs", {})):
    alone(15, [node(op, "Z", "Y", **attributes)])
alone(18, [node("Mish", "Z", "Y")])
alone(20, [node("Gelu", "Z", "Y")])
alone(15, [node("Clip", "Z low high", "Y")])
alone(15, [helper.make_node("Clip", ["Z", "", "high"], ["Y"])])
alone(15, [node("Sin", "Z", "S"), node("Max", "Z S", "M"), node("Min", "M k", "N"), node("Sum", "N Z", "Y")])
alone(17, [node("LayerNormalization", "Z k v", "Y")])
alone(17, [node("LayerNormalization", "Z k", "Y", axis=2, epsilon=0.01)])
for op in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"):
    alone(18, [node(op, "Z axes2", "Y")])
    alone(18, [node(op, "Z axes2", "Y", keepdims=0)], lambda a: turned(a)[:, :, None])
    alone(18, [node(op, "Z axes0", "Y", keepdims=0)], same)
    alone(18, [node(op, "Z axes0", "M"), node("Mul", "M Z", "Y")])
alone(12, [node("ReduceSum", "Z", "Y", axes=[-1])])
alone(14, [node("Softmax", "Z", "Y", axis=0)])
alone(13, [node("Split", "Z parts", "A P", axis=2), node("Concat", "P A", "Y", axis=-1)])
alone(18, [node("Split", "Z", "A P", axis=-1, num_outputs=2), node("Mul", "A P", "Y")])
alone(14, [node("Tile", "Z once", "A"), node("Expand", "A still", "Y")], lambda a: turned(a[0]))
alone(14, [node("Constant", "", "c", value_float=0.5), node("Mul", "Z c", "A"),
           node("Constant", "", "d", value_floats=[0.1, 0.2, 0.3, 0.4]), node("Add", "A d", "Y")])

# A sequence without a batch, and one without components.
cells = {**weights("LSTM", D), **weights("LSTM", 1, 1, "mono."), "E": numbers(9, D), "one": np.array([1])}
x = numbers(T, D)
for steps in (T, None):
    model = graph_of([node("Unsqueeze", "X one", "x"), node("LSTM", "x W R B", "Y Yh", hidden_size=H),
                      node("Squeeze", "Y one", "Z"), node("Squeeze", "Z one", "A"), node("Squeeze", "Yh one", "h")],
                     [("X", F, [steps, D])], ["A", "h"], cells)
    runs(f"unbatched_{steps}".lower(), model, {"X": x}, {"X": x[None]}, {"A": ("A", lambda a: a[None]), "h": ("h", same)})
model = graph_of([node("Gather", "E X", "e"), node("Unsqueeze", "e one", "x"), node("LSTM", "x W R B", "Y", hidden_size=H),
                  node("Squeeze", "Y one", "Z")], [("X", I64, [None])], ["Z"], cells)
tokens = draw.integers(9, size=T)
runs("unbatched_tokens", model, {"X": tokens}, {"X": tokens[None]}, {"Z": ("Z", lambda a: a.reshape(1, T, H))})
x = numbers(T, B)
model = graph_of([node("Constant", "", "two", value_ints=[2]), node("Unsqueeze", "X two", "x"),
                  node("LSTM", "x mono.W mono.R mono.B", "Y", hidden_size=H), node("Squeeze", "Y one", "Z")],
                 [("X", F, [None, None])], ["Z"], cells)
runs("mono", model, {"X": x}, {"X": x.T[:, :, None]}, {"Z": ("Z", turned)})

# Names that become one word.
model = graph_of([node("Tanh", "Z", "a:1"), node("Neg", "Z", "a_1"), node("Abs", "Z", "a/1")], [Z],
                 ["a:1", "a_1", "a/1"])
runs("words", model, {"Z": z}, {"Z": turned(z)}, {"a:1": ("a_1", turned), "a_1": ("a_1_2", turned),
                                                  "a/1": ("a_1_3", turned)})

expect(0, "proved", "import", folder + "/words.onnx", "-o", folder + "/words")    # once more, over files without tensors

# ---- what is not supported -----------------------------------------------------------------------------------------

for text, opset, nodes in (
        ("Slice 'n': only one step, neighbours", 14, [node("Slice", "Z from to from every", "Y", "n")]),
        ("Mod 'n': only of two operands, or of constants", 14, [node("Mod", "Z k", "Y", "n")]),
        ("Sum 'n': only of two operands, or of constants", 14, [node("Sum", "Z k v", "Y", "n")]),
        ("Cast 'n': it cuts off what comes after the point", 14, [node("Cast", "Z", "Y", "n", to=I32)]),
        ("Gelu 'n': only the exact function", 20, [node("Gelu", "Z", "Y", "n", approximate="tanh")]),
        ("Tile 'n': it repeats a value", 14, [node("Tile", "Z r", "Y", "n")]),
        ("Split 'n': only components", 14, [node("Split", "Z", "Y P", "n", axis=1)]),
        ("ReduceProd 'n': this operator is not supported here", 14, [node("ReduceProd", "Z", "Y", "n", axes=[2])]),
        ("ReduceSum 'n': an axis is out of range", 12, [node("ReduceSum", "Z", "Y", "n", axes=[3])]),
        ("Clip 'n': only between constants", 14, [node("Slice", "Z from next axes2", "m"),
                                                  node("Clip", "Z m", "Y", "n")]),
        ("the operator TopK ('n') is not supported", 14, [node("TopK", "Z k", "Y i", "n")]),
        ("LayerNormalization 'n': the shapes", 17, [node("LayerNormalization", "Z parts", "Y", "n")])):
    constants = {**CONSTANTS, "r": np.array([1, 1, 2])}
    said = expect(1, text, "import", saved("bad", graph_of(nodes, [Z], ["Y"], constants, opset)), "-o", folder + "/no")
    check(said.count("\n") == 1, "one line: " + said)

# ---- exports of PyTorch --------------------------------------------------------------------------------------------

try:
    import torch
    from torch import nn
except ImportError:
    note("skipped: torch is not here to export")
    finish()

torch.manual_seed(5)
function = nn.functional


class Net(nn.Module):
    """A recurrent layer and a linear one, put together by `form`."""
    def __init__(self, kind, inputs, form, **options):
        super().__init__()
        width = H * (1 + options.get("bidirectional", False))
        self.net, self.head, self.norm = kind(inputs, H, **options), nn.Linear(width, 4), nn.LayerNorm(width)
        self.h = nn.Parameter(torch.randn(options.get("num_layers", 1), 1, H))
        self.gate, self.form = nn.Linear(width, 1), form

    def forward(self, x):
        return self.form(self, x)


def learned(net, x):
    start = net.h.expand(-1, x.shape[0], -1).contiguous(), net.h.repeat(1, x.shape[0], 1)
    y = net.net(x, start)[0]
    return torch.softmax(net.head(y.reshape(-1, H)), -1).view(x.shape[0], x.shape[1], 4)


def functions(net, x):
    y = net.head(net.net(x)[0])
    y = function.silu(y) + function.leaky_relu(y) + function.elu(y) + function.hardtanh(y) + function.mish(y)
    return torch.max(y, -y) + function.hardswish(y) - torch.clamp(y, min=0.1) + function.gelu(y)


def attended(net, x):
    y = net.net(x)[0]
    return net.head((torch.softmax(net.gate(y), 1) * y).sum(1))


def zeros(net, x):
    return net.head(net.net(x, torch.zeros(4, x.size(0), H))[0][:, -1, :])


first = {"batch_first": True}
for name, net, shape, opset in (
        ("learned", Net(nn.LSTM, D, learned, num_layers=2, **first), (B, T, D), 14),
        ("functions", Net(nn.GRU, D, functions, **first), (B, T, D), 14),
        ("attended", Net(nn.LSTM, D, attended, **first), (B, T, D), 14),
        ("zeros", Net(nn.GRU, D, zeros, num_layers=2, bidirectional=True, **first), (B, T, D), 14),
        ("pooled", Net(nn.RNN, D, lambda net, x: net.head(net.net(x)[0].max(1)[0]), **first), (B, T, D), 14),
        ("norm", Net(nn.LSTM, D, lambda net, x: net.head(net.norm(net.net(x)[0])), **first), (B, T, D), 17),
        ("flip", Net(nn.LSTM, D, lambda net, x: net.net(x.flip(1))[0].flip(1), **first), (B, T, D), 14),
        ("wave", Net(nn.LSTM, 1, lambda net, x: net.gate(net.net(x.unsqueeze(-1))[0]).squeeze(-1), **first), (B, T), 14),
        ("single", Net(nn.LSTM, D, lambda net, x: net.head(net.net(x)[0])), (T, D), 14)):
    if net.norm.weight is not None:
        nn.init.normal_(net.norm.weight), nn.init.normal_(net.norm.bias)
    for dynamic in (False, True):
        x, sizes = torch.randn(*shape), {"single": {0: "T"}}.get(name, {0: "B", 1: "T"})
        torch.onnx.export(net.eval(), x, f"{folder}/{name}.onnx", input_names=["x"], output_names=["y"],
                          dynamic_axes={"x": sizes} if dynamic else None, opset_version=opset)
        with torch.no_grad():
            y = net(x).numpy()
        given = x.numpy()[None] if name == "single" else x.numpy()[..., None] if name == "wave" else x.numpy()
        y = y[None] if name == "single" else y[..., None] if name == "wave" else y
        compare(f"{name}_{dynamic}", onnx.load(f"{folder}/{name}.onnx"), {"x": given}, {"y": y}, "1e-5")
finish()
