"""rnnc import of ONNX: the node tests that come with onnx, exports of PyTorch, and every option of RNN, GRU and LSTM.

The node tests give weights as inputs of the graph; here they become initializers. The options are computed a second
time here, from the definitions of the operators, and a third time by ONNX Runtime where its library is found.

Usage: onnx_models.py RNNC ROOT FOLDER."""
import importlib
import itertools
import re
import warnings

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from harness import check, expect, folder, finish, note, write
from imported import compare, graph_of, saved

warnings.filterwarnings("ignore")
draw = np.random.default_rng(12)
RECURRENT = "RNN", "GRU", "LSTM"


def rows(a, layout=0):
    """A sequence, state or lengths of the operators as the array of a spec: (B, T, ...) or (B, ...)."""
    if a.ndim == 4:
        a = a if layout else a.transpose(2, 0, 1, 3)
        return a.reshape(*a.shape[:2], -1)
    if a.ndim == 3:
        return a if layout else a.transpose(1, 0, 2)
    return a


# ---- the node tests of onnx ----------------------------------------------------------------------------------------

cases = importlib.import_module("onnx.backend.test.case.node")
for module in ("rnn", "gru", "lstm"):
    importlib.import_module("onnx.backend.test.case.node." + module)
tests = [case for case in cases._NodeTestCases if case.model.graph.node[0].op_type in RECURRENT]
check(len(tests) >= 12, f"{len(tests)} node tests")
note(f"onnx {onnx.__version__}: {len(tests)} node tests of {', '.join(RECURRENT)}, none left out")
for case in tests:
    model, (inputs, outputs) = case.model, case.data_sets[0]
    node = model.graph.node[0]
    layout = next((a.i for a in node.attribute if a.name == "layout"), 0)
    given = dict(zip([i.name for i in model.graph.input], inputs))
    for name in [key for key in given if key in ("W", "R", "B", "P")]:
        model.graph.initializer.append(numpy_helper.from_array(given.pop(name), name))
    found = {o.name: rows(np.asarray(a), layout) for o, a in zip(model.graph.output, outputs)}
    lengths = given.pop("sequence_lens", None)
    states = {key: rows(a, layout).reshape(a.shape[1 - layout], -1) for key, a in given.items() if key != "X"}
    found = {key: a.reshape(a.shape[0], -1) if key != "Y" else a for key, a in found.items()}
    compare(case.name, model, {"X": rows(given["X"], layout), **states, "X_lengths": lengths}, found)

# ---- every option --------------------------------------------------------------------------------------------------

D, H, T, B = 3, 4, 5, 3
FUNCTIONS = {
    "Sigmoid": lambda x, a, b: 1 / (1 + np.exp(-x)), "Tanh": lambda x, a, b: np.tanh(x),
    "Relu": lambda x, a, b: np.maximum(x, 0), "Affine": lambda x, a, b: a * x + b,
    "LeakyRelu": lambda x, a, b: np.where(x < 0, a * x, x), "ThresholdedRelu": lambda x, a, b: np.where(x >= a, x, 0),
    "ScaledTanh": lambda x, a, b: a * np.tanh(b * x), "HardSigmoid": lambda x, a, b: np.clip(a * x + b, 0, 1),
    "Elu": lambda x, a, b: np.where(x < 0, a * (np.exp(x) - 1), x), "Softsign": lambda x, a, b: x / (1 + abs(x)),
    "Softplus": lambda x, a, b: np.log1p(np.exp(x)),
}
PARAMETERS = {"Affine": (0.7, 0.2), "LeakyRelu": (0.05,), "ThresholdedRelu": (0.3,), "ScaledTanh": (1.2, 0.8),
              "HardSigmoid": (0.3, 0.4), "Elu": (0.6,)}
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
USUAL = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}


