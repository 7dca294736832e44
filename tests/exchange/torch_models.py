"""rnnc import and export against PyTorch: networks with random weights, imported from their state dicts.

What PyTorch computes for sequences of different lengths is what `rnnc parity` finds, and the export of an import is
the state dict again. The state dicts are written by the script of docs/deployment.md.

Usage: torch_models.py RNNC ROOT FOLDER."""
import os
import re
import runpy
import sys

import numpy as np
import torch
from torch import nn

from harness import check, expect, folder, finish, read_safetensors, root, savez, write, write_safetensors

torch.manual_seed(5)
torch.set_num_threads(1)

script = re.search(r"```python pt_to_safetensors\n(.*?)```", open(root + "/docs/deployment.md").read(), re.S).group(1)
check(len(script.strip().split("\n")) <= 7, "the script has a few lines")
converter = write("pt_to_safetensors.py", script)


class Net(nn.Module):
    """Modules one after the other, called a, b, c, ...; the first result of recurrent ones."""
    def __init__(self, *parts, names=None):
        super().__init__()
        self.names = names or [f"part{i}" for i in range(len(parts))]
        for name, part in zip(self.names, parts):
            setattr(self, name, part)

    def forward(self, x):
        for name in self.names:
            x = getattr(self, name)(x)
            x = x[0] if isinstance(x, tuple) else x
        return x


def saved(net, name, wrap=lambda net: net.state_dict()):
    torch.save(wrap(net), f"{folder}/{name}.pt")
    words, sys.argv = sys.argv, [converter, f"{folder}/{name}.pt", f"{folder}/{name}.safetensors"]
    runpy.run_path(converter)
    sys.argv = words
    return f"{folder}/{name}.safetensors"


def inputs(net, B=4, T=6):
    first = next(net.modules() if not isinstance(net, Net) else iter([getattr(net, net.names[0])]))
    if isinstance(first, nn.Embedding):
        return torch.randint(first.num_embeddings, (B, T))
    return torch.randn(B, T, first.in_features if isinstance(first, nn.Linear) else first.input_size)


def round_trip(name, net, *options, texts=(), exact=True, last=None):
    path, out = saved(net, name), f"{folder}/{name}_out"
    said = expect(0, ["proved: ", *texts], "import", path, "-o", out, *options)
    x, lengths = inputs(net), np.array([6, 2, 5, 1])
    with torch.no_grad():
        rows = [net(row[None, :n]) for row, n in zip(x, lengths)]
        rows = [row[0] if isinstance(row, tuple) else row for row in rows]
        rows = [last(row) for row in rows] if last else [nn.functional.pad(row[0], (0, 0, 0, 6 - row.shape[1]))
                                                          for row in rows]
    spec, weights = f"{out}/{name}.rnn", f"{out}/{name}.safetensors"
    output = re.search(r"output (\w+)", open(spec).read()).group(1)
    reference = savez(f"{name}.npz", x=x.numpy(), x_lengths=lengths, **{output: torch.stack(rows).numpy()})
    expect(0, "largest difference", "parity", spec, "--weights", weights, "--reference", reference, "--bound", "2e-6")
    back = f"{folder}/{name}_back.safetensors"
    expect(0, "", "export", spec, "--weights", weights, "-o", back)
    if exact:
        same(net, read_safetensors(back), name)
    return spec, said


def same(net, found, name):
    """Each tensor, or the sum of both biases, is that of the network; a module alone is called h."""
    expected = {key if "." in key else "h." + key: value.numpy() for key, value in net.state_dict().items()}
    check(found.keys() == expected.keys(), f"{name}: exported {sorted(found.keys() ^ expected.keys())}")
    for key in found.keys() & expected.keys():
        a, b = found[key], expected[key]
        if "bias_hh" in key or "bias_ih" in key:
            other = key.replace("_ih", "_hh") if "_ih" in key else key.replace("_hh", "_ih")
            a, b = a + found[other], b + expected[other]
        check(a.shape == b.shape and np.abs(a - b).max() <= 1e-7 * max(1, np.abs(b).max()), f"{name}: exported {key}")


def alone(kind, *sizes, **options):
    return kind(*sizes, batch_first=True, **options)


# ---- layers --------------------------------------------------------------------------------------------------------

for kind in (nn.RNN, nn.GRU, nn.LSTM):
    word = kind.__name__.lower()
    for layers in (1, 2, 3):
        for both in (False, True):
            net = alone(kind, 7, 5, num_layers=layers, bidirectional=both)
            round_trip(f"{word}_{layers}_{int(both)}", net, texts=["which no tensor tells"] if kind is nn.RNN else [],
                       exact=True)
