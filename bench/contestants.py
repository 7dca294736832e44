"""contestants.py: rnnc's C and its peers behind one face: name, run(times) -> seconds of the processor, and, for a
peer, difference(): the largest relative difference of anything that both compute.

Weights are drawn once, as rnnc's parameters. LAYOUTS says how a peer lays the same numbers out; gradients are held
against rnnc's, laid out in the same way. A row (bench.py) says what is computed."""
import ctypes
import os
import re
import subprocess
import sys
import time

import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
RING = 64    # steps of data that streaming goes around in; as in the C files
F, I = "f4", "i4"

# The order of the gates of each cell elsewhere; for GRUs, "c" is the bias inside of the reset.
LAYOUTS = {
    "rnn": {"onednn": [""], "torch": [""], "onnx": [""]},
    "lstm": {"onednn": list("ifgo"), "torch": list("ifgo"), "onnx": list("iofg"), "keras": list("ifgo")},
    "lstm_peephole": {"onednn": list("ifgo")},
    "gru_before": {"onednn": list("zrn")},
    "gru": {"onednn": list("zrn"), "torch": list("rzn"), "onnx": list("zrn"), "keras": list("zrn")},
}


def pointer(array):
    return None if array is None else ctypes.c_void_p(array.ctypes.data)


def load(path):
    """Its own libraries come first, so that two versions of one can be in the process."""
    return ctypes.CDLL(os.path.abspath(path), mode=os.RTLD_LOCAL | os.RTLD_NOW | os.RTLD_DEEPBIND)


def newer(target, sources):
    return os.path.exists(target) and all(os.path.getmtime(target) > os.path.getmtime(s) for s in sources)


def compile_shared(target, sources, flags, headers=()):
    """With -O3 -march=native, unless target is newer than its sources."""
    if not newer(target, [*sources, *headers]):
        command = [*os.environ.get("CC", "cc").split(), "-O3", "-march=native", "-shared", "-fPIC"]
        subprocess.run([*command, *sources, "-o", target, *flags], check=True)
    return target


def relative(a, b, scale=None):
    """The largest difference of two arrays, by the largest number of b."""
    a, b = np.asarray(a, "f8").ravel(), np.asarray(b, "f8").ravel()
    assert a.shape == b.shape, (a.shape, b.shape)
    worst = np.abs(a - b).max() / (np.abs(b).max() if scale is None else scale)
    return float(worst) if np.isfinite(worst) else float("inf")


# ---- rnnc ----------------------------------------------------------------------------------------------------------

class Param(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("rows", ctypes.c_size_t), ("columns", ctypes.c_size_t),
                ("offset", ctypes.c_size_t)]


