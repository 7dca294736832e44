"""What the parts of this suite share: running rnnc, counting, files of tensors."""
import json
import struct
import subprocess
import sys

import numpy as np

rnnc, root, folder = sys.argv[1:]
counts = [0, 0]


def check(ok, what):
    counts[not ok] += 1
    if not ok:
        print("FAIL", what)


def note(text):
    """For whoever runs the suite."""
    print("note:", text)


def call(*words):
    result = subprocess.run([rnnc, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return result.returncode, result.stdout


def expect(code, texts, *words):
    """rnnc must exit with `code` and print each of `texts`; what it printed."""
    found, said = call(*words)
    check(found == code, f"rnnc {' '.join(map(str, words))}: status {found}, expected {code}:\n{said}")
    for text in [texts] if isinstance(texts, str) else texts:
        check(text in said, f"rnnc {' '.join(map(str, words))}: expected '{text}', found:\n{said}")
    return said


def write(name, text):
    with open(f"{folder}/{name}", "w") as file:
        file.write(text)
    return f"{folder}/{name}"


def write_safetensors(name, arrays, kind="F64"):
    """In the order of the dictionary."""
    header, blob = {}, b""
    for key, a in arrays.items():
        a = np.asarray(a)
        data = np.ascontiguousarray(a, {"F64": "<f8", "F32": "<f4", "I64": "<i8"}[kind]).tobytes()
        header[key] = {"dtype": kind, "shape": a.shape, "data_offsets": [len(blob), len(blob) + len(data)]}
        blob += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(f"{folder}/{name}", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + blob)
    return f"{folder}/{name}"


def read_safetensors(path):
    data = open(path, "rb").read()
    n, = struct.unpack("<Q", data[:8])
    arrays = {}
    for name, entry in json.loads(data[8:8 + n]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            a = np.frombuffer(data[8 + n + begin:8 + n + end], {"F64": "<f8", "F32": "<f4"}[entry["dtype"]])
            arrays[name] = a.reshape(entry["shape"])
    return arrays


def savez(name, **arrays):
    np.savez(f"{folder}/{name}", **arrays)
    return f"{folder}/{name}"


def finish():
    print(f"{counts[0]} passed, {counts[1]} failed")
    sys.exit(counts[1] > 0)
