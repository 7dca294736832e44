"""Holds cells against their papers: each is written here a second time, in another form wherever there is one.

xLSTM without its stabiliser; linear attention as attention over all steps so far; the LSTM as one matrix on [x, h];
layer normalisation, convolutions and the projected LSTM as PyTorch computes them, where it is there. All parameters,
those that begin at 0 too, are drawn.

Usage: reference.py RNNC FOLDER. Prints a line for each failure and, at the end, the counts."""
import json
import re
import struct
import subprocess
import sys

import numpy as np

try:
    import torch
except ImportError:
    torch = None

rnnc, folder = sys.argv[1:]
D, T = 3, 7
tanh = np.tanh


def sigma(a):
    return 1 / (1 + np.exp(-a))


def relu(a):
    return np.maximum(a, 0)


def norm(a, g=1, b=0, eps=1e-5):
    return g * (a - a.mean()) / np.sqrt(a.var() + eps) + b


def both(p, gate, x, h):
    """One matrix on [x, h], and a bias."""
    return np.hstack([p["U" + gate], p["W" + gate]]) @ np.concatenate([x, h]) + p.get("b" + gate, 0)


def scan(step, H, memory=0):
    """step(p, x, h, c) -> h, c over time."""
    def run(p, xs):
        h, c, out = np.zeros(H), np.zeros(H) if memory == 0 else memory, []
        for x in xs:
            h, c = step(p, x, h, c)
            out.append(h)
        return np.array(out)
    return run


# ---- the LSTM and its variants -------------------------------------------------------------------------------------

def greff(p, x, y, c, variant="", peep="ifo"):
    """Greff et al., section 2: z is the block input, y the output."""
    z = both(p, "g", x, y)
    z = z if variant == "NIAF" else tanh(z)
    def gate(g, c):
        return sigma(both(p, g, x, y) + (g in peep) * p.get("v" + g, 0) * c)
    i = 1 if variant == "NIG" else gate("i", c)
    f = 1 if variant == "NFG" else 1 - i if variant == "CIFG" else gate("f", c)
    c = z * i + c * f
    o = 1 if variant == "NOG" else gate("o", c)
    return (c if variant == "NOAF" else tanh(c)) * o, c


def full_gates(p, xs):
    H, out = len(p["bi"]), []
    y = c = i = f = o = np.zeros(H)
    for x in xs:
        gates = np.concatenate([i, f, o])
        R = {g: np.hstack([p["R" + g + k] for k in "ifo"]) for g in "ifo"}
        i = sigma(both(p, "i", x, y) + p["vi"] * c + R["i"] @ gates)
        f = sigma(both(p, "f", x, y) + p["vf"] * c + R["f"] @ gates)
        c = tanh(both(p, "g", x, y)) * i + c * f
        o = sigma(both(p, "o", x, y) + p["vo"] * c + R["o"] @ gates)
        y = tanh(c) * o
        out.append(y)
    return np.array(out)


def multiplicative(p, x, h, c):
    m = np.diag(p["Um"] @ x) @ p["Wm"] @ h
    i, f, o = (sigma(both(p, g, x, m)) for g in "ifo")
    c = f * c + i * tanh(both(p, "g", x, m))
    return tanh(c) * o, c


def projection(p, xs):
    H, P = len(p["bi"]), len(p["Wp"])
    if torch is None:
        return None
    net = torch.nn.LSTM(D, H, proj_size=P).double()
    U, W, b = (np.concatenate([p[kind + g] for g in "ifgo"]) for kind in "UWb")
    parts = {"weight_ih_l0": U, "weight_hh_l0": W, "bias_ih_l0": b, "bias_hh_l0": 0 * b,
             "weight_hr_l0": p["Wp"]}
    net.load_state_dict({k: torch.tensor(v) for k, v in parts.items()})
    return net(torch.tensor(xs))[0].detach().numpy()


def depth_gated(p, x, h, c):
    i, f = (sigma(both(p, g, x, h) + p["v" + g] * c) for g in "if")
    d = sigma(p["bd"] + p["Ud"] @ x + p["vd"] * c + p["wd"] * x)
    c = d * x + f * c + i * tanh(both(p, "g", x, h))
    return sigma(both(p, "o", x, h) + p["vo"] * c) * tanh(c), c


