"""Holds `rnnc run` against PyTorch: outputs, final states, loss, and the gradient of every parameter and real input.

PyTorch draws the weights; weights.py says how they become rnnc's. Sequences are ragged; in their padding stand NaN
and the token -1.

Usage: compare.py RNNC ROOT FOLDER. Prints a line for each failure and, at the end, the counts."""
import subprocess
import sys

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from weights import read_safetensors, weights_and_gradients, write_safetensors

rnnc, root, folder = sys.argv[1:]
here = root + "/tests/torch/"
models = root + "/specs/models/"
BOUND = {"double": 1e-10, "float": 1e-4}    # times the largest number of the array, or 1
passed = failed = 0


def check(ok, what):
    global passed, failed
    passed += bool(ok)
    failed += not ok
    if not ok:
        print("FAIL torch:", what)


# ---- one comparison ------------------------------------------------------------------------------------------------

def close(a, b, bound):
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= bound * max(1, np.abs(b).max(initial=0))))


def compare(spec, defines, parts, data, lengths, outputs, loss):
    """`outputs` and `loss` were computed from `parts`, the layers by name, and `data`, of which `lengths` says how much
    of each array over time counts."""
    loss.backward()
    weights, gradients = weights_and_gradients(parts)
    gradients.update({"input." + key: [a.grad] for key, a in data.items() if a.requires_grad})
    arrays = {key: np.array(a.detach()) for key, a in data.items()}
    for key, own in lengths.items():
        for a, n in zip(arrays[key], own):
            a[n:] = np.nan if a.dtype.kind == "f" else -1
        arrays[key + "_lengths"] = own
    write_safetensors(folder + "/w.safetensors", {key: np.array(a) for key, a in weights.items()})
    np.savez(folder + "/data.npz", **arrays)
    for real, bound in BOUND.items():
        what = " ".join([spec.split("/")[-1], *defines, real])
        command = [rnnc, "run", spec, "--real", real, "--weights", folder + "/w.safetensors", "--data",
                   folder + "/data.npz", "-o", folder + "/out.npz", "--grad", folder + "/grad.safetensors"]
        command += [word for text in defines for word in ("-D", text)]
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        check(result.returncode == 0, f"{what}: {result.stdout}")
        if result.returncode:
            continue
        found, slopes = dict(np.load(folder + "/out.npz")), read_safetensors(folder + "/grad.safetensors")
        for key, value in {**outputs, "loss": loss}.items():
            check(key in found and close(np.asarray(found[key], "f8"), value.detach().numpy(), bound), f"{what}: {key}")
        check(slopes.keys() == gradients.keys(), f"{what}: gradients of {sorted(slopes.keys() ^ gradients.keys())}")
        for key in slopes.keys() & gradients.keys():
            check(all(close(slopes[key], a.numpy(), bound) for a in gradients[key]), f"{what}: gradient of {key}")


# ---- recurrent layers ----------------------------------------------------------------------------------------------

def draw(*shape, grad=False):
    return torch.randn(shape, requires_grad=grad)


def mean_square(a, b, lengths):
    """Mean over the components, then over the steps inside the sequences."""
    return sum(((a[i, :n] - b[i, :n]) ** 2).mean(-1).sum() for i, n in enumerate(lengths)) / lengths.sum()