round_trip("relu", Net(alone(nn.RNN, 3, 9, nonlinearity="relu")), "-D", "part0=rnn_relu")
round_trip("relu_2", alone(nn.RNN, 3, 9, 2, nonlinearity="relu"), "-D", "h=rnn_relu")
round_trip("projected", alone(nn.LSTM, 7, 5, proj_size=3))
round_trip("projected_2", alone(nn.LSTM, 7, 5, proj_size=3, num_layers=2, bidirectional=True))
for kind in (nn.RNN, nn.GRU, nn.LSTM):
    round_trip(f"{kind.__name__}_nobias", Net(alone(kind, 5, 3, num_layers=2, bias=False)), exact=False,
               texts=["they are 0"])

# ---- networks ------------------------------------------------------------------------------------------------------

spec, said = round_trip("tagger", Net(nn.Embedding(11, 6), alone(nn.LSTM, 6, 5, bidirectional=True), nn.Linear(10, 4)))
check("embed(x, 6)" in said and "bidirectional lstm(part0, 5)" in said, said)
round_trip("stacked", Net(alone(nn.GRU, 3, 9, num_layers=2), alone(nn.LSTM, 9, 4), nn.Linear(4, 4, bias=False),
                          nn.Linear(4, 2), names=["enc", "dec", "a", "b"]))
round_trip("words", Net(nn.Embedding(11, 6), alone(nn.GRU, 6, 6), nn.Linear(6, 11),
                        names=["embed", "lstm", "sum"]))
round_trip("sequential", Net(nn.Linear(3, 8), alone(nn.LSTM, 8, 4), names=["0", "if"]), exact=False)

# The order of the names is not that of the layers.
net = Net(nn.Embedding(9, 6), alone(nn.LSTM, 6, 5), nn.Linear(5, 3), names=["z", "a", "m"])
state = {key: value.numpy() for key, value in sorted(net.state_dict().items())}
path = write_safetensors("sorted.safetensors", state, "F32")
said = expect(0, ["z = embed(x, 6)", "a = lstm(z", "output m"], "import", path, "-o", folder + "/sorted_out")
check("other orders" not in said, said)
square = Net(alone(nn.GRU, 4, 4), alone(nn.GRU, 4, 4), names=["first", "second"])
path = saved(square, "square")
expect(0, ["other orders", "second = gru(first, 4)"], "import", path, "-o", folder + "/square_out")
expect(0, "first = gru(second, 4)", "import", path, "-o", folder + "/square_other", "--order", "second,first")
expect(1, "there is no layer 'third'", "import", path, "-o", folder + "/no", "--order", "first,third")
expect(1, "--order: the layer 'second' is missing", "import", path, "-o", folder + "/no", "--order", "first")
expect(1, "the layer 'first' is missing", "import", path, "-o", folder + "/no", "--order", "second")

# ---- one step, the last --------------------------------------------------------------------------------------------

gru, dense = alone(nn.GRU, 3, 6, num_layers=2, bidirectional=True), nn.Linear(12, 5)


class LastOne(Net):
    def forward(self, x):
        return self.fc(torch.cat(list(self.rnn(x)[1][-2:]), -1))


round_trip("classifier", LastOne(gru, dense, names=["rnn", "fc"]), "--last", last=lambda row: row[0])

# ---- into a spec ---------------------------------------------------------------------------------------------------

spec = write("mine.rnn", """model mine {
    input x[t] : real(3)
    param scale(4)
    h1 = gru(x, 6)
    h2 = gru(h1, 6)
    y = dense(tanh(h2), 4)
    z = y * scale
    output z
}
""")
layers = {"rnn." + key: value.detach().numpy() for key, value in nn.GRU(3, 6, 2).named_parameters()}
layers.update({"y." + key: value.detach().numpy() for key, value in nn.Linear(6, 4).named_parameters()})
layers["scale"] = np.arange(4.0)
path = write_safetensors("net.safetensors", layers)
expect(0, "loaded 11 tensors as", "import", path, "--spec", spec, "-o", folder + "/mine")
found = read_safetensors(folder + "/mine/net.safetensors")
check(np.array_equal(found["scale"], np.arange(4)), "scale")
check(np.array_equal(found["h2.Wz"], layers["rnn.weight_hh_l1"][6:12]), "h2.Wz")
check(np.array_equal(found["y.dense.W"] if "y.dense.W" in found else found["y.W"], layers["y.weight"]), "y.W")
check(not os.path.exists(folder + "/mine/net.rnn"), "no spec is written beside --spec")
expect(1, "'rnn.weight_hh_l1' is (18, 6), but the layer 'h2' (gru) takes (21, 7)", "import", path, "--spec",
       write("wrong.rnn", open(spec).read().replace("gru(h1, 6)", "gru(h1, 7)")), "-o", folder + "/no")
expect(1, ["layers have no call"], "import", path, "--spec",
       write("fewer.rnn", open(spec).read().replace("h2 = gru(h1, 6)", "h2 = h1")), "-o", folder + "/no")
expect(1, "'scale'", "import", path, "--spec",
       write("none.rnn", open(spec).read().replace("    param scale(4)\n", "").replace("y * scale", "2 * y")), "-o",
       folder + "/no")