def lstm_norm(p, x, h, c):
    H = len(h)
    a = norm(p["W"] @ h, p["a.layer_norm.g"]) + norm(p["U"] @ x, p["a.layer_norm2.g"]) + p["b"]
    f, i, o, g = a[:H], a[H:2 * H], a[2 * H:3 * H], a[3 * H:]
    c = sigma(f) * c + sigma(i) * tanh(g)
    return sigma(o) * tanh(norm(c, p["layer_norm.g"], p["layer_norm.b"])), c


def gru_norm(p, x, h, c):
    H = len(h)
    zr = norm(p["W"] @ h, p["a.layer_norm.g"]) + norm(p["U"] @ x, p["a.layer_norm2.g"]) + p["b"]
    r = sigma(zr[H:])
    n = tanh(norm(p["Un"] @ x, p["n.layer_norm.g"]) + p["bn"] +
             r * norm(p["Wn"] @ h, p["n.layer_norm2.g"], p["n.layer_norm2.b"]))
    z = sigma(zr[:H])
    return (1 - z) * h + z * n, c


def zoneout(p, x, h, c):
    """Inference: the expectation."""
    i, f, o = (sigma(both(p, g, x, h)) for g in "ifo")
    new = f * c + i * tanh(both(p, "g", x, h))
    return 0.95 * o * tanh(new) + 0.05 * h, 0.5 * new + 0.5 * c


def slstm(p, xs, exponential=False):
    H, out = len(p["bi"]), []
    h = c = n = np.zeros(H)
    for x in xs:
        i, a = np.exp(both(p, "i", x, h)), both(p, "f", x, h)
        f = np.exp(a) if exponential else sigma(a)
        c, n, h = f * c + i * tanh(both(p, "z", x, h)), f * n + i, h
        h = sigma(both(p, "o", x, h)) * c / n
        out.append(h)
    return np.array(out)


def mlstm(p, xs, exponential=False):
    H, out = len(p["bo"]), []
    C, n = np.zeros((H, H)), np.zeros(H)
    for x in xs:
        q, k, v = p["Q"] @ x + p["bq"], p["K"] @ x / np.sqrt(H) + p["bk"], p["V"] @ x + p["bv"]
        i, a = np.exp(p["ui"][0] @ x + p["bi"]), p["uf"][0] @ x + p["bf"]
        f = np.exp(a) if exponential else sigma(a)
        C, n = f * C + i * np.outer(v, k), f * n + i * k
        out.append(sigma(p["Uo"] @ x + p["bo"]) * (C @ q) / max(abs(n @ q), 1))
    return np.array(out)


# ---- others --------------------------------------------------------------------------------------------------------

def mgu(p, x, h, _):
    f = sigma(both(p, "f", x, h))
    return (1 - f) * h + f * tanh(both(p, "n", x, f * h)), _


def mut(p, x, h, _, kind=1):
    z = {1: lambda: sigma(p["Uz"] @ x + p["bz"]), 2: lambda: sigma(both(p, "z", x, h)),
         3: lambda: sigma(both(p, "z", x, tanh(h)))}[kind]()
    r = sigma(both(p, "r", x, h))
    n = tanh(p["Wn"] @ (r * h) + tanh(p["Un"] @ x) + p["bn"]) if kind == 1 else tanh(both(p, "n", x, r * h))
    return n * z + h * (1 - z), _


def ugrnn(p, x, h, _):
    g = sigma(both(p, "g", x, h))
    return g * h + (1 - g) * tanh(both(p, "c", x, h)), _


def leaky(p, x, h, leak):
    return h + leak * (tanh(p["W"] @ h + p["U"] @ x + p["b"]) - h), None


def mingru(p, x, h, _):
    z = sigma(p["Uz"] @ x + p["bz"])
    return (1 - z) * h + z * (p["Un"] @ x + p["bn"]), _


def minlstm(p, x, h, _):
    f, i = sigma(p["Uf"] @ x + p["bf"]), sigma(p["Ui"] @ x + p["bi"])
    return f / (f + i) * h + i / (f + i) * (p["Un"] @ x + p["bn"]), _