def recurrent(spec, cell, D, H, lengths, layers=1, both=False, states=0):
    kinds = {"rnn": nn.RNN, "rnn_relu": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
    options = {"nonlinearity": "relu"} if cell == "rnn_relu" else {}
    net = kinds[cell](D, H, layers, batch_first=True, bidirectional=both, **options)
    B, T, width = len(lengths), int(lengths.max()), H * (1 + both)
    data = {"x": draw(B, T, D, grad=True), "y": draw(B, T, width), "z": draw(B, width)}
    for name in ("h0", "c0")[:states]:
        data[name] = draw(B, H, grad=True)
    h0, c0 = (data[name][None] if name in data else torch.zeros(layers * (1 + both), B, H) for name in ("h0", "c0"))

    packed = pack_padded_sequence(data["x"], torch.as_tensor(lengths), batch_first=True, enforce_sorted=False)
    h, last = net(packed, (h0, c0) if cell == "lstm" else h0)
    h = pad_packed_sequence(h, batch_first=True)[0]
    last_h, *last_c = (torch.cat(list(a[-1 - both:]), -1) for a in (last if cell == "lstm" else (last,)))
    outputs = {"h": h, "last_h": last_h}
    final = last_h
    if states == 2:
        outputs["last_c"] = last_c[0]
        final = last_h + last_c[0]
    loss = mean_square(h, data["y"], lengths) + 0.3 * ((final - data["z"]) ** 2).mean()
    defines = [f"D={D}", f"H={H}"] + ([f"C={cell}"] if states < 2 else [])
    compare(here + spec, defines, {"h": net}, data, {"x": lengths, "y": lengths}, outputs, loss)


# ---- whole models --------------------------------------------------------------------------------------------------

def tokens(classes, *shape):
    return torch.randint(classes, shape)


def padded(rows, length):
    return torch.stack([nn.functional.pad(a, (0, 0) * (a.dim() - 1) + (0, length - len(a))) for a in rows])


def run_alone(net, x):
    """The results of one sequence, without a batch."""
    return net(x[None])[0][0]


def classifier(lengths):
    D, H, K, B = 6, 11, 5, len(lengths)
    net, dense = nn.GRU(D, H, batch_first=True), nn.Linear(2 * H, K)
    data = {"x": draw(B, int(lengths.max()), D, grad=True), "y": tokens(K, B)}
    logits = []
    for x, n in zip(data["x"], lengths):
        h = run_alone(net, x[:n])
        logits.append(dense(torch.cat([h[-1], h.mean(0)])))
    logits = torch.stack(logits)
    compare(models + "classifier.rnn", [f"D={D}", f"H={H}", f"K={K}"], {"h": net, "p.dense": dense}, data,
            {"x": lengths}, {"p": logits.softmax(-1)}, cross_entropy(logits, data["y"]))


def labeller(spec, inputs, lengths, defines, parts, V, K):
    """A label at each step: parts are an embedding, recurrent layers and a dense layer, one after the other."""
    B, T = len(lengths), int(lengths.max())
    data = {inputs[0]: tokens(V, B, T), inputs[1]: tokens(K, B, T)}
    p, loss = [], 0
    embed, *layers, dense = parts.values()
    for x, y, n in zip(data[inputs[0]], data[inputs[1]], lengths):
        h = embed(x[:n])
        for layer in layers:
            h = run_alone(layer, h)
        logits = dense(h)
        p.append(logits.softmax(-1))
        loss = loss + cross_entropy(logits, y[:n], reduction="sum") / lengths.sum()
    compare(models + spec, defines, parts, data, dict.fromkeys(inputs, lengths), {"p": padded(p, T)}, loss)


def attention(lengths, sources):
    V, W, E, H, A, B = 9, 8, 7, 6, 5, len(lengths)
    T, S = int(lengths.max()), int(sources.max())
    Q, K, v = (nn.Parameter(draw(*shape)) for shape in ((A, H), (A, 2 * H), (A,)))
    words, encoder = nn.Embedding(V, E), nn.GRU(E, H, batch_first=True, bidirectional=True)
    targets, decoder = nn.Embedding(W, E), nn.GRUCell(E + 2 * H, H)
    start, dense = nn.Linear(2 * H, H), nn.Linear(3 * H, W)
    parts = {"Q": Q, "K": K, "v": v, "e.embed": words, "e": encoder, "d.embed": targets, "d": decoder,
             "d0.dense": start, "p.dense": dense}
    data = {"source": tokens(V, B, S), "before": tokens(W, B, T), "y": tokens(W, B, T)}
    p, weights, loss = [], [], 0
    for source, before, y, n, m in zip(data["source"], data["before"], data["y"], lengths, sources):
        e = run_alone(encoder, words(source[:m]))
        d = torch.tanh(start(torch.cat([e[-1, :H], e[0, H:]])))
        rows, logits = [], []
        for t in range(n):
            a = ((Q @ d + e @ K.T).tanh() @ v).softmax(0)
            context = a @ e
            d = decoder(torch.cat([targets(before[t]), context])[None], d[None])[0]
            rows.append(nn.functional.pad(a, (0, S - m)))
            logits.append(dense(torch.cat([d, context])))
        logits = torch.stack(logits)
        p.append(logits.softmax(-1))
        weights.append(torch.stack(rows))
        loss = loss + cross_entropy(logits, y[:n], reduction="sum") / lengths.sum()
    defines = [f"{name}={size}" for name, size in zip("VWEHA", (V, W, E, H, A))]
    compare(models + "attention.rnn", defines, parts, data, {"source": sources, "before": lengths, "y": lengths},
            {"p": padded(p, T), "attention": padded(weights, T).transpose(1, 2)}, loss)    # s is declared before t


def labels(blank, V, steps, lengths):
    """Labels without blanks, about every third a repeat, that can be aligned with so many steps each."""
    rows = []
    for n, T in zip(lengths, steps):
        y = []
        while len(y) < n:
            fresh = int(torch.randint(V - 1, ()))
            y.append(y[-1] if y and torch.rand(()) < 0.3 else fresh + (fresh >= blank))
        assert n + sum(a == b for a, b in zip(y, y[1:])) <= T
        rows.append(torch.tensor(y))
    return padded(rows, int(max(lengths)))


def ctc(lengths, sources, D, V):
    B, blank, dense = len(lengths), 2, nn.Linear(D, V)
    data = {"x": draw(B, int(lengths.max()), D, grad=True), "y": labels(blank, V, lengths, sources)}
    logits = dense(data["x"])
    p = [row[:n].softmax(-1) for row, n in zip(logits, lengths)]
    loss = nn.CTCLoss(blank, reduction="sum")(logits.log_softmax(-1).transpose(0, 1), data["y"], torch.as_tensor(lengths),
                                              torch.as_tensor(sources)) / B
    compare(here + "ctc.rnn", [f"D={D}", f"V={V}"], {"p.dense": dense}, data, {"x": lengths, "y": sources},
            {"p": padded(p, int(lengths.max()))}, loss)


def losses(lengths):
    D, V, K, B, T = 5, 6, 4, len(lengths), int(lengths.max())
    a, o = nn.Linear(D, V), nn.Linear(D, 6 * K)
    data = {"x": draw(B, T, D, grad=True), "y": tokens(V, B, T), "q": draw(B, T, V).softmax(-1), "z": draw(B, T, 2)}
    x, y, q, z = (torch.cat([row[:n] for row, n in zip(data[key], lengths)]) for key in "xyqz")
    weights, logits, parts = torch.tensor([0.5, 1, 2, 1.5, 0.7, 3]), a(x), o(x).reshape(-1, 6, K)
    kinds = torch.distributions.Categorical(logits=parts[:, 0])
    m, s, r = parts[:, 1:3].transpose(1, 2), parts[:, 3:5].exp().transpose(1, 2), parts[:, 5].tanh()
    tril = torch.stack([torch.stack([s[..., 0], 0 * r], -1),
                        torch.stack([r * s[..., 1], (1 - r ** 2).sqrt() * s[..., 1]], -1)], -2)

    def mixture(component):
        return -torch.distributions.MixtureSameFamily(kinds, component).log_prob(z).mean()
    loss = cross_entropy(logits, y, weights, ignore_index=3, label_smoothing=0.1)
    loss = loss + 0.5 * cross_entropy(logits, y, ignore_index=1)
    loss = loss + 0.3 * cross_entropy(logits, q, weights, label_smoothing=0.2)
    loss = loss + mixture(torch.distributions.Independent(torch.distributions.Normal(m, s), 1))
    loss = loss + 0.7 * mixture(torch.distributions.MultivariateNormal(m, scale_tril=tril))
    p = padded(list(logits.softmax(-1).split(lengths.tolist())), T)
    compare(here + "losses.rnn", [], {"a": a, "o": o}, data, dict.fromkeys("xyqz", lengths), {"p": p}, loss)


def main():
    torch.manual_seed(11)
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    short, long = np.array([6, 3, 1, 5]), np.array([2, 9, 9, 4, 7])
    for cell in ("rnn", "rnn_relu", "gru", "lstm"):
        for D, H, lengths in ((7, 5, short), (19, 33, long)):
            recurrent("states.rnn", cell, D, H, lengths, states=1)
            recurrent("layers.rnn", cell, D, H, lengths, layers=2)
            recurrent("both.rnn", cell, D, H, lengths, both=True)
            recurrent("deep.rnn", cell, D, H, lengths, layers=2, both=True)
    recurrent("lstm_states.rnn", "lstm", 7, 5, short, states=2)
    recurrent("lstm_states.rnn", "lstm", 19, 33, long, states=2)

    classifier(long)
    labeller("tagger.rnn", ("word", "tag"), long, ["V=12", "K=4", "E=5", "H=7"],
             {"e.embed": nn.Embedding(12, 5), "h": nn.LSTM(5, 7, batch_first=True, bidirectional=True),
              "p.dense": nn.Linear(14, 4)}, 12, 4)
    labeller("char_lm.rnn", "xy", short, ["V=13", "E=5", "H=7"],
             {"e": nn.Embedding(13, 5), "h1": nn.LSTM(5, 7, batch_first=True), "h2": nn.LSTM(7, 7, batch_first=True),
              "p.dense": nn.Linear(7, 13)}, 13, 13)
    attention(short, np.array([2, 4, 3, 1]))
    ctc(np.array([6, 3, 1, 5]), np.array([3, 2, 1, 2]), 5, 6)
    ctc(np.array([40, 90, 17]), np.array([11, 30, 7]), 7, 5)
    losses(short)
    losses(long)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


sys.exit(main())
