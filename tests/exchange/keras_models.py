"""rnnc import of Keras's weights: what each layer computes stands here as in Keras's own code, x W from the right.

Usage: keras_models.py RNNC ROOT FOLDER."""
import os
import re

import numpy as np

from harness import check, expect, folder, finish, savez, write

draw = np.random.default_rng(8)


def sigma(a):
    return 1 / (1 + np.exp(-a))


def lstm(x, kernel, recurrent, bias):
    units = len(recurrent)
    h = c = np.zeros(units)
    out = []
    for step in x:
        z = step @ kernel + h @ recurrent + bias
        z0, z1, z2, z3 = z[:units], z[units:2 * units], z[2 * units:3 * units], z[3 * units:]
        i, f = sigma(z0), sigma(z1)
        c = f * c + i * np.tanh(z2)
        o = sigma(z3)
        h = o * np.tanh(c)
        out.append(h)
    return np.array(out)


def gru(x, kernel, recurrent, bias):
    units = len(recurrent)
    reset_after = np.ndim(bias) == 2
    input_bias, recurrent_bias = bias if reset_after else (bias, 0)
    h = np.zeros(units)
    out = []
    for step in x:
        xz, xr, xh = np.split(step @ kernel + input_bias, 3)
        if reset_after:
            hz, hr, hh = np.split(h @ recurrent + recurrent_bias, 3)
            z, r = sigma(xz + hz), sigma(xr + hr)
            n = np.tanh(xh + r * hh)
        else:
            z, r = sigma(xz + h @ recurrent[:, :units]), sigma(xr + h @ recurrent[:, units:2 * units])
            n = np.tanh(xh + (r * h) @ recurrent[:, 2 * units:])
        h = z * h + (1 - z) * n
        out.append(h)
    return np.array(out)


def simple(x, kernel, recurrent, bias, f=np.tanh):
    h = np.zeros(len(recurrent))
    out = []
    for step in x:
        h = f(step @ kernel + bias + h @ recurrent)
        out.append(h)
    return np.array(out)


def relu(x, *weights):
    return simple(x, *weights, f=lambda a: np.maximum(a, 0))


def weights(D, U, gates, bias=(1,)):
    return [draw.normal(size=s) * 0.5 for s in ((D, gates * U), (U, gates * U), (*bias, gates * U)[bias == (1,):])]


LEAVES = "kernel", "recurrent_kernel", "bias"


def compare(name, arrays, run, D, *options, texts=(), last=False):
    """`run` computes one sequence."""
    path = savez(name + ".npz", **arrays)
    said = expect(0, ["proved: ", *texts], "import", path, "-o", f"{folder}/{name}", *options)
    spec = f"{folder}/{name}/{name}.rnn"
    output = re.search(r"output (\w+)", open(spec).read()).group(1)
    lengths = np.array([6, 1, 4])
    x = draw.normal(size=(3, 6, D)) if isinstance(D, int) else draw.integers(D[0], size=(3, 6))
    rows = [run(row[:n]) for row, n in zip(x, lengths)]
    expected = np.array([a if last else np.pad(a, ((0, 6 - len(a)), (0, 0))) for a in rows])
    reference = savez("r.npz", x=x, x_lengths=lengths, **{output: expected})
    expect(0, "largest difference", "parity", spec, "--weights", spec.replace(".rnn", ".safetensors"), "--reference",
           reference, "--real", "double", "--bound", "1e-12")
    return said


for name, run, gates, bias in (("lstm", lstm, 4, (1,)), ("gru", gru, 3, (2,)), ("gru_one", gru, 3, (1,)),
                               ("rnn", simple, 1, (1,)), ("relu", relu, 1, (1,))):
    for cell in ("", "/lstm_cell", "/a_cell_12"):
        w = weights(5, 7, gates, bias)
        options = ["-D", "net=rnn_relu"] if run is relu else []
        said = compare(name + cell.replace("/", "_"), {f"net{cell}/{leaf}": a for leaf, a in zip(LEAVES, w)},
                       lambda x: run(x, *w), 5, *options)
        check(("gru_before" in said) == (name == "gru_one"), said)
    forward, backward = weights(5, 7, gates, bias), weights(5, 7, gates, bias)
    arrays = {f"seq/both/forward_x/{leaf}:0": a for leaf, a in zip(LEAVES, forward)}
    arrays.update({f"seq/both/backward_x/{leaf}:0": a for leaf, a in zip(LEAVES, backward)})
    compare(name + "_both", arrays, lambda x: np.hstack([run(x, *forward), run(x[::-1], *backward)[::-1]]), 5,
            *(["-D", "seq/both=rnn_relu"] if run is relu else []))

