"""numpy's files through our reader and writer and back: every array must come out the same, bit for bit.

Usage: numpy_files.py CONVERT FOLDER. Prints a line for each failure and, at the end, the counts."""
import json
import struct
import subprocess
import sys
import zipfile

import numpy as np

convert, folder = sys.argv[1:]
passed = failed = 0


def check(ok, what):
    global passed, failed
    passed += bool(ok)
    failed += not ok
    if not ok:
        print("FAIL interop:", what)


def run(source, target):
    r = subprocess.run([convert, source, target], stderr=subprocess.PIPE, text=True)
    return r.returncode, r.stderr


def same(a, b):
    native = a.dtype.newbyteorder("=")
    return b.dtype == native and a.shape == b.shape and np.ascontiguousarray(a.astype(native)).tobytes() == b.tobytes()


def read_safetensors(path):
    """By the format's own description, independent of the code under test."""
    types = {"F64": "f8", "F32": "f4", "F16": "f2", "BOOL": "?", "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1",
             "U64": "u8", "U32": "u4", "U16": "u2", "U8": "u1"}
    data = open(path, "rb").read()
    n, = struct.unpack("<Q", data[:8])
    out = {}
    for name, entry in json.loads(data[8:8 + n]).items():
        begin, end = entry["data_offsets"]
        a = np.frombuffer(data[8 + n + begin:8 + n + end], dtype=types[entry["dtype"]])
        out[name] = a.reshape(entry["shape"])
    return out


def arrays():
    rng = np.random.default_rng(7)
    for code in "f8 f4 f2 i8 i4 i2 i1 u8 u4 u2 u1 ?".split():
        for shape in [(), (5,), (3, 4), (2, 3, 4, 5), (0, 3), (1, 1)]:
            a = (100 * rng.standard_normal(shape)).astype(code) if code[0] in "f?" else \
                rng.integers(0, 127, shape).astype(code)
            yield np.asarray(a)
    yield np.array([np.nan, np.inf, -np.inf, -0.0])
    yield np.asfortranarray(rng.standard_normal((4, 3, 2)))
    yield rng.standard_normal((4, 3)).T
    yield rng.standard_normal((4, 3)).astype(">f4")
    yield np.asfortranarray(rng.integers(-9, 9, (5, 2)).astype(">i4"))
    yield rng.standard_normal((300, 200)).astype("f4")


everything = {f"a{i}": a for i, a in enumerate(arrays())}
for save in (np.savez, np.savez_compressed):
    source, weights, target = folder + "/in.npz", folder + "/mid.safetensors", folder + "/out.npz"
    save(source, **everything)
    for here, there in ((source, weights), (weights, target)):
        code, said = run(here, there)
        check(code == 0, f"{save.__name__} {here} -> {there}: {said}")
    middle, last = read_safetensors(weights), np.load(target)
    check(list(middle) == list(everything) and last.files == list(everything), f"{save.__name__}: the names' order")
    for name, a in everything.items():
        what = f"{save.__name__}: {name} {a.dtype} {a.shape}"
        check(name in middle and same(a, middle[name]), what + " in safetensors")
        check(name in last.files and same(a, last[name]), what + " in npz")
    check(zipfile.ZipFile(target).testzip() is None, "the checksums of the archive")

for a, why in [(np.array([{}], dtype=object), "Python objects"), (np.array(["x"]), "not supported"),
               (np.array([1j]), "not supported"), (np.zeros(2, "f4,i4"), "fields"),
               (np.array(["2001-01-01"], "M8[D]"), "not supported")]:
    np.savez(folder + "/bad.npz", x=a)
    code, said = run(folder + "/bad.npz", folder + "/never.npz")
    check(code == 1 and why in said and said.count("\n") == 1, f"{a.dtype} is refused: {said}")

print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
