"""torch_cells.py: cells that no library has a kernel for, as PyTorch runs them best: TorchScript, the products with x
out of the loop over time, the gates side by side in one matrix.

CELLS: for each cell, the function of x (T, B, D) and its parameters, and how these are stacks of rows of rnnc's."""
from typing import List

import torch
from torch import Tensor


@torch.jit.script
def lstm_peephole(x: Tensor, W: Tensor, U: Tensor, b: Tensor, v: Tensor) -> Tensor:
    steps = (x @ U.t() + b).unbind(0)
    h = torch.zeros(x.size(1), W.size(1))
    c = torch.zeros_like(h)
    vi, vf, vo = v.view(3, -1).unbind(0)
    out: List[Tensor] = []
    for a in steps:
        i, f, g, o = (a + h @ W.t()).chunk(4, 1)
        c_new = torch.sigmoid(f + vf * c) * c + torch.sigmoid(i + vi * c) * torch.tanh(g)
        h = torch.sigmoid(o + vo * c_new) * torch.tanh(c_new)
        c = c_new
        out.append(h)
    return torch.stack(out)


@torch.jit.script
def lstm(x: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    steps = (x @ U.t() + b).unbind(0)
    h = torch.zeros(x.size(1), W.size(1))
    c = torch.zeros_like(h)
    out: List[Tensor] = []
    for a in steps:
        i, f, g, o = (a + h @ W.t()).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        out.append(h)
    return torch.stack(out)


@torch.jit.script
def gru_before(x: Tensor, W: Tensor, Wn: Tensor, U: Tensor, b: Tensor) -> Tensor:
    H = W.size(1)
    steps = (x @ U.t() + b).unbind(0)
    h = torch.zeros(x.size(1), H)
    out: List[Tensor] = []
    for a in steps:
        r, z = torch.sigmoid(a[:, :2 * H] + h @ W.t()).chunk(2, 1)
        n = torch.tanh(a[:, 2 * H:] + (r * h) @ Wn.t())
        h = n + z * (h - n)
        out.append(h)
    return torch.stack(out)


@torch.jit.script
def mut1(x: Tensor, Wr: Tensor, Wn: Tensor, U: Tensor, b: Tensor, bn: Tensor) -> Tensor:
    H = Wr.size(1)
    a = x @ U.t()
    z = torch.sigmoid(a[..., :H] + b[:H]).unbind(0)
    r_x = (a[..., H:2 * H] + b[H:]).unbind(0)
    n_x = (torch.tanh(a[..., 2 * H:]) + bn).unbind(0)
    h = torch.zeros(x.size(1), H)
    out: List[Tensor] = []
    for t in range(len(z)):
        r = torch.sigmoid(r_x[t] + h @ Wr.t())
        n = torch.tanh(n_x[t] + (r * h) @ Wn.t())
        h = h + z[t] * (n - h)
        out.append(h)
    return torch.stack(out)


@torch.jit.script
def lstm_layer_norm(x: Tensor, W: Tensor, U: Tensor, b: Tensor, g1: Tensor, g2: Tensor, g3: Tensor,
                    b3: Tensor) -> Tensor:
    H = W.size(1)
    steps = (torch.layer_norm(x @ U.t(), [4 * H], g2) + b).unbind(0)
    h = torch.zeros(x.size(1), H)
    c = torch.zeros_like(h)
    out: List[Tensor] = []
    for a in steps:
        f, i, o, g = (a + torch.layer_norm(h @ W.t(), [4 * H], g1)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(torch.layer_norm(c, [H], g3, b3))
        out.append(h)
    return torch.stack(out)


@torch.jit.script
def cifg_projection(x: Tensor, W: Tensor, U: Tensor, b: Tensor, Wp: Tensor) -> Tensor:
    steps = (x @ U.t() + b).unbind(0)
    h = torch.zeros(x.size(1), Wp.size(0))
    c = torch.zeros(x.size(1), Wp.size(1))
    out: List[Tensor] = []
    for a in steps:
        f, g, o = (a + h @ W.t()).chunk(3, 1)
        f, g = torch.sigmoid(f), torch.tanh(g)
        c = g + f * (c - g)
        h = (torch.sigmoid(o) * torch.tanh(c)) @ Wp.t()
        out.append(h)
    return torch.stack(out)


@torch.jit.script
def depth_gated(x: Tensor, W: Tensor, U: Tensor, b: Tensor, W2: Tensor, U2: Tensor, b2: Tensor, v: Tensor) -> Tensor:
    H = W.size(1)
    steps = (x @ U.t() + b).unbind(0)
    h = torch.zeros(x.size(1), H)
    c = torch.zeros_like(h)
    hs: List[Tensor] = []
    cs: List[Tensor] = []
    for a in steps:
        i, f, g, o = (a + h @ W.t()).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hs.append(h)
        cs.append(c)
    below = (torch.stack(hs) @ U2.t() + b2).unbind(0)
    vi, vf, vo, vd, wd = v.view(5, -1).unbind(0)
    h = torch.zeros_like(h)
    c = torch.zeros_like(h)
    out: List[Tensor] = []
    for t in range(len(below)):
        i, f, g, o = (below[t][:, :4 * H] + h @ W2.t()).chunk(4, 1)
        d = torch.sigmoid(below[t][:, 4 * H:] + vd * c + wd * cs[t])
        c_new = d * cs[t] + torch.sigmoid(f + vf * c) * c + torch.sigmoid(i + vi * c) * torch.tanh(g)
        h = torch.sigmoid(o + vo * c_new) * torch.tanh(c_new)
        c = c_new
        out.append(h)
    return torch.stack(out)


def gates(letters, kinds="WUb", where="h"):
    return [[f"{where}.{kind}{letter}" for letter in letters] for kind in kinds]


CELLS = {
    "lstm": (lstm, gates("ifgo")),
    "lstm_peephole": (lstm_peephole, gates("ifgo") + gates("ifo", "v")),
    "gru_before": (gru_before, gates("rz", "W") + gates("n", "W") + gates("rzn", "Ub")),
    "mut1": (mut1, gates("r", "W") + gates("n", "W") + gates("zrn", "U") + gates("zr", "b") + gates("n", "b")),
    "lstm_layer_norm": (lstm_layer_norm, [["h.W"], ["h.U"], ["h.b"], ["h.a.layer_norm.g"], ["h.a.layer_norm2.g"],
                                          ["h.layer_norm.g"], ["h.layer_norm.b"]]),
    "cifg_projection": (cifg_projection, gates("fgo") + [["h.Wp"]]),
    "depth_gated": (depth_gated, gates("ifgo", where="below") + gates("ifgo", "W") + gates("ifgod", "Ub") +
                    [["h.vi", "h.vf", "h.vo", "h.vd", "h.wd"]]),
}