def sru(p, x, h, c):
    f, r = (sigma(p["U" + g] @ x + p["v" + g] * c + p["b" + g]) for g in "fr")
    c = f * c + (1 - f) * (p["Un"] @ x)
    return r * c + (1 - r) * (p["Us"] @ x), c


def qrnn(p, xs):
    before = np.vstack([np.zeros(D), xs[:-1]])
    z, f, o = (before @ p["V" + g].T + xs @ p["U" + g].T + p["b" + g] for g in "zfo")
    z, f, o, c, out = tanh(z), sigma(f), sigma(o), 0, []
    for t in range(len(xs)):
        c = f[t] * c + (1 - f[t]) * z[t]
        out.append(o[t] * c)
    return np.array(out)


def ligru(p, x, h, _):
    z = sigma(norm(p["Uz"] @ x, p["z.layer_norm.g"]) + p["Wz"] @ h + p["bz"])
    n = relu(norm(p["Un"] @ x, p["n.layer_norm.g"]) + p["Wn"] @ h + p["bn"])
    return z * h + (1 - z) * n, _


def rhn(p, x, s, _):
    for l in range(3):
        at = "" if l == 0 else f"rhn_transition.{l - 1}."
        wx = 1 if l == 0 else 0                   # only the first transition reads x
        n = tanh(p["Un"] @ x * wx + p[at + "Wn"] @ s + p[at + "bn"])
        t = sigma(p["Ug"] @ x * wx + p[at + "Wg"] @ s + p[at + "bg"])
        s = n * t + s * (1 - t)
    return s, _


def clockwork(p, xs):
    """As the paper has it: one block-upper matrix, rows of idle groups kept. Periods 1, 2, 3, 5."""
    names, periods = ["a.", "b2.", "c.", ""], [1, 2, 3, 5]
    W, U, b = np.zeros((8, 8)), np.zeros((8, D)), np.zeros(8)
    for k, name in enumerate(names):
        rows = slice(2 * k, 2 * k + 2)
        W[rows, rows], U[rows], b[rows] = p[name + "W"], p[name + "U"], p[name + "b"]
        if k < 3:
            W[rows, 2 * k + 2:] = p[name + "V"]
    period, h, out = np.repeat(periods, 2), np.zeros(8), []
    for t, x in enumerate(xs, 1):
        h = np.where(t % period == 0, tanh(W @ h + U @ x + b), h)
        out.append(h)
    return np.array(out)


def hornn(p, xs):
    h = [np.zeros(len(p["b"]))] * 2
    for x in xs:
        h.append(tanh(p["W1"] @ h[-1] + p["W2"] @ h[-2] + p["U"] @ x + p["b"]))
    return np.array(h[2:])


def lmu(p, xs, order=5, theta=12):
    """With the matrices of the discrete system written out."""
    q = np.arange(order)
    A = (2 * q[:, None] + 1) / theta * np.where(q[:, None] < q, -1, (-1.0) ** (q[:, None] - q + 1))
    B = (2 * q + 1) / theta * (-1.0) ** q
    power = [np.linalg.matrix_power(A, k) for k in range(5)]
    Ad = power[0] + power[1] + power[2] / 2 + power[3] / 6 + power[4] / 24
    Bd = (power[0] + power[1] / 2 + power[2] / 6 + power[3] / 24) @ B
    m, h, out = np.zeros(order), np.zeros(len(p["Wh"])), []
    for x in xs:
        u = p["Ex"] @ x + p["Eh"] @ h + p["Em"] @ m
        m = Ad @ m + Bd * u
        h = tanh(p["Wx"] @ x + p["Wh"] @ h + p["Wm"] @ m)
        out.append(h)
    return np.array(out)


def jordan(p, xs, decay=0.5):
    s, y, out = np.zeros(2), np.zeros(2), []
    for x in xs:
        s = decay * s + y
        y = p["V"] @ tanh(p["W"] @ s + p["U"] @ x + p["b"]) + p["c"]
        out.append(y)
    return np.array(out)


