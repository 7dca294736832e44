"""ONNX Runtime through its C interface: Debian has no Python package of it, npm's onnxruntime-node brings the library.

It is looked for in $ORT_ROOT, then in build/bench, where `make bench-deps` puts it. The interface is a table of
functions whose places never change, so no header is needed."""
import ctypes
import glob
import os

import numpy as np

from harness import note, root

VERSION, WARNING, CPU_ARENA, DEFAULT_MEMORY = 12, 2, 1, 0
# Places in OrtApi, in the order of onnxruntime_c_api.h.
ERROR_MESSAGE, CREATE_ENV, SESSION_FROM_ARRAY, RUN, CREATE_OPTIONS, INTRA_THREADS = 2, 3, 8, 9, 10, 24
TENSOR_OVER_DATA, TENSOR_DATA, DIMENSIONS_COUNT, DIMENSIONS, SHAPE_OF, CPU_MEMORY = 49, 51, 61, 62, 65, 69
TYPES = {np.dtype("f4"): 1, np.dtype("i4"): 6, np.dtype("i8"): 7}
void = ctypes.c_void_p


class Base(ctypes.Structure):
    _fields_ = [("api", ctypes.CFUNCTYPE(void, ctypes.c_uint32)), ("version", ctypes.CFUNCTYPE(ctypes.c_char_p))]


def library():
    """Its path; None: it is not here."""
    machine = {"aarch64": "arm64"}.get(os.uname().machine, "x64")
    for folder in filter(None, (os.environ.get("ORT_ROOT"), os.environ.get("BUILD", root + "/build") + "/bench",
                                root + "/build/bench")):
        for place in (f"/node_modules/onnxruntime-node/bin/*/linux/{machine}", "/lib", ""):
            found = sorted(glob.glob(folder + place + "/libonnxruntime.so*"))
            if found:
                return found[-1]
    return None


class Runtime:
    def __init__(self, path):
        library = ctypes.CDLL(path)
        library.OrtGetApiBase.restype = ctypes.POINTER(Base)
        base = library.OrtGetApiBase().contents
        self.version = base.version().decode()
        self.table = ctypes.cast(base.api(VERSION), ctypes.POINTER(void))
        self.env, self.options, self.memory = void(), void(), void()
        self.call(CREATE_ENV, WARNING, b"rnnc", ctypes.byref(self.env))
        self.call(CREATE_OPTIONS, ctypes.byref(self.options))
        self.call(INTRA_THREADS, self.options, 1)
        self.call(CPU_MEMORY, CPU_ARENA, DEFAULT_MEMORY, ctypes.byref(self.memory))

    def call(self, place, *arguments):
        status = ctypes.CFUNCTYPE(void)(self.table[place])(*arguments)
        if status:
            message = ctypes.CFUNCTYPE(ctypes.c_char_p, void)(self.table[ERROR_MESSAGE])
            raise RuntimeError(message(status).decode())

    def tensor(self, a):
        dims, made = (ctypes.c_int64 * max(a.ndim, 1))(*a.shape), void()
        self.call(TENSOR_OVER_DATA, self.memory, void(a.ctypes.data), ctypes.c_size_t(a.nbytes), dims,
                  ctypes.c_size_t(a.ndim), TYPES[a.dtype], ctypes.byref(made))
        return made

    def array(self, value):
        data, info, rank = ctypes.POINTER(ctypes.c_float)(), void(), ctypes.c_size_t()
        self.call(TENSOR_DATA, value, ctypes.byref(data))
        self.call(SHAPE_OF, value, ctypes.byref(info))
        self.call(DIMENSIONS_COUNT, info, ctypes.byref(rank))
        dims = (ctypes.c_int64 * max(rank.value, 1))()
        self.call(DIMENSIONS, info, dims, rank)
        shape = list(dims)[:rank.value]
        return np.ctypeslib.as_array(data, (int(np.prod(shape)),)).reshape(shape).copy()

    def run(self, path, inputs, outputs):
        """What the model of a file makes of arrays: its outputs, which are floats, by these names."""
        model, session = open(path, "rb").read(), void()
        self.call(SESSION_FROM_ARRAY, self.env, model, ctypes.c_size_t(len(model)), self.options, ctypes.byref(session))
        arrays = [np.ascontiguousarray(a) for a in inputs.values()]
        fed, made = (void * len(arrays))(*[self.tensor(a) for a in arrays]), (void * len(outputs))()

        def names(words):
            return (ctypes.c_char_p * len(words))(*[word.encode() for word in words])

        self.call(RUN, session, None, names(inputs), fed, ctypes.c_size_t(len(arrays)), names(outputs),
                  ctypes.c_size_t(len(outputs)), made)
        return {word: self.array(void(value)) for word, value in zip(outputs, made)}


def start():
    """A Runtime, or None; says which."""
    found = library()
    runtime = Runtime(found) if found else None
    note(f"with ONNX Runtime {runtime.version}" if found else
         "without ONNX Runtime, which is not here (make bench-deps, or ORT_ROOT)")
    return runtime
