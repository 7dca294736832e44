"""rnnc export to ONNX: the file is valid, and what `rnnc import` makes of it computes what the model computes.

Usage: onnx_exports.py RNNC ROOT FOLDER."""
import os

import numpy as np
import onnx

from harness import check, expect, folder, finish, read_safetensors, root, savez, write, write_safetensors

draw = np.random.default_rng(4)
COUNT, T = 3, 6


def model(name, inputs, body, outputs="y"):
    return write(name + ".rnn", f"model {name} {{\n    input {inputs}\n    {body}\n    output {outputs}\n}}\n")


def round_trip(spec, data, *options, outputs=("y",)):
    """Exports with random weights; imports; both models compute the same."""
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
    expect(0, "", "export", spec, "--weights", weights, "-o", path, *options)
    if not os.path.exists(path):
        return
    try:
        onnx.checker.check_model(onnx.load(path), full_check=True)
        valid = ""
    except Exception as why:
        valid = str(why)
    check(not valid, f"{name}: {valid}")
    expect(0, "proved: ", "import", path, "-o", folder + "/back")
    found = np.load(out)
    expected = {key: found[key] for key in outputs}
    expect(0, "largest difference", "parity", f"{folder}/back/{name}_x.rnn", "--weights",
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

# ---- what ONNX has no operator for ---------------------------------------------------------------------------------


def bad(text, spec):
    listed = expect(0, "", "check", "-v", spec)
    params = {line.split("  ")[0].strip(): line[line.index("(") + 1:line.index(")")] for line in listed.split("\n")
              if line and not line.startswith(" ") and "(" in line}
    weights = write_safetensors("w.safetensors", {key: np.zeros([int(n) for n in s.split(",") if n.strip()])
                                                  for key, s in params.items()})
    expect(1, [text, "ONNX export has no operator"], "export", spec, "--weights", weights, "-o", folder + "/no.onnx")


bad("at another step, outside of a cell that ONNX has", model("mgu", "x[t] : real(5)", "y = mgu(x, 3)"))
bad("'mean'", model("mean", "x[t] : real(5)", "y = mean(x over t)"))
bad("the boundary value of 'y'", model("learned", "x[t] : real(5)", "param v(3)\n    y = gru(x, 3, h[0] = v)"))
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
check(not os.path.exists(folder + "/no.onnx"), "a failure leaves nothing behind")
finish()
