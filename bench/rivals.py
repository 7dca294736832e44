"""rivals.py: what a layer needs that ships as C, and how fast a step of it is: rnnc beside onnx2c, RTNeural and keras2c,
under the same flags.

Each contestant is a step() that carries its own state (rivals/*), compiled as an object of its own, from which the linker
has dropped what step() does not need. First the outputs must agree with the equations, computed here in double. Code and
constants are what `size` says of that object, without libc and libm; RAM is its variables, which hold state and work, and the stack that a step really uses, measured by
painting it. Times are of the processor, medians of rounds in which all take turns in this process.

Usage: rivals.py RNNC FOLDER. In the environment: NETS='lstm20 gru64', FLAGS='-O2;-O3 -march=native', ROUNDS=9, ONNX2C,
KERAS2C_ROOT, RTNEURAL_ROOT; README.md says what they are."""
import ctypes
import json
import os
import re
import shlex
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
try:
    import numpy as np
except ImportError as error:
    sys.exit(f"{error}\nthe benchmark needs numpy: apt-get install python3-numpy")

from contestants import RING, load, pointer, stacked

here = os.path.dirname(os.path.abspath(__file__))
BOUND = 1e-4           # largest difference of an output, which is between -1 and 1
ROUND_SECONDS = 0.02   # of each contestant in a round
GATES = {"lstm": "ifgo", "gru": "rzn"}
F = "f4"


class Net:
    """A layer as wide as its input, its weights, RING steps of data, and what it makes of them."""
    def __init__(self, name):
        self.name = name
        self.cell, size = re.fullmatch(r"(lstm|gru)(\d+)", name).groups()
        H = self.H = int(size)
        rng = np.random.default_rng(1)
        self.weights = {}
        for gate in GATES[self.cell]:
            for kind, shape in ("W", (H, H)), ("U", (H, H)), ("b", (H, 1)):
                self.weights[f"h.{kind}{gate}"] = (rng.uniform(-1, 1, shape) / np.sqrt(H)).astype(F)
        if self.cell == "gru":
            self.weights["h.cn"] = rng.uniform(-.1, .1, (H, 1)).astype(F)
        self.x = rng.normal(0, .5, (RING, H)).astype(F)
        self.h = self.reference()

    def reference(self):
        w = {name[2:]: a.astype("f8").squeeze() for name, a in self.weights.items()}
        h = c = np.zeros(self.H)
        made = []

        def sigmoid(a):
            return 1 / (1 + np.exp(-a))
        for x in self.x.astype("f8"):
            a = {g: w["U" + g] @ x + w["b" + g] for g in GATES[self.cell]}
            if self.cell == "lstm":
                i, f, o = (sigmoid(a[g] + w["W" + g] @ h) for g in "ifo")
                c = f * c + i * np.tanh(a["g"] + w["Wg"] @ h)
                h = o * np.tanh(c)
            else:
                r, z = (sigmoid(a[g] + w["W" + g] @ h) for g in "rz")
                h = (1 - z) * np.tanh(a["n"] + r * (w["Wn"] @ h + w["cn"])) + z * h
            made.append(h)
        return np.array(made)

    def keras(self):
        """(gates, inputs, units) twice, and the biases, those of the recurrent product in a second row."""
        U, W, b = stacked(self.weights, "h", self.cell, "keras")
        if self.cell == "gru":
            inner = np.zeros_like(b)
            inner[-1] = self.weights["h.cn"][:, 0]
            b = np.stack([b, inner])
        return U.transpose(0, 2, 1), W.transpose(0, 2, 1), b


# ---- contestants: each writes its sources into a folder, and returns (sources, flags), or None where it has no such cell

def run(command, **more):
    return subprocess.run([str(word) for word in command], check=True, **more)


class Rnnc:
    name, source = "rnnc", "rnnc.c"

    @staticmethod
    def missing():
        return ""

    @staticmethod
    def write(net, rnnc, folder):
        head, data = {}, b""
        for name, a in net.weights.items():
            shape = [n for n in a.shape if n > 1]
            head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + a.nbytes]}
            data += a.tobytes()
        head = json.dumps(head).encode()
        with open(folder + "/model.safetensors", "wb") as file:
            file.write(struct.pack("<Q", len(head)) + head + data)
        sizes = ["-D", f"D={net.H}", "-D", f"H={net.H}", "-D", f"C={net.cell}"]
        run([rnnc, "build", here + "/specs/stream.rnn", *sizes, "--inference", "--standalone", "--weights",
             folder + "/model.safetensors", "--prefix", "model", "-o", folder], stdout=subprocess.DEVNULL)
        return ["model.c"], []