def definition(op, x, w, options, words, h, c):
    """One sequence in one direction: the states after each step."""
    functions = []
    for word in words:
        a, b = (*PARAMETERS.get(word, ()), 0, 0)[:2]
        functions.append(lambda v, word=word, a=a, b=b:
                         FUNCTIONS[word](np.clip(v, -options.get("clip", 1e9), options.get("clip", 1e9)), a, b))
    f, g, k = (functions + functions)[:3] if op == "LSTM" else (functions * 3)[:3]
    wb, rb = np.split(w.get("B", np.zeros(2 * GATES[op] * H)), 2)
    pi, po, pf = np.split(w.get("P", np.zeros(3 * H)), 3)
    out = []
    for v in x:
        xs, rs = np.split(w["W"] @ v + wb, GATES[op]), np.split(w["R"] @ h, GATES[op])
        bs = np.split(rb, GATES[op])
        if op == "RNN":
            h = f(xs[0] + rs[0] + bs[0])
        elif op == "GRU":
            z, r = f(xs[0] + rs[0] + bs[0]), f(xs[1] + rs[1] + bs[1])
            inner = r * (rs[2] + bs[2]) if options.get("linear_before_reset") else w["R"][2 * H:] @ (r * h) + bs[2]
            h = (1 - z) * g(xs[2] + inner) + z * h
        else:
            i = f(xs[0] + rs[0] + bs[0] + pi * c)
            forget = 1 - i if options.get("input_forget") else f(xs[2] + rs[2] + bs[2] + pf * c)
            new = forget * c + i * g(xs[3] + rs[3] + bs[3])
            h = f(xs[1] + rs[1] + bs[1] + po * new) * k(new)
            c = new
        out.append(h)
    return out, h, c


