"""rnnc export to ONNX: the file is valid, and what `rnnc import` makes of it computes what the model computes; so does
ONNX Runtime, where its library is found.

Usage: onnx_exports.py RNNC ROOT FOLDER."""
import os

import numpy as np
import onnx

import runtime
from harness import check, expect, folder, finish, read_safetensors, root, savez, write, write_safetensors

draw = np.random.default_rng(4)
COUNT, T = 3, 6
onnxruntime = runtime.start()


def model(name, inputs, body, outputs="y"):
    return write(name + ".rnn", f"model {name} {{\n    input {inputs}\n    {body}\n    output {outputs}\n}}\n")


def round_trip(spec, data, *options, outputs=("y",), lengths=None):
    """Exports with random weights; imports; both models compute the same. lengths: of each sequence of x."""
    data = {**data, "x_lengths": np.array(lengths)} if lengths else data
    name = os.path.basename(spec)[:-4]
    weights, out, path = folder + "/w.safetensors", folder + "/out.npz", f"{folder}/{name}_x.onnx"
    listed = expect(0, "", "check", "-v", spec, *options)
    params = {}
    for line in listed.split("\n"):
        words = line.split("  ")
        if line and not line.startswith(" ") and "(" in line:
            shape = line[line.index("(") + 1:line.index(")")]
            params[words[0].strip()] = 0.6 * draw.normal(size=[int(n) for n in shape.split(",") if n.strip()])
    write_safetensors("w.safetensors", {key: a.astype("f4") for key, a in params.items()}, "F32")
    expect(0, "", "run", spec, "--weights", weights, "--data", savez("d.npz", **data), "-o", out, "--real", "double",
           *options)
    if os.path.exists(path):
        os.remove(path)
    expect(0, "", "export", spec, "--weights", weights, "-o", path, *options, *["--lengths"] * bool(lengths))
    if not os.path.exists(path):
        return
    try:
        onnx.checker.check_model(onnx.load(path), full_check=True)
        valid = ""
    except Exception as why:
        valid = str(why)
    check(not valid, f"{name}: {valid}")
    found = np.load(out)
    expected = {key: found[key] for key in outputs}
    if onnxruntime:
        fed = {key: a.astype("i8" if a.dtype.kind == "i" else "f4") for key, a in data.items()}
        fed = {key: a.astype("i4") if key == "x_lengths" else np.swapaxes(a, 0, 1) if a.ndim == 3 or a.dtype.kind == "i"
               else a for key, a in fed.items()}
        for key, a in onnxruntime.run(path, fed, list(outputs)).items():
            a = np.swapaxes(a, 0, 1) if a.ndim == 3 else a
            for n, own in enumerate(lengths or []):
                if a.ndim == 3:
                    a[n, own:] = expected[key][n, own:]    # nobody compares the padding
            off = np.abs(a - expected[key]).max() if a.shape == expected[key].shape else np.inf
            check(off <= 1e-5, f"{name}: ONNX Runtime's {key} is off by {off}")
    spec = f"{folder}/back/{name}_x.rnn"
    if os.path.exists(spec):
        os.remove(spec)     # that of another network of this name
    said = expect(0, ["proved: ", *["of different lengths"] * bool(lengths)], "import", path, "-o", folder + "/back")
    expect(0, "largest difference", "parity", spec, "--weights",
           f"{folder}/back/{name}_x.safetensors", "--reference", savez("r.npz", **data, **expected), "--real", "double",
           "--bound", "1e-6")


x = {"x": draw.normal(size=(COUNT, T, 5))}
for cell in ("lstm", "gru", "gru_before", "rnn", "rnn_relu"):
    round_trip(model(cell + "_1", "x[t] : real(5)", f"y = {cell}(x, 7)"), x)
    round_trip(model(cell + "_2", "x[t] : real(5)", f"y = bidirectional {cell}(x, 7, layers = 2, dropout = 0.2)"), x)
    round_trip(model(cell + "_3", "x[t] : real(5)", f"h = reverse {cell}(x, 7)\n    y = softmax(dense(last(h), 4))"), x)
    round_trip(model(cell + "_4", "x[t] : real(5), h0 : real(7)", f"y = {cell}(x, 7, h[0] = h0)"),
               {**x, "h0": draw.normal(size=(COUNT, 7))})