# ---- a network -----------------------------------------------------------------------------------------------------

E, V, b = draw.normal(size=(9, 5)), draw.normal(size=(8, 3)), draw.normal(size=3)
first, second = weights(5, 6, 4), weights(6, 8, 3, (2,))
arrays = {"embedding/embeddings": E, **{f"lstm/lstm_cell/{leaf}": a for leaf, a in zip(LEAVES, first)},
          **{f"gru/gru_cell/{leaf}": a for leaf, a in zip(LEAVES, second)}, "dense/kernel": V, "dense/bias": b}
compare("net", arrays, lambda x: gru(lstm(E[x], *first), *second) @ V + b, (9,))
compare("last", arrays, lambda x: gru(lstm(E[x], *first), *second)[-1] @ V + b, (9,), "--last", last=True)
compare("shuffled", dict(sorted(arrays.items())), lambda x: gru(lstm(E[x], *first), *second) @ V + b, (9,))
w = weights(5, 6, 3)[:2]
no_bias = dict(zip(("gru/kernel", "gru/recurrent_kernel"), w))
compare("after", no_bias, lambda x: gru(x, *w, np.zeros((2, 18))), 5, texts=["-D gru=gru_before", "they are 0"])
compare("before", no_bias, lambda x: gru(x, *w, np.zeros(18)), 5, "-D", "gru=gru_before")
compare("flat", {"a/kernel": V}, lambda x: x @ V, 8)

# ---- what is wrong -------------------------------------------------------------------------------------------------


def bad(text, change):
    path = savez("bad.npz", **{key: a for key, a in {**arrays, **change}.items() if a is not None})
    expect(1, text, "import", path, "-o", folder + "/no")


bad("'gru/gru_cell/kernel' is (6, 25), but the layer 'gru' (gru) takes (6, 24)",
    {"gru/gru_cell/kernel": np.zeros((6, 25))})
bad("'lstm/lstm_cell/recurrent_kernel' is (6, 25)", {"lstm/lstm_cell/recurrent_kernel": np.zeros((6, 25))})
bad("the layer 'gru' lacks its tensor 'kernel'", {"gru/gru_cell/kernel": None})
bad("'norm/gamma' (4): no layer that rnnc knows", {"norm/gamma": np.zeros(4)})
bad("'arr_0' is what numpy calls an array saved without a name", {"arr_0": np.zeros((3, 2))})
bad("'conv/kernel' is F64 of shape (2, 3, 4)", {"conv/kernel": np.zeros((2, 3, 4))})
bad("'dense/bias' has the number nan: weights must be finite", {"dense/bias": np.full(3, np.nan)})
bad("in no order", {"dense/kernel": np.zeros((7, 3))})
for name in ("net.keras", "net.h5"):
    expect(1, ["Keras's own file is not read", "docs/deployment.md"], "import", write(name, "x"), "-o", folder + "/no")

# A spec that was edited is not written over; its weights are renewed with --spec.
path = savez("again.npz", **{"dense/kernel": draw.normal(size=(3, 2)), "dense/bias": draw.normal(size=2)})
spec = folder + "/again/again.rnn"
expect(0, ["proved: "], "import", path, "-o", folder + "/again")
expect(0, ["proved: "], "import", path, "-o", folder + "/again")
with open(spec, "a") as file:
    file.write("# a note\n")
expect(1, ["again.rnn: is there", "--spec"], "import", path, "-o", folder + "/again")
check(open(spec).read().endswith("# a note\n"), "an edited spec was written over")
expect(0, ["loaded 2 tensors"], "import", path, "-o", folder + "/again", "--spec", spec)

# Nor are weights of somebody else; an empty file is nobody's.
os.mkdir(folder + "/theirs")
with open(path, "rb") as file:
    theirs = file.read()
with open(folder + "/theirs/again.safetensors", "wb") as file:
    file.write(theirs)
expect(1, ["again.safetensors: is there", "remove it"], "import", path, "-o", folder + "/theirs")
check(open(folder + "/theirs/again.safetensors", "rb").read() == theirs, "weights of another tool were written over")
check(not os.path.exists(folder + "/theirs/again.rnn"), "the spec was written without its weights")
with open(folder + "/theirs/again.safetensors", "wb"):
    pass
expect(0, ["proved: "], "import", path, "-o", folder + "/theirs")
finish()