# ---- what is wrong -------------------------------------------------------------------------------------------------

good = {key: value.numpy() for key, value in
        Net(alone(nn.LSTM, 3, 4), nn.Linear(4, 2), names=["rnn", "fc"]).state_dict().items()}


def bad(text, change, *options):
    arrays = {key: a for key, a in {**good, **change}.items() if a is not None}
    path = write_safetensors("bad.safetensors", arrays, "F32")
    expect(1, text, "import", path, "-o", folder + "/no", *options)


bad("'rnn.weight_ih_l0' is (15, 3), but the layer 'rnn' (lstm) takes (16, 3)", {"rnn.weight_ih_l0": np.zeros((15, 3))})
bad("'rnn.bias_hh_l0' is (17), but the layer 'rnn' (lstm) takes (16)", {"rnn.bias_hh_l0": np.zeros(17)})
bad("'rnn.weight_hh_l0' is (20, 4)", {"rnn.weight_hh_l0": np.zeros((20, 4))})
bad("the layer 'rnn' lacks its tensor 'weight_ih'", {"rnn.weight_ih_l0": None})
bad("the layer 'rnn' (lstm) lacks its tensor 'bias_hh' (16)", {"rnn.bias_hh_l0": None})
bad("the layer 'rnn' lacks its tensor 'weight_hh' of layer 1", {"rnn.weight_ih_l1": np.zeros((16, 4))})
bad("rnn: 3 to 4, fc: 5 to 2", {"fc.weight": np.zeros((2, 5))})
bad("'bn.running_mean' (4): no layer that rnnc knows", {"bn.running_mean": np.zeros(4)})
bad("'conv.weight' is F32 of shape (2, 3, 4)", {"conv.weight": np.zeros((2, 3, 4))})
bad("'norm.weight' (4): no layer that rnnc knows has such a tensor (a LayerNorm", {"norm.weight": np.zeros(4)})
bad("'rnn.bias_hh_l0' has the number nan: weights must be finite", {"rnn.bias_hh_l0": np.full(16, np.nan)})
bad("'fc.weight' has the number inf", {"fc.weight": np.full((2, 4), np.inf)})
bad("-D q=gru: there is no layer of that name", {}, "-D", "q=gru")
bad("gru, chosen with -D, has no layer with so many rows for 4 units", {}, "-D", "rnn=gru")
check(not os.path.exists(folder + "/no"), "a failure leaves nothing behind")
wrapped = Net(nn.GRU(3, 4), nn.Linear(4, 2))
path = saved(wrapped, "wrapped")
for wrap in (lambda net: net.part0, lambda net: {"epoch": 3, "model_state_dict": net.state_dict(), "loss": 0.5},
             lambda net: {"state_dict": net.state_dict(), "optimizer": {"state": {}}}):
    found, plain = read_safetensors(saved(wrapped, "again", wrap)), read_safetensors(path)
    check(found and all(np.array_equal(a, plain.get(key, plain.get("part0." + key))) for key, a in found.items()),
          f"a module or checkpoint holds {list(found)}")
for name in ("net.pt", "net.pth", "net.bin", "net.ckpt"):
    expect(1, ["a pickle may run code", "docs/deployment.md"], "import", write(name, "x"), "-o", folder + "/no")
expect(1, "its name ends in nothing that rnnc imports", "import", write("net.xyz", "x"), "-o", folder + "/no")
expect(3, "cannot be read", "import", folder + "/nothing.safetensors", "-o", folder + "/no")
expect(2, "-o is missing", "import", folder + "/net.safetensors")
expect(2, "name the same file", "import", folder + "/net.safetensors", "-o", folder)
expect(2, "do not go with it", "import", folder + "/net.safetensors", "-o", folder, "--spec", spec, "--last")
weights = folder + "/mine/net.safetensors"
expect(0, "'scale' keeps its name", "export", spec, "--weights", weights, "-o", folder + "/e.safetensors")
expect(0, "2 tensors keep their names, 'a' to 'b': no 'weights", "export", write("two.rnn",
       "model m { \n input x[t] : real(2)\n param a(2), b(2)\n y = a * x + b\n output y\n }\n"), "--weights",
       write_safetensors("two.safetensors", {"a": np.zeros(2, "f4"), "b": np.ones(2, "f4")}, "F32"), "-o", folder + "/f.safetensors")
check(set(read_safetensors(folder + "/e.safetensors")) >= {"scale", "h1.weight_ih_l0", "y.weight"}, "exported names")
expect(1, "the tensor 'scale' is missing", "export", spec, "--weights", folder + "/e2.safetensors"
       if os.path.exists(folder + "/e2.safetensors") else
       write_safetensors("e2.safetensors", {k: v for k, v in read_safetensors(weights).items() if k != "scale"}),
       "-o", folder + "/e3.safetensors")
expect(2, "name the same file", "export", spec, "--weights", weights, "-o", weights)
finish()
