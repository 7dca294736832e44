"""rnnc parity: a simple recurrent network by numpy; references that are wrong in every way.

Usage: parity.py RNNC ROOT FOLDER."""
import os

import numpy as np

from harness import check, expect, finish, folder, read_safetensors, savez, write, write_safetensors

spec = write("m.rnn", """model m {
    input  x[t] : real(3)
    target y[t] : real(2)
    h = rnn(x, 4)
    o = dense(h, 2)
    e = last(h)
    output o, e
    loss mean_square(o, y)
}
""")
draw = np.random.default_rng(3)
W, U, b, V, c = (draw.normal(size=s) * 0.5 for s in ((4, 4), (4, 3), 4, (2, 4), 2))
weights = write_safetensors("w.safetensors", {"h.W": W, "h.U": U, "h.b": b, "o.W": V, "o.b": c})
lengths = np.array([5, 2, 4])
x, y = draw.normal(size=(3, 5, 3)), draw.normal(size=(3, 5, 2))
o, e, loss = np.zeros((3, 5, 2)), np.zeros((3, 4)), 0
for n in range(3):
    for t in range(lengths[n]):
        e[n] = np.tanh(W @ e[n] + U @ x[n, t] + b)
        o[n, t] = V @ e[n] + c
        loss += ((o[n, t] - y[n, t]) ** 2).mean() / lengths.sum()
    x[n, lengths[n]:], o[n, lengths[n]:] = np.nan, 1e9        # nobody compares the padding
good = dict(x=x, x_lengths=lengths, o=o, e=e, y=y, loss=loss)


def parity(code, texts, change, *options):
    arrays = {**good, **change}
    path = savez("r.npz", **{key: a for key, a in arrays.items() if a is not None})
    return expect(code, texts, "parity", spec, "--weights", weights, "--reference", path, *options)


def moved(a, where, by):
    a = np.array(a)
    a[where] += by
    return a


said = parity(0, ["o     largest difference ", "e     largest", "loss  largest"], {})
check(said.count("\n") == 3, "three lines: " + said)
said = parity(0, "", {}, "--real", "double", "--bound", "1e-12")
parity(4, "numbers beyond the bound of 1e-12", {}, "--bound", "1e-12")
parity(0, "o  largest difference", {"x_lengths": lengths, "y": None, "loss": None})
parity(4, ["at (1, 0, 1); 1 of 22 numbers beyond the bound of 1e-05"], {"o": moved(o, (1, 0, 1), 1e-3)})
parity(0, "at (1, 0, 1)", {"o": moved(o, (1, 0, 1), 1e-3)}, "--bound", "1e-2")
parity(4, "e     largest difference inf", {"e": moved(e, (2, 3), np.nan)})
parity(4, "e     largest difference inf", {"e": moved(e, (2, 3), np.inf)})
parity(0, "e     not in the reference", {"e": None})
parity(1, "'e' has shape (3, 5), but the model's is (3, 4)", {"e": np.zeros((3, 5))})
parity(1, "none of its arrays is an output of the model", {"e": None, "o": None, "loss": None})
parity(1, "the model has no input or output 'q'", {"q": e})
parity(1, "the model has no input or output 'losss'", {"losss": e})
parity(1, "'loss' cannot be computed without all targets", {"y": None})
parity(1, "'x'", {"x": None, "x_lengths": None})
# Sizes that come from data.
open_sizes = write("open.rnn", """model open {
    input  x[t] : token(V), s[t] : real(D)
    target y[t] : token(V)
    size V = from data, D = from data
    h = gru(concat(embed(x, 3), s), 4)
    o = softmax(dense(h, V))
    output o
    loss cross_entropy(o, y)
}
""")
arrays = dict(x=[[0, 1, 2], [2, 3, 0]], y=[[1, 2, 3], [3, 0, 4]], s=draw.normal(size=(2, 3, 2)), x_lengths=[3, 2],
              y_lengths=[3, 2], s_lengths=[3, 2])
data, out, gradients = savez("d.npz", **arrays), folder + "/out.npz", folder + "/g.safetensors"
expect(0, "", "run", open_sizes, "--init", 1, "--data", data, "-o", out, "--grad", gradients)
found = np.load(out)
check(found["o"].shape == (2, 3, 4), f"V is {found['o'].shape[-1]}, and the largest symbol before an end is 3")
drawn = {key: draw.normal(size=a.shape) for key, a in read_safetensors(gradients).items() if key[:6] != "input."}
expect(0, "o     largest difference", "parity", open_sizes, "--weights", write_safetensors("w2.safetensors", drawn),
       "--reference", savez("r.npz", **arrays, o=found["o"]), "--bound", 2)
expect(0, "", "run", open_sizes, "--init", 1, "--data", data, "-o", out, "-D", "V=9")
check(np.load(out)["o"].shape == (2, 3, 9), "-D counts more than the data")
expect(1, "the size D comes from 's'", "run", open_sizes, "--init", 1, "--data", savez("d.npz", x=arrays["x"]), "-o",
       out)
# Weights that cannot be computed with.
data = savez("d.npz", x=np.nan_to_num(x), x_lengths=lengths, y=y)
large = "'h.W' holds 1e+300 at (3, 1), which is more than a float can be: --real double computes with it"
for number, message in ((1e300, large), (np.nan, "'h.W' holds NaN at (3, 1): weights must be finite"),
                        (-np.inf, "'h.W' holds an infinite number at (3, 1): weights must be finite")):
    path = write_safetensors("bad.safetensors", {**{key: a for key, a in read_safetensors(weights).items()},
                                                 "h.W": moved(W, (3, 1), number)})
    for command in (("run", "--data", data, "-o", out), ("eval", "--data", data), ("build", "-o", folder + "/no"),
                    ("parity", "--reference", savez("r.npz", **good)), ("gradflow",)):
        if command[0] == "gradflow" and message == large:    # computes with doubles
            continue
        said = expect(1, "bad.safetensors: " + message, *command[:1], spec, "--weights", path, *command[1:])
        check(said.count("\n") == 1, "one line: " + said)
    expect(1, message, "train", spec, "--data", data, "--init", path, "-o", folder + "/no")
    code = number == 1e300
    expect(1 - code, "" if code else message, "run", spec, "--weights", path, "--data", data, "-o", out, "--real",
           "double")
    expect(1, message.split(": --real")[0], "export", spec, "--weights", path, "-o", folder + "/no.onnx")
    check(not os.path.exists(folder + "/no.onnx"), "nothing is left behind")
expect(2, "--reference is missing", "parity", spec, "--weights", weights)
expect(2, "--weights is missing", "parity", spec, "--reference", folder + "/r.npz")
expect(3, "none.npz: cannot be read", "parity", spec, "--weights", weights, "--reference", folder + "/none.npz")
finish()
