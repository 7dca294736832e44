"""Trains the same network in PyTorch and with `rnnc train`, from the same weights, and compares the loss and the
gradient's norm of every update, and the validation loss at the end: texts, Adam, clipping by norm, state carried.

PyTorch's layers have two biases that are added. rnnc's have one, so the second is held at zero, where it has no part in
the gradient's norm; the GRU's third of it, which stands apart, is trained.

Usage: curve.py RNNC ROOT FOLDER [TEXT]. Prints a line for each failure and, at the end, the counts."""
import csv
import subprocess
import sys

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

rnnc, root, folder = sys.argv[1:4]
sys.path.insert(0, root + "/tests/torch")
from weights import weights_and_gradients, write_safetensors  # noqa: E402

torch.set_num_threads(1)
large = len(sys.argv) > 4
H, B, T, UPDATES = (128, 50, 50, 300) if large else (24, 8, 15, 120)
RATE, CLIP = 2e-3, 5 if large else 0.2    # small networks have small gradients
BOUND = {"double": 1e-8, "float": 1e-4}
ROUNDING = 4    # times PyTorch's own
SPEC = """model lm {
    size V = from data, H = %d
    input  x[t] : token(V)
    target y[t] : token(V)
    h = %s
    p = softmax(dense(h, V))
    output p
    loss cross_entropy(p, y)
}
"""
passed = failed = 0


def check(ok, what):
    global passed, failed
    passed += bool(ok)
    failed += not ok
    if not ok:
        print("FAIL train_torch:", what)


def read_text():
    """The ids of the text, and its path."""
    if large:
        path = sys.argv[4]
    else:
        path = folder + "/text.txt"
        numbers = np.random.default_rng(3).integers(0, 30, 800)
        with open(path, "w") as file:
            file.writelines(f"line {n} says {'yes' if n % 3 else 'no'};\n" for n in numbers)
    data = np.fromfile(path, np.uint8)
    symbols, ids = np.unique(data, return_inverse=True)
    return path, torch.tensor(ids), len(symbols)


def blocks_of(ids):
    """(inputs, targets) of each block, and how many of them train and validate: 90% and 5%."""
    ids = ids[:len(ids) // (B * T) * B * T]
    x, y = (a.reshape(B, -1).split(T, dim=1) for a in (ids, ids.roll(-1)))
    blocks = list(zip(x, y))
    train = int(len(blocks) * 0.9)
    return blocks[:train], blocks[train:train + int(len(blocks) * 0.05)]


def make(kind, layers, V):
    """The layers, with one bias that is trained, and what their second bias keeps of its gradient."""
    cell = kind(V, H, layers, batch_first=True)
    dense = nn.Linear(H, V)
    for name, p in cell.named_parameters():
        if name.startswith("bias"):
            with torch.no_grad():
                p.zero_()
                if kind is nn.LSTM and name.startswith("bias_ih"):
                    p[H:2 * H] = 1
            if name.startswith("bias_hh"):
                mask = torch.zeros_like(p)
                if kind is nn.GRU:
                    mask[2 * H:] = 1
                p.register_hook(lambda g, mask=mask: g * mask.to(g))
    return cell, dense


def step(cell, dense, block, state, V):
    h, state = cell(one_hot(block[0], V).to(dense.weight), state)
    loss = cross_entropy(dense(h).reshape(-1, V), block[1].reshape(-1))
    return loss, tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()


def train_torch(cell, dense, train, validate, V):
    params = [*cell.parameters(), *dense.parameters()]
    rule = torch.optim.Adam(params, lr=RATE)
    rows, state = [], None
    for update in range(UPDATES):
        block = update % len(train)
        if block == 0:
            state = None
        loss, state = step(cell, dense, train[block], state, V)
        rule.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(params, CLIP)
        rule.step()
        rows.append((loss.item(), norm.item()))
    state, total = None, 0
    with torch.no_grad():
        for block in validate:
            loss, state = step(cell, dense, block, state, V)
            total += loss.item() / len(validate)
    return np.array(rows), total


def train_rnnc(spec, text, real, weights):
    path = f"{folder}/lm.rnn"
    with open(path, "w") as file:
        file.write(spec)
    write_safetensors(folder + "/w.safetensors", weights)
    command = [rnnc, "train", path, "--text", text, "-o", folder + "/run", "--init", folder + "/w.safetensors",
               "--csv", folder + "/curve.csv", "--real", real, "--batch", str(B), "--steps", str(T), "--updates",
               str(UPDATES), "--optimiser", "adam", "--rate", str(RATE), "--clip", str(CLIP)]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        return None, result.stdout
    with open(folder + "/curve.csv") as file:
        rows = [(float(r["loss"]), float(r["gradient_norm"]), r["validation_loss"]) for r in csv.DictReader(file)]
    last = [line for line in result.stdout.split("\n") if line.startswith("validation ")]
    validation = float(last[0].split()[1]) if last else float(rows[-1][2])
    return (np.array([r[:2] for r in rows]), validation), result.stdout


def compare(name, kind, layers, call, data):
    """In double first: how far PyTorch in float is from PyTorch in double says what rounding alone does to a curve. Some
    networks amplify it; no other float can be expected to stay closer than a few times that."""
    text, ids, V = data
    train, validate = blocks_of(ids)
    exact = None
    for real, bound in BOUND.items():
        torch.manual_seed(1)
        cell, dense = (m.double() if real == "double" else m for m in make(kind, layers, V))
        for p in [*cell.parameters(), *dense.parameters()]:
            p.grad = torch.zeros_like(p)    # weights.py wants gradients, too
        weights = {k: np.array(a) for k, a in weights_and_gradients({"h": cell, "p.dense": dense})[0].items()}
        found, said = train_rnnc(SPEC % (H, call), text, real, weights)
        check(found, f"{name} in {real}: {said}")
        if not found:
            continue
        wanted, validation = train_torch(cell, dense, train, validate, V)
        exact = wanted if exact is None else exact
        own = np.abs(wanted - exact).max(axis=0)
        loss_bound, norm_bound = max(bound, ROUNDING * own[0]), max(100 * bound, ROUNDING * own[1])
        same = found[0].shape == wanted.shape
        worst = np.abs(found[0] - wanted) if same else np.full((1, 2), np.inf)
        print(f"{name} in {real}: furthest apart: loss {worst[:, 0].max():.2g}, norm {worst[:, 1].max():.2g}, "
              f"validation {abs(found[1] - validation):.2g} ({found[1]:.4f})"
              + (f"; PyTorch in double: loss {own[0]:.2g}, norm {own[1]:.2g}" if real == "float" else ""))
        check(worst[:, 0].max() <= loss_bound, f"{name} in {real}: losses differ by up to {worst[:, 0].max():.3g}")
        check(worst[:, 1].max() <= norm_bound, f"{name} in {real}: norms differ by up to {worst[:, 1].max():.3g}")
        check(abs(found[1] - validation) <= 10 * loss_bound + 1e-6, f"{name} in {real}: validation {found[1]}, {validation}")
        check((wanted[:, 1] > CLIP).any() or large, f"{name}: nothing was clipped")


data = read_text()
compare("lstm", nn.LSTM, 1, "lstm(onehot(x), H)", data)
compare("gru", nn.GRU, 1, "gru(onehot(x), H)", data)
compare("rnn", nn.RNN, 1, "rnn(onehot(x), H)", data)
compare("two layers", nn.LSTM, 2, "lstm(onehot(x), H, layers=2)", data)
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