def linear_attention(p, xs):
    phi = lambda a: np.where(a > 0, a + 1, np.exp(a))
    q, k, v = phi(xs @ p["Q"].T), phi(xs @ p["K"].T), xs @ p["V"].T
    score = np.tril(q @ k.T)
    return score @ v / score.sum(1, keepdims=True)


def delta_rule(p, xs):
    phi = lambda a: np.where(a > 0, a + 1, np.exp(a)) / np.where(a > 0, a + 1, np.exp(a)).sum()
    W, out = np.zeros((3, 3)), []
    for x in xs:
        q, k, v, beta = phi(p["Q"] @ x), phi(p["K"] @ x), p["V"] @ x, sigma(p["u"][0] @ x)
        new = beta * v + (1 - beta) * (W @ k)
        W = W - np.outer(W @ k, k) + np.outer(new, k)     # the old value leaves, the new one enters
        out.append(W @ q)
    return np.array(out)


def fast_weights(p, xs, decay=0.95, rate=0.5):
    """As attention to the past: A(t) @ s is the sum of decay^(t - u) rate h(u) (h(u) . s)."""
    h = [np.zeros(3)]
    for x in xs:
        a = p["W"] @ h[-1] + p["U"] @ x + p["b"]
        s = relu(norm(a, p["norm0.g"], p["norm0.b"]))
        past = sum(decay ** (len(h) - 1 - u) * rate * h[u] * (h[u] @ s) for u in range(len(h)))
        h.append(relu(norm(a + past, p["norm1.g"], p["norm1.b"])))
    return np.array(h[1:])


def weight_norm(p, x, h, _):
    W, U = ((p[g] / np.sqrt((p[v] ** 2).sum(1)))[:, None] * p[v] for g, v in (("g", "V"), ("gx", "Vx")))
    return tanh(W @ h + U @ x + p["b"]), _


def tcn(p, xs, step=2):
    if torch is None:
        return None
    def conv(x, at):
        v = torch.tensor(np.stack([p[at + "V2"], p[at + "V1"], p[at + "V0"]], 2))    # oldest tap first
        w = torch._weight_norm(v, torch.tensor(p[at + "g"])[:, None, None], 0)
        x = torch.nn.functional.pad(x, (2 * step, 0))
        return torch.nn.functional.conv1d(x, w, torch.tensor(p[at + "b"]), dilation=step).relu()
    x = torch.tensor(xs.T[None])
    y = conv(conv(x, "a.tcn_conv."), "b.tcn_conv.")
    y = (y + torch.tensor(p["R"]) @ x + torch.tensor(p["r"])[:, None]).relu()
    return y[0].T.numpy()