class Onnx2c:
    name, source = "onnx2c", "onnx2c.c"

    @staticmethod
    def missing():
        if not os.environ.get("ONNX2C"):
            return "ONNX2C does not say where its program is"
        try:
            import onnx    # noqa: F401
        except ImportError:
            return "python3-onnx is not here"
        return ""

    @staticmethod
    def write(net, rnnc, folder):
        if net.cell != "lstm":
            return None    # it knows no other recurrent operator
        import onnx
        from onnx import helper, numpy_helper
        U, W, b = stacked(net.weights, "h", net.cell, "onnx")
        arrays = {"W": U.reshape(1, -1, net.H), "R": W.reshape(1, -1, net.H),
                  "B": np.concatenate([b.ravel(), np.zeros(b.size, F)])[None]}

        def info(name, *shape):
            return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [*shape, net.H])
        node = helper.make_node("LSTM", ["x", "W", "R", "B", "", "h", "c"], ["y", "h1", "c1"], hidden_size=net.H)
        graph = helper.make_graph([node], "net", [info("x", 1, 1), info("h", 1, 1), info("c", 1, 1)],
                                  [info("y", 1, 1, 1), info("h1", 1, 1), info("c1", 1, 1)],
                                  [numpy_helper.from_array(a.astype(F), n) for n, a in arrays.items()])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
        model.ir_version = 8
        onnx.save(model, folder + "/model.onnx")
        with open(folder + "/model.c", "w") as file:
            run([os.environ["ONNX2C"], folder + "/model.onnx"], stdout=file)
        return ["model.c"], []


class Keras2c:
    name, source = "keras2c", "keras2c.c"

    @staticmethod
    def missing():
        root = os.environ.get("KERAS2C_ROOT", "")
        return "" if os.path.exists(root + "/include/k2c_include.h") else "KERAS2C_ROOT/include/k2c_include.h is not there"

    @staticmethod
    def write(net, rnnc, folder):
        if net.H > 128:
            return None    # its weights do not go onto a usual stack
        for name, a in zip(("kernel", "recurrent", "bias"), net.keras()):
            with open(f"{folder}/{name}.inc", "w") as file:
                file.write(",\n".join(f"{v:.9e}f" for v in a.ravel()))
        return [], ["-I" + os.environ["KERAS2C_ROOT"] + "/include"]

    @staticmethod
    def library(flags):
        path = f"{os.environ['KERAS2C_ROOT']}/libkeras2c{flags.replace(' ', '')}.a"
        if not os.path.exists(path):
            sys.exit(path + " is not there: keras2c's library, built with these flags")
        return [path]


class RTNeural:
    name, source = "RTNeural", "rtneural.cc"

    @staticmethod
    def missing():
        root = os.environ.get("RTNEURAL_ROOT", "")
        return "" if os.path.exists(root + "/RTNeural/RTNeural.h") else "RTNEURAL_ROOT/RTNeural/RTNeural.h is not there"

    @staticmethod
    def write(net, rnnc, folder):
        flags = ["-I/usr/include/eigen3", "-DRTNEURAL_USE_EIGEN=1", "-DEIGEN_STACK_ALLOCATION_LIMIT=0", "-w"]
        return [], ["-I" + os.environ["RTNEURAL_ROOT"], *flags]