def build(row, rnnc, folder):
    """The shared object of a row, made anew when rnnc, the spec or a cell is newer."""
    folder = os.path.join(folder, row.key)
    os.makedirs(folder, exist_ok=True)
    library, spec, wrapper = folder + "/model.so", f"{here}/specs/{row.spec}.rnn", here + "/ours.c"
    if not newer(library, [rnnc, spec, wrapper]):
        sizes = ["--batch", str(row.B), "--steps", str(row.T or 1)]
        defines = [word for text in row.defines for word in ("-D", text)]
        kind = [] if row.kind == "GRAD" else ["--inference"]
        kind += ["--threads", str(row.threads)] if row.threads > 1 else []
        flags = ["-fopenmp"] if row.threads > 1 else []
        command = [rnnc, "build", spec, "--standalone", "--prefix", "model", *sizes, *kind, *defines, "-o", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        compile_shared(library, [wrapper, folder + "/model.c"], ["-I" + folder, "-DBENCH_" + row.kind, "-lm", *flags])
    return library


class Ours:
    name = "rnnc"

    def __init__(self, row, rnnc, folder):
        self.row = row
        rng = np.random.default_rng(1)
        T = row.T or RING

        def draw(tokens, width, scale):
            if tokens:
                return rng.integers(0, width, (T, row.B)).astype(I)
            return rng.normal(0, scale, (T, row.B, width)).astype(F)
        self.x, self.y, width = draw(*row.x, .5), draw(*row.y, .1), row.y[1]
        self.h = np.zeros((T, row.B, width), F)
        C = self.C = load(build(row, rnnc, folder))
        C.ours_create.restype = C.ours_params.restype = C.ours_grads.restype = ctypes.c_void_p
        C.model_param_table.restype = ctypes.POINTER(Param)
        C.ours_param_count.restype = ctypes.c_size_t
        C.ours_loss.restype = C.ours_run.restype = ctypes.c_double
        size = ctypes.c_size_t
        self.self = ctypes.c_void_p(C.ours_create(size(row.T), size(row.B), pointer(self.x), size(row.B * row.x[1]),
                                                  pointer(self.y), pointer(self.h), size(row.B * width)))
        table = C.model_param_table()[:C.ours_param_count()]
        self.weights, self.grads = (self.views(table, f(self.self)) for f in (C.ours_params, C.ours_grads))
        for name, a in self.weights.items():
            if a.shape[1] > 1:
                a[:] = rng.uniform(-1, 1, a.shape) / np.sqrt(a.shape[1])
            else:
                a[:] = 1 if name == "s" else rng.uniform(-.1, .1, a.shape) + name.endswith(".g")
        C.ours_prepare(self.self)
        self.run(RING if row.kind == "STEP" else 1)
        self.loss = float(C.ours_loss(self.self))
        for name in ("h", "grads"):    # what run() overwrites
            value = getattr(self, name)
            setattr(self, "first_" + name, {k: a.copy() for k, a in value.items()} if name == "grads" else value.copy())

    @staticmethod
    def views(table, address):
        def view(p):
            array = (ctypes.c_float * (p.rows * p.columns)).from_address(address + 4 * p.offset)
            return np.frombuffer(array, F).reshape(p.rows, p.columns)
        return {p.name.decode(): view(p) for p in table}

    def run(self, times):
        seconds = self.C.ours_run(self.self, ctypes.c_size_t(times))
        if seconds < 0:
            sys.exit(f"{self.row.key}: the model refused its arguments")
        return seconds

    def flops(self):
        """Of the products that the network needs: what is looked up is none, nor is the gradient of data."""
        row, total = self.row, 0
        for name, a in self.weights.items():
            if a.shape[1] == 1 or row.lookups and re.match(row.lookups, name):
                continue
            passes = 1 if row.kind != "GRAD" else 2 if row.no_dx and re.match(row.no_dx, name) else 3
            total += 2 * a.size * passes
        return total * row.B * (row.T or 1)


def stacked(tensors, prefix, cell, peer):
    """A cell's tensors as a peer stacks them: (U: gates, H, D), (W: gates, H, H), (b: gates, H)."""
    order = LAYOUTS[cell][peer]
    U, W = (np.stack([tensors[f"{prefix}.{kind}{g}"] for g in order]) for kind in "UW")
    b = np.stack([tensors[f"{prefix}.b{g}"][:, 0] for g in order])
    return U, W, b


# ---- oneDNN --------------------------------------------------------------------------------------------------------

class OneDNN:
    ROLES = {"x": 0, "W_layer": 3, "W_iter": 4, "peephole": 5, "bias": 6, "h": 7}
    CELLS = {"rnn": 0, "lstm": 1, "lstm_peephole": 2, "gru_before": 3, "gru": 4}

    @staticmethod
    def find(folder):
        """[(version, path)]: Debian's, and the one under DNNL_ROOT."""
        found = []
        root = os.environ.get("DNNL_ROOT")
        if root and not os.path.exists(root + "/include/oneapi/dnnl/dnnl.h"):
            sys.exit(f"DNNL_ROOT={root}: include/oneapi/dnnl/dnnl.h is not there")
        places = [("", [])] + ([(root, ["-I" + root + "/include", "-L" + root + "/lib", "-Wl,-rpath," + root + "/lib"])]
                               if root else [])
        for number, (where, flags) in enumerate(places):
            path, probe = f"{folder}/onednn{number}.so", here + "/onednn.c"
            try:
                if not newer(path, [probe]) or where:
                    command = [*os.environ.get("CC", "cc").split(), "-O2", "-shared", "-fPIC", *flags[:1], probe]
                    subprocess.run([*command, "-o", path, *flags[1:], "-ldnnl"], check=True, stderr=subprocess.PIPE)
                library = load(path)
            except (subprocess.CalledProcessError, OSError) as error:
                if where:
                    text = error.stderr.decode() if hasattr(error, "stderr") and error.stderr else error
                    sys.exit(f"DNNL_ROOT={where}: {text}")
                continue
            library.onednn_version.restype = ctypes.c_char_p
            found.append((library.onednn_version().decode(), path))
        return found

    def __init__(self, ours, version, path):
        self.name, self.ours = "oneDNN " + version, ours
        row, C = ours.row, load(path)
        self.C = C
        C.onednn_create.restype = C.onednn_array.restype = C.onednn_ring.restype = ctypes.c_void_p
        C.onednn_run.restype = ctypes.c_double
        prefixes, (D, H, both) = row.layers, row.shape
        uniform = D == H and not both    # then all layers are one primitive
        self.pieces = [prefixes] if uniform else [[p] for p in prefixes]
        if both:
            self.pieces = [prefixes]    # the two directions
        shapes = []
        for k, piece in enumerate(self.pieces):
            shapes += [self.CELLS[row.cell], 1 if both else len(piece), 1 + both, D if k == 0 else H, H]
        self.self = ctypes.c_void_p(C.onednn_create(int(row.kind == "GRAD"), row.T, row.B, len(self.pieces),
                                                    (ctypes.c_int * len(shapes))(*shapes)))
        for k, piece in enumerate(self.pieces):
            for name, value in self.layout(ours.weights, piece).items():
                self.array(k, name)[:] = value.ravel()
        x = ours.x
        if row.x[0]:
            x = np.eye(row.x[1], dtype=F)[x]
        T = row.T or RING
        if row.T:
            self.array(0, "x")[:] = x.ravel()
        else:
            self.ring(0, T * row.B * D)[:] = x.ravel()
        if row.kind == "GRAD":
            self.array(len(self.pieces) - 1, "h", 1)[:] = ours.y.ravel()
        C.onednn_prepare(self.self)
        self.run(1 if row.T else T)

    def array(self, k, name, diff=0):
        size = ctypes.c_size_t()
        address = self.C.onednn_array(self.self, k, self.ROLES[name], diff, ctypes.byref(size))
        return np.frombuffer((ctypes.c_float * size.value).from_address(address), F)

    def ring(self, output, size):
        return np.frombuffer((ctypes.c_float * size).from_address(self.C.onednn_ring(self.self, output)), F)

    def layout(self, tensors, prefixes):
        """Weights of the layers or directions of a primitive, in ldigo and ldgo."""
        cell = self.ours.row.cell
        parts = [stacked(tensors, p, cell, "onednn") for p in prefixes]
        result = {"W_layer": np.stack([U.transpose(2, 0, 1) for U, _, _ in parts]),
                  "W_iter": np.stack([W.transpose(2, 0, 1) for _, W, _ in parts]),
                  "bias": np.stack([b for _, _, b in parts])}
        if cell == "gru":
            extra = np.stack([tensors[p + ".cn"][:, 0][None] for p in prefixes])
            result["bias"] = np.concatenate([result["bias"], extra], 1)
        if cell == "lstm_peephole":
            result["peephole"] = np.stack([np.stack([tensors[f"{p}.v{g}"][:, 0] for g in "ifo"]) for p in prefixes])
        return result

    def run(self, times):
        return self.C.onednn_run(self.self, ctypes.c_size_t(times))

    def difference(self):
        ours, row, last = self.ours, self.ours.row, len(self.pieces) - 1
        if row.kind == "STEP":
            return relative(self.ring(1, ours.first_h.size), ours.first_h)
        h = self.array(last, "h")
        if row.kind == "FORWARD":
            return relative(h, ours.first_h)
        product = h * ours.y.ravel()
        worst = [abs(float(product.sum(dtype="f8")) - ours.loss) / float(np.abs(product).sum(dtype="f8"))]
        for k, piece in enumerate(self.pieces):
            for name, value in self.layout(ours.first_grads, piece).items():
                worst.append(relative(self.array(k, name, 1), value))
        if "s" in ours.first_grads:
            products = (self.array(0, "x", 1) * self.array(0, "x")).reshape(-1, row.x[1])
            worst.append(relative(products.sum(0, dtype="f8"), ours.first_grads["s"], np.abs(products).sum(0).max()))
        return max(worst)


# ---- ONNX Runtime --------------------------------------------------------------------------------------------------

class Tensor(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("data", ctypes.c_void_p), ("dims", ctypes.c_int64 * 4),
                ("rank", ctypes.c_size_t)]


class OnnxRuntime:
    @staticmethod
    def find(folder):
        """[(version, path of the interface, path of the library)]: ORT_ROOT, or what npm put into build/bench."""
        import glob
        try:
            import onnx    # noqa: F401
        except ImportError:
            return []
        pattern = "/node_modules/onnxruntime-node/bin/*/linux/" + {"aarch64": "arm64"}.get(os.uname().machine, "x64")
        root = os.environ.get("ORT_ROOT") or folder
        found = sorted(glob.glob(root + pattern + "/libonnxruntime.so*") + glob.glob(root + "/**/libonnxruntime.so*"))
        if not found:
            return []
        path = compile_shared(folder + "/onnxruntime.so", [here + "/onnxruntime.c"], ["-ldl"])
        C = load(path)
        C.onnxruntime_version.restype = ctypes.c_char_p
        return [(C.onnxruntime_version(found[0].encode()).decode(), path, found[0])]

    def __init__(self, ours, version, path, library):
        import onnx
        from onnx import helper, numpy_helper
        self.name, self.ours = "ONNX Runtime " + version, ours
        row = ours.row
        D, H, _ = row.shape
        T, B, lstm = row.T or 1, row.B, row.cell == "lstm"
        kind, streaming = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}[row.cell], not row.T
        nodes, constants = [], []
        x = ours.x if row.T else np.zeros((1, B, D), F)
        ins, outs, value = [("x", x, x)], [], "x"
        for k, prefix in enumerate(row.layers):
            U, W, b = stacked(ours.weights, prefix, row.cell, "onnx")
            recurrent_bias = np.zeros_like(b)
            if row.cell == "gru":
                recurrent_bias[-1] = ours.weights[prefix + ".cn"][:, 0]
            arrays = {"W": U.reshape(1, -1, U.shape[2]), "R": W.reshape(1, -1, H),
                      "B": np.concatenate([b.ravel(), recurrent_bias.ravel()])[None]}
            constants += [numpy_helper.from_array(a.astype(F), f"{n}{k}") for n, a in arrays.items()]
            inputs, results = [value, f"W{k}", f"R{k}", f"B{k}"], [f"y{k}"]
            if streaming:
                states = ["h", "c"] if lstm else ["h"]
                inputs += [""] + [f"{s}{k}" for s in states]
                results += [f"{s}{k}_new" for s in states]
                for s in states:
                    even, odd = np.zeros((1, B, H), F), np.zeros((1, B, H), F)
                    ins.append((f"{s}{k}", even, odd))
                    outs.append((f"{s}{k}_new", odd, even))
            options = {"linear_before_reset": 1} if row.cell == "gru" else {}
            nodes.append(helper.make_node(kind, inputs, results, hidden_size=H, **options))
            value = f"y{k}"
            if k + 1 < len(row.layers):
                nodes.append(helper.make_node("Squeeze", [value, "axis"], [f"x{k + 1}"]))
                value = f"x{k + 1}"
        if len(row.layers) > 1:
            constants.append(numpy_helper.from_array(np.array([1], "i8"), "axis"))
        self.h = np.zeros((T, 1, B, H), F)
        outs.insert(0, (value, self.h, self.h))

        def info(name, array):
            return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, array.shape)
        heads = ([info(n, a) for n, a, _ in sets] for sets in (ins, outs))
        graph = helper.make_graph(nodes, "layers", *heads, constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
        model.ir_version = 8
        text = model.SerializeToString()

        def tensors(sets):
            rows = [(n, e) for n, e, _ in sets] + [(n, o) for n, _, o in sets]
            return (Tensor * len(rows))(*(Tensor(n.encode(), a.ctypes.data, (ctypes.c_int64 * 4)(*a.shape), a.ndim)
                                          for n, a in rows))
        self.keep = ins, outs    # the arrays must live
        C = self.C = load(path)
        C.onnxruntime_create.restype, C.onnxruntime_run.restype = ctypes.c_void_p, ctypes.c_double
        self.ring_h = np.zeros((RING, B, H), F) if streaming else None
        size = ctypes.c_size_t
        self.self = ctypes.c_void_p(C.onnxruntime_create(
            library.encode(), text, size(len(text)), size(len(ins)), tensors(ins), size(len(outs)), tensors(outs),
            pointer(ours.x) if streaming else None, size(B * D), pointer(self.ring_h), size(B * H)))
        self.run(RING if streaming else 1)

    def run(self, times):
        return self.C.onnxruntime_run(self.self, ctypes.c_size_t(times))

    def difference(self):
        return relative(self.h if self.ours.row.T else self.ring_h, self.ours.first_h)


# ---- RTNeural ------------------------------------------------------------------------------------------------------

class RTNeural:
    @staticmethod
    def find(folder):
        """[(its folder, the flags)] of what RTNEURAL_ROOT and Debian's libeigen3-dev have."""
        root = os.environ.get("RTNEURAL_ROOT")
        if root and not os.path.exists(root + "/RTNeural/RTNeural.h"):
            sys.exit(f"RTNEURAL_ROOT={root}: RTNeural/RTNeural.h is not there")
        flags = ["-I/usr/include/eigen3", "-DRTNEURAL_USE_EIGEN=1", "-DEIGEN_STACK_ALLOCATION_LIMIT=0", "-w"]
        return [(folder, ["-I" + root, *flags])] if root else []

    def __init__(self, ours, folder, flags):
        self.name, self.ours, row = "RTNeural", ours, ours.row
        library, source = f"{folder}/{row.key}/rtneural.so", here + "/rtneural.cc"
        if not newer(library, [source]):
            command = [os.environ.get("CXX", "c++"), "-std=c++17", "-O3", "-march=native", "-shared", "-fPIC", *flags]
            shape = [f"-DUNITS={row.shape[1]}", f"-DLAYERS={len(row.layers)}", "-D" + row.cell.upper()]
            subprocess.run([*command, *shape, source, "-o", library], check=True)
        C = self.C = load(library)
        C.rtneural_create.restype = C.rtneural_outputs.restype = ctypes.c_void_p
        C.rtneural_run.restype = ctypes.c_double
        self.self = ctypes.c_void_p(C.rtneural_create(pointer(ours.x)))
        for k, prefix in enumerate(row.layers):
            U, W, b = stacked(ours.weights, prefix, row.cell, "keras")
            if row.cell == "gru":
                recurrent = np.zeros_like(b)
                recurrent[-1] = ours.weights[prefix + ".cn"][:, 0]
                b = np.stack([b, recurrent])
            arrays = [np.ascontiguousarray(a.transpose(2, 0, 1), F) for a in (U, W)] + [np.ascontiguousarray(b, F)]
            C.rtneural_weights(self.self, k, *map(pointer, arrays))
        self.run(RING)
        outputs = (ctypes.c_float * ours.h.size).from_address(C.rtneural_outputs(self.self))
        self.first_h = np.frombuffer(outputs, F).copy()

    def run(self, times):
        return self.C.rtneural_run(self.self, ctypes.c_size_t(times))

    def difference(self):
        return relative(self.first_h, self.ours.first_h)


# ---- PyTorch -------------------------------------------------------------------------------------------------------

class Torch:
    """Whole networks in training and layers alone otherwise, as modules; cells without a module as TorchScript."""

    @staticmethod
    def find(_):
        try:
            import torch
        except ImportError:
            return []
        torch.set_num_threads(1)
        if "/blas/libblas.so" in open("/proc/self/maps").read():
            print("warning: PyTorch runs on the reference BLAS, which is very slow; "
                  "apt-get install libopenblas0-pthread")
        return [(torch.__version__.split("+")[0],)]

    def __init__(self, ours, version):
        import torch
        self.torch, self.ours, self.row = torch, ours, ours.row
        self.name = "PyTorch " + version
        row = ours.row
        if row.script:
            self.name = "TorchScript " + version
            self.script()
        else:
            self.modules()
        if row.kind == "STEP":
            self.outputs = []
            self.state = None
            for at in range(RING):
                with torch.inference_mode():
                    h, self.state = self.net(self.x[at], self.state)
                self.outputs.append(h.numpy().copy())
        else:
            self.run(3 if row.script else 1)    # TorchScript specialises in the first runs
            if row.kind == "GRAD":
                self.first = {name: p.grad.numpy().copy() for name, p in self.leaves.items()}
                self.first_loss = float(self.last)

    def modules(self):
        torch, row, weights = self.torch, self.row, self.ours.weights
        D, H, both = row.shape
        kind = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[row.cell]
        layers = len(row.layers) // (1 + both)
        net = self.net = kind(D, H, layers, bidirectional=bool(both))
        self.leaves, self.expected = {}, {}
        own = dict(net.named_parameters())
        for k, prefix in enumerate(row.layers):
            suffix = "_l0" + "_reverse" * k if both else f"_l{k}"
            for name, value in self.rows(weights, prefix).items():
                own[name + suffix].data[:] = torch.from_numpy(np.ascontiguousarray(value))
                self.leaves[name + suffix] = own[name + suffix]
            self.expected.update({n + suffix: v for n, v in self.rows(self.ours.first_grads, prefix).items()})
        x = torch.from_numpy(self.ours.x)
        if row.x[0]:
            x = x.long() if row.embedding else torch.nn.functional.one_hot(x.long(), row.x[1]).float()
        self.x = x.unsqueeze(1) if row.kind == "STEP" else x    # streaming: (T = 1, B, D) at a time
        self.y = torch.from_numpy(self.ours.y)
        self.dense = self.embedding = None
        if row.embedding:
            self.embedding = torch.nn.Parameter(torch.from_numpy(weights["e.W"].copy()))
            self.leaves["e.W"], self.expected["e.W"] = self.embedding, self.ours.first_grads["e.W"]
        if "p.dense.W" in weights:
            self.y = self.y.long().view(-1)
            self.dense = [torch.nn.Parameter(torch.from_numpy(weights["p.dense." + n].copy().squeeze())) for n in "Wb"]
            for n, p in zip("Wb", self.dense):
                self.leaves["p.dense." + n], self.expected["p.dense." + n] = p, self.ours.first_grads["p.dense." + n]

    def rows(self, tensors, prefix):
        U, W, b = stacked(tensors, prefix, self.row.cell, "torch")
        recurrent = b.copy() if tensors is self.ours.first_grads else np.zeros_like(b)    # gradients of both are equal
        if self.row.cell == "gru":
            recurrent[-1] = tensors[prefix + ".cn"][:, 0]
        return {"weight_ih": U.reshape(-1, U.shape[2]), "weight_hh": W.reshape(-1, W.shape[2]), "bias_ih": b.ravel(),
                "bias_hh": recurrent.ravel()}

    def script(self):
        torch, row = self.torch, self.row
        from torch_cells import CELLS
        self.cell, stacks = CELLS[row.script]
        self.x, self.y = torch.from_numpy(self.ours.x).requires_grad_(True), torch.from_numpy(self.ours.y)
        self.leaves, self.expected = {}, {}
        for number, names in enumerate(stacks):
            both = self.ours.weights, self.ours.first_grads
            value, grad = (np.concatenate([tensors[n] for n in names]).squeeze() for tensors in both)
            self.leaves[number] = torch.from_numpy(np.ascontiguousarray(value)).requires_grad_(True)
            self.expected[number] = grad

    def once(self):
        torch, row = self.torch, self.row
        if row.kind == "STEP":
            self.at = (getattr(self, "at", -1) + 1) % RING
            _, self.state = self.net(self.x[self.at], self.state)
            return
        if row.kind == "FORWARD":
            self.last = self.net(self.x)[0]
            return
        for p in self.leaves.values():
            p.grad = None
        if row.script:
            self.x.grad = None
            h = self.cell(self.x, *self.leaves.values())
        else:
            h = self.net(torch.nn.functional.embedding(self.x, self.embedding) if row.embedding else self.x)[0]
        if row.script or self.dense is None:
            self.last = (h * self.y).sum()
        else:
            logits = torch.nn.functional.linear(h.view(-1, h.shape[-1]), *self.dense)
            self.last = torch.nn.functional.cross_entropy(logits, self.y)
        self.last.backward()

    def run(self, times):
        with self.torch.inference_mode(self.row.kind != "GRAD"):
            start = time.process_time()
            for _ in range(times):
                self.once()
            return time.process_time() - start

    def difference(self):
        ours, row = self.ours, self.row
        if row.kind == "STEP":
            return relative(np.stack(self.outputs), ours.first_h)
        if row.kind == "FORWARD":
            return relative(self.last.numpy(), ours.first_h)
        worst = [relative(self.first[name], value) for name, value in self.expected.items()]
        scale = max(abs(ours.loss), 1)
        if row.script:
            x_grad = (self.x.grad * self.x).detach().numpy()
            worst.append(relative(x_grad.sum((0, 1)), ours.first_grads["s"], np.abs(x_grad).sum((0, 1)).max()))
        return max([abs(self.first_loss - ours.loss) / scale, *worst])


PEERS = {"onednn": OneDNN, "onnxruntime": OnnxRuntime, "rtneural": RTNeural, "torch": Torch}