# ONNX Runtime has no layout 1, and does not clip what the memory's activation of an LSTM is taken of.
def option_case(op, direction="forward", layout=0, lengths=False, states=False, bias=True, peepholes=False, words=None,
                **options):
    d, G = 1 + (direction == "bidirectional"), GATES[op]
    words = (words or USUAL[op]) * d
    x = draw.normal(size=(B, T, D)).astype("f4")
    shapes = {"W": (d, G * H, D), "R": (d, G * H, H)}
    if bias:
        shapes["B"] = (d, 2 * G * H)
    if peepholes:
        shapes["P"] = (d, 3 * H)
    w = {key: (0.7 * draw.normal(size=s)).astype("f4") for key, s in shapes.items()}
    own = np.array([T, 2, 4]) if lengths else np.full(B, T)
    names = ["initial_h"] + ["initial_c"] * (op == "LSTM") if states else []
    initial = {key: draw.normal(size=(B, d, H)).astype("f4") for key in names}
    Y, last = np.zeros((B, T, d, H)), np.zeros((2, B, d, H))
    for b, k in itertools.product(range(B), range(d)):
        back = direction == "reverse" or k == 1
        sequence = x[b, :own[b]][::-1] if back else x[b, :own[b]]
        start = [initial[key][b, k] if key in initial else np.zeros(H) for key in ("initial_h", "initial_c")]
        half = len(words) // d
        out, last[0, b, k], last[1, b, k] = definition(op, sequence, {key: a[k] for key, a in w.items()}, options,
                                                       words[k * half:(k + 1) * half], *start)
        Y[b, :own[b], k] = out[::-1] if back else out
    order = (lambda a: a) if layout else (lambda a: np.swapaxes(a, 0, 1))
    feed = {"X": x, **initial}
    infos = [helper.make_tensor_value_info(key, TensorProto.FLOAT, [None, None, D] if key == "X" else
                                           order(a).shape[:0] + ((None, d, H) if layout else (d, None, H)))
             for key, a in feed.items()]
    if lengths:
        infos.append(helper.make_tensor_value_info("lens", TensorProto.INT32, [None]))
    ins = ["X", "W", "R", "B" * bias, "lens" * lengths, "initial_h" * states, "initial_c" * (states and op == "LSTM"),
           "P" * peepholes]
    while not ins[-1]:
        ins.pop()
    outs = ["Y", "Y_h"] + ["Y_c"] * (op == "LSTM")
    attributes = dict(hidden_size=H, direction=direction, layout=layout, **options)
    if words != USUAL[op] * d:
        values = [PARAMETERS.get(word, ()) for word in words]
        alpha, beta = [v[0] for v in values if v], [v[1] for v in values if len(v) > 1]
        attributes.update(activations=words, **({"activation_alpha": alpha} if alpha else {}),
                          **({"activation_beta": beta} if beta else {}))
    if not layout:
        attributes.pop("layout")
    graph = helper.make_graph([helper.make_node(op, ins, outs, **attributes)], "g", infos,
                              [helper.make_tensor_value_info(key, TensorProto.FLOAT, None) for key in outs],
                              [numpy_helper.from_array(a, key) for key, a in w.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
    results = {"Y": Y.reshape(B, T, -1), "Y_h": last[0].reshape(B, -1)}
    if op == "LSTM":
        results["Y_c"] = last[1].reshape(B, -1)
    inputs = {"X": x, **{key: a.reshape(B, -1) for key, a in initial.items()}}
    if lengths:
        inputs["X_lengths"] = own
    name = "_".join(["case", op.lower(), str(option_case.count)])
    option_case.count += 1
    fed = {"X": order(x), **{key: order(a) for key, a in initial.items()}}
    if lengths:
        fed["lens"] = own.astype("i4")
    return compare(name, model, inputs, results, "1e-5", ["of different lengths"] if lengths else [],
                   None if layout or op == "LSTM" and "clip" in options else fed,
                   lambda key, a: rows(a).reshape(results[key].shape))


option_case.count = 0
for op in RECURRENT:
    for direction in ("forward", "reverse", "bidirectional"):
        for layout, lengths, states in ((0, False, False), (0, True, True), (1, True, False), (1, False, True)):
            option_case(op, direction, layout, lengths, states)
    option_case(op, bias=False)
    option_case(op, clip=0.4)
    option_case(op, direction="bidirectional", lengths=True, clip=0.4)
for words in (["Relu"], *([word] for word in FUNCTIONS)):
    said = option_case("RNN", words=words)
    check(("rnn_relu(" in said) == (words == ["Relu"]), said)
for words in (["HardSigmoid", "ScaledTanh"], ["Affine", "Softsign"], ["Sigmoid", "LeakyRelu"]):
    option_case("GRU", words=words)
    option_case("GRU", words=words, linear_before_reset=1, direction="bidirectional")
check("gru_before(" in option_case("GRU"), "the reset before the product")
check("= gru(" in option_case("GRU", linear_before_reset=1), "the reset after the product")
option_case("LSTM", peepholes=True)
option_case("LSTM", peepholes=True, direction="bidirectional", lengths=True, states=True)
option_case("LSTM", input_forget=1)
option_case("LSTM", input_forget=1, peepholes=True, clip=0.8, direction="reverse")
option_case("LSTM", words=["HardSigmoid", "Softsign", "Relu"])
option_case("LSTM", words=["Sigmoid", "Elu", "ThresholdedRelu"], clip=1.5, peepholes=True)

# ---- what is not supported -----------------------------------------------------------------------------------------


def huge(model):
    """Says that its first initializer is larger than any file."""
    model.graph.initializer[0].dims[:] = [1, 1 << 27, 3]
    return model


F, I = TensorProto.FLOAT, TensorProto.INT64
X = ("X", F, [None, None, 3])
W = {"W": np.zeros((1, 4, 3), "f4"), "R": np.zeros((1, 4, 4), "f4")}
rnn = helper.make_node("RNN", ["X", "W", "R"], ["Y"], hidden_size=4, name="first")
for text, model in (
        ("the operator Conv ('c') is not supported",
         graph_of([helper.make_node("Conv", ["X", "W"], ["Y"], name="c")], [X], ["Y"], W)),
        ("RNN 'first': W is (1, 5, 3), expected (1, 4, 3)",
         graph_of([rnn], [X], ["Y"], {**W, "W": np.zeros((1, 5, 3), "f4")})),
        ("RNN 'first': 'R' is not constant", graph_of([rnn], [X, ("R", F, [1, 4, 4])], ["Y"], {"W": W["W"]})),
        ("merges time or batch",
         graph_of([rnn, helper.make_node("Reshape", ["Y", "s"], ["Z"])], [X], ["Z"], {**W, "s": np.array([-1])})),
        ("the output 'W' does not depend on the inputs", graph_of([rnn], [X], ["W"], W)),
        ("nothing gives it 'Q'", graph_of([helper.make_node("RNN", ["Q", "W", "R"], ["Y"])], [X], ["Y"], W)),
        ("is not fixed", graph_of([rnn], [("X", F, [None, None, None])], ["Y"], W)),
        ("RNN '': the attribute 'clip' is an int, expected a float",
         graph_of([helper.make_node("RNN", ["X", "W", "R"], ["Y"], clip=3)], [X], ["Y"], W)),
        ("the attribute 'activation_alpha' is ints, expected floats",
         graph_of([helper.make_node("RNN", ["X", "W", "R"], ["Y"], activations=["Elu"], activation_alpha=[2])], [X],
                  ["Y"], W)),
        ("'R' has the number nan: weights must be finite",
         graph_of([rnn], [X], ["Y"], {**W, "R": np.full((1, 4, 4), np.nan, "f4")})),
        ("'rnn1.W' holds 1e+300 at (0, 0), which is more than a float can be, and weights of ONNX become floats",
         graph_of([rnn], [X], ["Y"], {**W, "R": np.full((1, 4, 4), 1e300)})),
        ("Mul '': a constant is not finite", graph_of([helper.make_node("Mul", ["X", "k"], ["Y"])], [X], ["Y"],
                                                      {"k": np.array([np.inf], "f4")})),
        ("the tensor 'W' is too large", huge(graph_of([rnn], [X], ["Y"], W))),
        ("the input 'X' is too large", graph_of([rnn], [("X", F, [None, None, 1 << 28])], ["Y"], W)),
        ("ConstantOfShape '': its shape is too large",
         graph_of([helper.make_node("ConstantOfShape", ["s"], ["h"]),
                   helper.make_node("RNN", ["X", "W", "R", "", "", "h"], ["Y"])], [X], ["Y"],
                  {**W, "s": np.array([1 << 30, 1 << 30, 4])})),
        ("there is no activation 'Cube'",
         graph_of([helper.make_node("RNN", ["X", "W", "R"], ["Y"], activations=["Cube"])], [X], ["Y"], W)),
        ("there is no layout 100000",
         graph_of([helper.make_node("RNN", ["X", "W", "R"], ["Y"], layout=100000)], [X], ["Y"], W)),
        ("Softmax '': only over one dimension that is there",
         graph_of([helper.make_node("Softmax", ["k"], ["s"]), helper.make_node("Add", ["X", "s"], ["Y"])], [X], ["Y"],
                  {"k": np.array(1.5, "f4")})),
        ("has 5 dimensions", graph_of([rnn], [("X", F, [None] * 5)], ["Y"], W))):
    expect(1, text, "import", saved("bad", model), "-o", folder + "/no")
expect(1, "it is no ONNX file", "import", write("text.onnx", "this is no model"), "-o", folder + "/no")
expect(2, "an ONNX file says what the network is", "import", folder + "/bad.onnx", "-o", folder + "/no", "--last")

# ---- exports of PyTorch --------------------------------------------------------------------------------------------

try:
    import torch
    from torch import nn
except ImportError:
    note("skipped: torch is not here to export")
    finish()

torch.manual_seed(3)


class Net(nn.Module):
    def __init__(self, kind, first, form, **options):
        super().__init__()
        width = options["hidden_size"] * (1 + options.get("bidirectional", False))
        self.embed = nn.Embedding(11, 5) if first == "tokens" else nn.Linear(4, 5)
        self.net, self.head, self.form = kind(5, **options), nn.Linear(width, 3), form

    def forward(self, x):
        y, state = self.net(self.embed(x))
        h = state[0] if isinstance(state, tuple) else state
        if self.form == "each":
            return torch.log_softmax(self.head(y), -1), h
        if self.form == "last":
            return torch.softmax(self.head(y[:, -1] if self.net.batch_first else y[-1]), -1), h
        ends = torch.cat([h[-2], h[-1]], -1) if self.net.bidirectional else h[-1]
        return torch.relu(self.head(ends)) + 1, h


def export(name, net, x, dynamic):
    axes = {0: "B", 1: "T"} if net.net.batch_first else {0: "T", 1: "B"}
    torch.onnx.export(net, x, f"{folder}/{name}.onnx", input_names=["x"], output_names=["y", "h"],
                      dynamic_axes={"x": axes} if dynamic else None, opset_version=14)
    return onnx.load(f"{folder}/{name}.onnx")


def single(name, kind, first, batch_first):
    """One sequence, as most are exported: the batch is 1 long, and so are dimensions that Squeeze takes away."""
    net = Net(kind, first, "each", hidden_size=7, batch_first=batch_first)
    x = torch.randint(11, (1, 5)) if first == "tokens" else torch.randn(1, 5, 4)
    x = x if batch_first else x.transpose(0, 1)
    with torch.no_grad():
        torch.onnx.export(net, x, f"{folder}/{name}.onnx", input_names=["x"], output_names=["y", "h"], opset_version=13,
                          dynamic_axes={"x": {int(batch_first): "T"}} if first == "tokens" else None)
        y, h = net(x)
    y, h = (v[0] if isinstance(v, tuple) else v for v in (y, h))
    turn = (lambda a: a) if batch_first else (lambda a: np.swapaxes(a, 0, 1))
    said = compare(name, onnx.load(f"{folder}/{name}.onnx"), {"x": turn(x.numpy())},
                   {"y": turn(y.numpy()), "h": np.swapaxes(h.numpy(), 0, 1).reshape(1, -1)}, "1e-5")
    check("bias = false" not in said, "a linear layer keeps its bias: " + said)


for kind, first, batch_first in itertools.product((nn.RNN, nn.GRU, nn.LSTM), ("tokens", "numbers"), (True, False)):
    single(f"single_{kind.__name__}_{first}_{batch_first}".lower(), kind, first, batch_first)

class Normalised(nn.Module):
    """A layer norm is a dozen nodes."""
    def __init__(self):
        super().__init__()
        self.net, self.norm, self.head = nn.GRU(4, 7, batch_first=True), nn.LayerNorm(7), nn.Linear(7, 3)

    def forward(self, x):
        return self.head(self.norm(self.net(x)[0])) ** 2


net, x = Normalised(), torch.randn(3, 5, 4)
nn.init.normal_(net.norm.weight), nn.init.normal_(net.norm.bias)
for steps in (None, {"x": {0: "B", 1: "T"}}):
    torch.onnx.export(net, x, folder + "/normalised.onnx", input_names=["x"], output_names=["y"], dynamic_axes=steps,
                      opset_version=13)
    with torch.no_grad():
        compare("normalised", onnx.load(folder + "/normalised.onnx"), {"x": x.numpy()}, {"y": net(x).numpy()}, "1e-5")

number = 0
for kind, layers, both in itertools.product((nn.RNN, nn.GRU, nn.LSTM), (1, 2, 3), (False, True)):
    number += 1
    form, first = ("each", "last", "state")[number % 3], ("tokens", "numbers")[number % 2]
    batch_first, dynamic = bool(number // 2 % 2), bool(number // 3 % 2)
    options = {"nonlinearity": "relu"} if kind is nn.RNN and layers == 2 else {}
    options.update(hidden_size=7, num_layers=layers, bidirectional=both, batch_first=batch_first)
    net = Net(kind, first, form, **options)
    x = torch.randint(11, (3, 5)) if first == "tokens" else torch.randn(3, 5, 4)
    x = x if batch_first else x.transpose(0, 1)
    name = f"torch_{number}"
    with torch.no_grad():
        model, (y, h) = export(name, net, x, dynamic), net(x)
    turn = (lambda a: np.swapaxes(a, 0, 1)) if not batch_first else (lambda a: a)
    results = {"y": turn(y.numpy()) if form == "each" else y.numpy(), "h": np.swapaxes(h.numpy(), 0, 1).reshape(3, -1)}
    compare(name, model, {"x": turn(x.numpy())}, results, "1e-5", feed={"x": x.numpy()},
            arrange=lambda key, a: np.swapaxes(a, 0, 1).reshape(3, -1) if key == "h" else
            turn(a) if form == "each" else a)
finish()