class Contestant:
    """One of the four, for a net, compiled with some flags."""
    def __init__(self, kind, net, flags, sources, options, folder):
        self.name, self.flags, self.net = kind.name, flags, net
        source = f"{here}/rivals/{kind.source}"
        cplusplus = source.endswith(".cc")
        cc = os.environ.get("CC", "cc").split()
        compiler = [*os.environ.get("CXX", "c++").split(), "-std=c++17"] if cplusplus else cc
        base = f"{folder}/{flags.replace(' ', '')}"
        shape = [f"-DUNITS={net.H}", f"-DGATES={len(GATES[net.cell])}", "-D" + net.cell.upper(), "-I" + folder]
        objects = []
        for n, path in enumerate([source, *(f"{folder}/{name}" for name in sources)]):
            objects.append(f"{base}.{n}.o")
            run([*compiler, *flags.split(), "-fPIC", "-ffunction-sections", "-fdata-sections", *shape, *options, "-c", path,
                 "-o", objects[-1]])
        keep = ["-u", "step", *(["-u", "weights"] if cplusplus else [])]
        run(["ld", "-r", "--gc-sections", *keep, "-o", base + ".o", *objects, *getattr(kind, "library", lambda _: [])(flags)])
        harness = base + ".run.o"
        run([*cc, "-O2", "-fPIC", *shape, "-c", here + "/rivals/run.c", "-o", harness])
        run([*compiler, "-shared", "-o", base + ".so", base + ".o", harness, "-lm", "-lpthread"])
        self.measure(base)

    def measure(self, base):
        C = self.C = load(base + ".so")
        C.rivals_run.restype, C.rivals_stack.restype = ctypes.c_double, ctypes.c_size_t
        self.x, self.h = np.ascontiguousarray(self.net.x), np.zeros((RING, self.net.H), F)
        if hasattr(C, "weights"):
            kernel, recurrent, bias = self.net.keras()
            by_input = [np.ascontiguousarray(a.transpose(1, 0, 2), F) for a in (kernel, recurrent)]
            C.weights(*map(pointer, by_input), pointer(np.ascontiguousarray(bias, F)))
        self.run(RING)
        self.difference = float(np.abs(self.h - self.net.h).max())
        if not self.difference < BOUND:
            sys.exit(f"{self.name} {self.flags}, {self.net.name}: its outputs are {self.difference:.3g} off")
        self.stack = C.rivals_stack(pointer(self.x), pointer(self.h))
        self.code, self.constants, self.variables = 0, 0, 0
        for line in run(["size", "-A", base + ".o"], stdout=subprocess.PIPE, text=True).stdout.splitlines():
            part = re.match(r"(\.(?:text|rodata|data|bss|init_array|tbss|lrodata|lbss)\S*)\s+(\d+)", line)
            if not part:
                continue
            name, size = part.group(1), int(part.group(2))
            if name.startswith(".text"):
                self.code += size
            elif "rodata" in name or name.startswith(".data.rel.ro"):
                self.constants += size
            else:
                self.variables += size
        seconds, times = 0, 8
        while seconds < ROUND_SECONDS:
            times *= 2
            seconds = self.run(times)
        self.times, self.rounds = max(RING, int(times * ROUND_SECONDS / seconds)), []

    def run(self, times):
        return self.C.rivals_run(pointer(self.x), pointer(self.h), ctypes.c_size_t(times))


def table(net, kinds, flag_sets, rounds, rnnc, folder):
    contestants = []
    for kind in kinds:
        own = f"{folder}/{net.name}/{kind.name}"
        os.makedirs(own, exist_ok=True)
        written = kind.write(net, rnnc, own)
        if written:
            contestants += [Contestant(kind, net, flags, *written, own) for flags in flag_sets]
    for _ in range(rounds):
        for c in contestants:
            c.run(RING)
            c.rounds.append(c.run(c.times) / c.times)
    ours = {c.flags: c.rounds for c in contestants if c.name == "rnnc"}
    print(f"\n| {net.name} | flags | code | constants | variables | stack | RAM | us a step | / rnnc | off by |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for flags in flag_sets:
        for c in (c for c in contestants if c.flags == flags):
            ratio = np.median(np.array(c.rounds) / np.array(ours[flags]))
            print(f"| {c.name} | {flags} | {c.code} | {c.constants} | {c.variables} | {c.stack} | {c.variables + c.stack} | "
                  f"{1e6 * np.median(c.rounds):.3g} | {ratio:.2f} | {c.difference:.0e} |", flush=True)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    rnnc, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    kinds = []
    for kind in (Rnnc, Onnx2c, RTNeural, Keras2c):
        missing = kind.missing()
        if missing:
            print(f"{kind.name} is left out: {missing}")
        else:
            kinds.append(kind)
    flag_sets = [f.strip() for f in os.environ.get("FLAGS", "-O2;-O3 -march=native").split(";")]
    for name in shlex.split(os.environ.get("NETS", "lstm20 lstm128 gru64")):
        if not re.fullmatch(r"(lstm|gru)[1-9]\d*", name):
            sys.exit(f"NETS: {name} is neither lstmN nor gruN")
        table(Net(name), kinds, flag_sets, int(os.environ.get("ROUNDS", "9")), rnnc, folder)


main()