round_trip(model("states", "x[t] : real(5), h0 : real(4), c0 : real(4)", "y = lstm(x, 4, h[0] = h0, c[0] = tanh(c0))"),
           {**x, "h0": draw.normal(size=(COUNT, 4)), "c0": draw.normal(size=(COUNT, 4))})
round_trip(model("words", "x[t] : token(9)", "h = bidirectional gru(embed(x, 4), 6)\n    z = dense(last(h), 3)\n"
                 "    y = softmax(z)", "y, z"), {"x": draw.integers(9, size=(COUNT, T))}, outputs=("y", "z"))
round_trip(model("onehot", "x[t] : token(9)", "param U(4,9)\n    y = gru(tanh(U @ onehot(x)), 3)"),
           {"x": draw.integers(9, size=(COUNT, T))})
round_trip(model("ops", "x[t] : real(5), v : real(3)",
                 "param W(3,5), b(3)\n    a = sigmoid(W @ x + b) * v - 0.5\n    h = gru(concat(relu(a), x(1:3)), 4)\n"
                 "    y = tanh(h) / 2 + h[1]"), {**x, "v": draw.normal(size=(COUNT, 3))})
round_trip(root + "/specs/models/tagger.rnn", {"word": draw.integers(8, size=(COUNT, T))}, "-D", "V=8", "-D", "K=4",
           "-D", "E=5", "-D", "H=6", outputs=("p",))

# ---- functions -----------------------------------------------------------------------------------------------------

for number, right in enumerate((
        "silu(h)", "gelu(h)", "elu(h)", "elu(h, 0.7)", "leaky_relu(h, 0.2)", "leaky_relu(h)", "hard_sigmoid(3 * h)",
        "hard_tanh(3 * h)", "log_sigmoid(h)", "softsign(h)", "clip(h, -0.1, 0.2)", "square(h) - cut(h)",
        "sin(h) + cos(h) * erf(h)", "floor(4 * h) + ceil(3 * h)", "sign(h) + abs(h)", "(5 * h) % 2", "(h + 2) ^ 3",
        "max(h, v) + min(h, 0.1)", "if h > 0 then h else v", "(if sum(h) <= 0 and not (h == v) then h else 2 * h) + 1",
        "if h >= 0.1 or h < -0.1 then v else h", "(if h != v then 1 else 0) * h + not h",
        "h - sum(h) + mean(h) * max(h) - min(h)", "h / norm(h)", "h - logsumexp(h)", "softmax(h over t)",
        "h * softmax(sum(h) over t)", "layer_norm(h)", "concat(vector(sum(h), mean(h)), h(2:4))", "vector(1, 2, 3, 4) * h",
        "exp(h) * sqrt(2 + h) / log(3 + h) + softplus(h)")):
    round_trip(model(f"function_{number}", "x[t] : real(5), v : real(4)", f"h = gru(x, 4)\n    y = ({right}) + 0.1 * v"),
               {**x, "v": draw.normal(size=(COUNT, 4))})
for right in ("sum(h over t)", "mean(h over t)", "max(h over t)", "min(h over t)"):
    round_trip(model("pooled", "x[t] : real(5)", f"h = gru(x, 4)\n    y = dense({right}, 2)"), x)

# ---- states --------------------------------------------------------------------------------------------------------

for both in ("", "bidirectional "):
    round_trip(model("learned", "x[t] : real(5), s : real(3)", "param v(3), u(3)\n"
                     f"    y, c = {both}lstm(x, 3, h[0] = tanh(v) + u, c[0] = s * v)\n    m = last(c)\n    e = last(y)",
                     "y, m, e"), {**x, "s": draw.normal(size=(COUNT, 3))}, outputs=("y", "m", "e"))
round_trip(model("number", "x[t] : real(5)",
                 "param v(3)\n    h = gru(x, 3, h[0] = v)\n    y = rnn(h, 4, h[0] = 0.5)"), x)

# ---- cells with all that ONNX has ----------------------------------------------------------------------------------

