"""Weights of PyTorch's layers as rnnc's parameters, and files of both.

The `weights torch` maps in specs/cells say which rows of which tensor of torch a parameter is; nothing here knows the
gates of a cell. So a wrong map fails where this is used, as do a wrong order of gates and a wrong equation."""
import json
import os
import re
import struct

import numpy as np
from torch import nn

CELLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../specs/cells")


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


def read_safetensors(path):
    data = open(path, "rb").read()
    n, = struct.unpack("<Q", data[:8])
    arrays = {}
    for name, entry in json.loads(data[8:8 + n]).items():
        begin, end = entry.get("data_offsets", (0, 0))
        if name != "__metadata__":
            a = np.frombuffer(data[8 + n + begin:8 + n + end], {"F64": "<f8", "F32": "<f4"}[entry["dtype"]])
            arrays[name] = a.reshape(entry["shape"]).astype("f8")
    return arrays


def read_map(cell):
    """`weights torch` of a cell: pairs of [(tensor, slice)], which are added, and [parameter], whose rows they hold."""
    text = open(f"{CELLS}/{cell}.rnn").read()
    lines = []
    for line in re.search(r"weights torch \{[^\n]*\n(.*?)\n *\}", text, re.S).group(1).split("\n"):
        left, right = line.split("=")
        addends = re.findall(r"(\w+)(?:\(([^)]*)\))?", left)
        lines.append((addends, re.findall(r"\w+", right.replace("rows", ""))))
    return lines


def rows_of(tensor, text, H):
    """The slice "2*H:3*H" of a tensor's rows; all of them where the text is empty."""
    return tensor[slice(*(eval(bound, {"H": H}) for bound in text.split(":")))] if text else tensor


def placed_cells(name, module):
    """(name, cell, H, tensors) for each cell of rnnc that a module of torch is made of."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        yield name, "dense" if isinstance(module, nn.Linear) else "embed", 0, dict(module.named_parameters())
        return
    if isinstance(module, nn.GRUCell):
        yield name, "gru", module.hidden_size, dict(module.named_parameters())
        return
    cell = {"RNN_TANH": "rnn", "RNN_RELU": "rnn_relu"}.get(module.mode, module.mode.lower())
    for layer in range(module.num_layers):
        for direction in range(1 + module.bidirectional):
            where = name + (f".{layer}" if module.num_layers > 1 else "")
            where += (".forward", ".backward")[direction] if module.bidirectional else ""
            suffix = f"_l{layer}" + "_reverse" * direction
            yield where, cell, module.hidden_size, \
                {key[:-len(suffix)]: p for key, p in module.named_parameters() if key.endswith(suffix)}


def weights_and_gradients(parts):
    """For every parameter of rnnc: its value, and what its gradient must equal, once for each tensor it is a sum of."""
    weights, gradients = {}, {}
    for name, part in parts.items():
        if isinstance(part, nn.Parameter):
            weights[name], gradients[name] = part.detach(), [part.grad]
            continue
        for where, cell, H, tensors in placed_cells(name, part):
            for addends, parameters in read_map(cell):
                total = sum(rows_of(tensors[key], text, H) for key, text in addends).detach()
                slopes = [rows_of(tensors[key].grad, text, H).chunk(len(parameters)) for key, text in addends]
                for i, rows in enumerate(total.chunk(len(parameters))):
                    weights[f"{where}.{parameters[i]}"] = rows
                    gradients[f"{where}.{parameters[i]}"] = [slope[i] for slope in slopes]
    return weights, gradients