CELLS = {
    "lstm(x, 3)": scan(greff, 3),
    "lstm_peephole(x, 3)": scan(greff, 3),
    **{f"lstm_peephole(x, 3, {option})": scan(lambda p, x, h, c, v=v: greff(p, x, h, c, v), 3) for v, option in {
        "NIG": "input_gate = false", "NFG": "forget_gate = false", "NOG": "output_gate = false",
        "NIAF": "input_activation = false", "NOAF": "output_activation = false", "CIFG": "coupled = true"}.items()},
    "lstm_peephole(x, 3, peephole_i = false, peephole_o = false)":
        scan(lambda p, x, h, c: greff(p, x, h, c, peep="f"), 3),
    "lstm_peephole(x, 3, bias = false)": scan(greff, 3),
    "lstm_peephole(x, 2, gate_recurrence = true)": full_gates,
    "lstm_multiplicative(x, 3)": scan(multiplicative, 3),
    "lstm_projection(x, 4, 2)": projection,
    "lstm_depth_gated(x, x, 3)": scan(depth_gated, 3),
    "lstm_layer_norm(x, 3)": scan(lstm_norm, 3),
    "gru_layer_norm(x, 3)": scan(gru_norm, 3),
    "lstm_zoneout(x, 3)": scan(zoneout, 3),
    "lstm_dropout(x, 3, input = 0.2, state = 0.3, update = 0.25, weight = 0.4)": scan(greff, 3),
    "slstm(x, 3)": slstm, "slstm(x, 3, exponential = true)": lambda p, x: slstm(p, x, True),
    "mlstm(x, 3)": mlstm, "mlstm(x, 3, exponential = true)": lambda p, x: mlstm(p, x, True),
    "mgu(x, 3)": scan(mgu, 3),
    "mut1(x, 2)": scan(mut, 2),
    "mut2(x, 2)": scan(lambda *a: mut(*a, kind=2), 2),
    "mut3(x, 2)": scan(lambda *a: mut(*a, kind=3), 2),
    "ugrnn(x, 3)": scan(ugrnn, 3),
    "mingru(x, 3)": scan(mingru, 3),
    "minlstm(x, 3)": scan(minlstm, 3),
    "sru(x, 2)": scan(sru, 2),
    "qrnn(x, 4)": qrnn,
    "indrnn(x, 3)": scan(lambda p, x, h, c: (relu(np.diag(p["u"]) @ h + p["U"] @ x + p["b"]), c), 3),
    "linear(x, 3)": scan(lambda p, x, h, c: (p["W"] @ h + p["U"] @ x + p["b"], c), 3),
    "leaky_rnn(x, 3, leak = 0.2)": scan(lambda p, x, h, c: leaky(p, x, h, 0.2), 3),
    "leaky_rnn(x, 3, learned = true)": scan(lambda p, x, h, c: leaky(p, x, h, sigma(p["a"])), 3),
    "ligru(x, 3)": scan(ligru, 3),
    "rhn(x, 3)": scan(rhn, 3),
    "clockwork(x, 8, period3 = 3, period4 = 5)": clockwork,
    "hornn(x, 3)": hornn,
    "lmu(x, 3, order = 5, theta = 12)": lmu,
    "jordan(x, 3, 2, decay = 0.5)": jordan,
    "linear_attention(x, 3)": linear_attention,
    "delta_rule(x, 3)": delta_rule,
    "fast_weights(x, 3)": fast_weights,
    "rnn_weight_norm(x, 3)": scan(weight_norm, 3),
    "tcn_block(x, 2, step = 2)": tcn,
}


def write_safetensors(path, arrays):
    header, blob = {}, b""
    for name, a in arrays.items():
        data = np.ascontiguousarray(a, "<f8").tobytes()
        header[name] = {"dtype": "F64", "shape": a.shape, "data_offsets": [len(blob), len(blob) + len(data)]}
        blob += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + blob)


def call(*words):
    return subprocess.run([rnnc, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def fault(cell, reference, draw):
    """Why the cell is not its reference, or None; "" where the reference cannot be computed."""
    spec, weights, data, out = (f"{folder}/{name}" for name in ("m.rnn", "w.safetensors", "d.npz", "o.npz"))
    with open(spec, "w") as file:
        file.write(f"model m {{\n input x[t] : real({D})\n h = {cell}\n output h\n loss mean(h)\n}}\n")
    listed = call("check", "-v", spec)
    if listed.returncode:
        return listed.stdout
    params = {}
    for name, shape in re.findall(r"^(\S+) +(\([^)]*\)|a scalar) ", listed.stdout, re.M):
        sizes = tuple(map(int, re.findall(r"\d+", shape)))
        params[name] = np.asarray(draw.normal(size=sizes))
    x = draw.normal(size=(1, T, D))
    write_safetensors(weights, params)
    np.savez(data, x=x)
    ran = call("run", spec, "--real", "double", "--weights", weights, "--data", data, "-o", out)
    if ran.returncode:
        return ran.stdout
    found = np.load(out)["h"][0]
    expected = reference({name[2:]: a for name, a in params.items()}, x[0])
    if expected is None:
        return ""
    off = np.abs(found - expected).max() if found.shape == expected.shape else np.inf
    return None if off <= 1e-12 * max(1, np.abs(expected).max()) else f"off by {off:.3g}"


passed = failed = 0
for cell, reference in CELLS.items():
    why = fault(cell, reference, np.random.default_rng(5))
    passed += why is None
    failed += bool(why)
    if why:
        print(f"cells: {cell}: {why}")
print(f"{passed} passed, {failed} failed")