for number, (cell, options) in enumerate((
        ("lstm", "bound = 0, peephole = true"),
        ("lstm", "peephole = true, coupled = true, gate = 7, gate_alpha = 0.3, gate_beta = 0.4"),
        ("lstm", "coupled = true, new = 9, memory = 2"),
        ("lstm", "new = 6, new_alpha = 1.2, new_beta = 0.7, memory = 3, memory_alpha = 0.5, memory_beta = 0.1"),
        ("gru", "after = true, bound = 0.7"), ("gru", "new = 8, new_alpha = 0.6, gate = 9"),
        ("gru", "after = true, new = 4, new_alpha = 0.1"),
        ("rnn", "new = 5, new_alpha = 0.2"), ("rnn", "bound = 0.4"))):
    for both in ("", "bidirectional "):
        round_trip(model(f"general_{number}_{len(both)}", "x[t] : real(5)",
                         f"y = {both}{cell}_general(x, 4, {options})"), x)

# ---- sequences of different lengths --------------------------------------------------------------------------------

own = [T, 2, 4]
for cell in ("lstm", "gru", "rnn"):
    for layers in (1, 2, 3):
        stack = f"h = bidirectional {cell}(x, 7, layers = {layers})\n    e = softmax(dense(last(h), 3))\n"
        round_trip(model(f"{cell}_own_{layers}", "x[t] : real(5)", stack + "    y = dense(h, 2)\n    f = y[1]",
                         "y, e, f"), x, outputs=("y", "e", "f"), lengths=own)
        round_trip(model(f"{cell}_each_{layers}", "x[t] : real(5)", stack + "    y = tanh(h)", "y, e"), x,
                   outputs=("y", "e"), lengths=own)
round_trip(model("ends", "x[t] : token(9)", "h = dense(gru(embed(x, 5), 4), 3)\n    y = last(h)"),
           {"x": draw.integers(9, size=(COUNT, T))}, lengths=own)

# ---- what ONNX has no operator for ---------------------------------------------------------------------------------


def bad(text, spec, *options):
    listed = expect(0, "", "check", "-v", spec)
    params = {line.split("  ")[0].strip(): line[line.index("(") + 1:line.index(")")] for line in listed.split("\n")
              if line and not line.startswith(" ") and "(" in line}
    weights = write_safetensors("w.safetensors", {key: np.zeros([int(n) for n in s.split(",") if n.strip()])
                                                  for key, s in params.items()})
    expect(1, [text, "ONNX export has no operator"], "export", spec, "--weights", weights, "-o", folder + "/no.onnx",
           *options)


bad("at another step, outside of a cell that ONNX has", model("mgu", "x[t] : real(5)", "y = mgu(x, 3)"))
bad("'mean' over time, with --lengths", model("mean", "x[t] : real(5)", "y = mean(x over t)"), "--lengths")
bad("'outer' of a matrix", model("outer", "x[t] : real(5)", "y = sum(outer(x, x), rows)"))
bad("new = 11 of 'y'", model("kind", "x[t] : real(5)", "y = rnn_general(x, 3, new = 11)"))
bad("a step of 'y' that is neither the first nor the last",
    model("second", "x[t] : real(5)", "y = gru(x, 3)\n    z = y[2]", "z"), "--lengths")
bad("'c', the memory at every step", model("memory", "x[t] : real(5)", "y, c = lstm(x, 3)", "y, c"))
own = write("own.rnn", """cell gru(x(D), H) -> h {
    param W(H,H), U(H,D)
    h = tanh(W @ h[t-1] + U @ x)
}
model own {
    input x[t] : real(5)
    y = gru(x, 3)
    output y
}
""")
bad("at another step", own)
weights = write_safetensors("w.safetensors", {"y.W": np.zeros((3, 5)), "y.b": np.zeros(3)})
expect(1, "no input of the model runs over time", "export", model("still", "x : real(5)", "y = dense(x, 3)"),
       "--weights", weights, "-o", folder + "/no.onnx", "--lengths")
expect(2, "--lengths makes an input of ONNX", "export", own, "--weights", folder + "/w.safetensors", "-o",
       folder + "/no.safetensors", "--lengths")
check(not os.path.exists(folder + "/no.onnx"), "a failure leaves nothing behind")
finish()
