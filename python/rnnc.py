"""rnnc: recurrence equations, compiled in memory and called on NumPy arrays.

    import rnnc
    m = rnnc.compile(open("hello.rnn").read())
    loss, grads = m.grad(x=[[0, 1, 2], [2, 3, 0]], y=[[1, 2, 3], [3, 0, 1]])
    m.params["W"] -= 0.1 * grads["W"]
    p = m.forward(x=[[0, 1, 2]])["p"]

Arrays are laid out as in data files: (N, ...) without time, (N, T, ...) over one axis, (N, T, S, ...) over two, the
shape of the value last; axes in the order in which the model first declares them, that of `m.axes`. `lengths` gives the own length of each sequence; what lies beyond is not read, and 0 in outputs.
This module stands on rnnc.h and needs librnnc.so: beside this file, in ../build/lib or ../lib, where the system looks,
or where RNNC_LIBRARY says. Calls release the interpreter's lock, and any number of threads may call one model.
"""

import collections.abc
import ctypes
import inspect
import os
import weakref

import numpy

__all__ = ["compile", "compile_file", "version", "Model", "State", "Params", "Value", "Message", "Error", "SpecError"]

_AXES = 6                                       # RNNC_MAX_AXES
_REALS = {"float": numpy.float32, "double": numpy.float64}
_JITS = ["auto", "tcc", "cc", "none"]           # rnnc_jit
_KINDS = ["input", "target", "output", "param"]  # rnnc_kind
_STEP, _FORWARD, _LOSS, _GRAD = range(4)        # rnnc_entry
_NO_MEMORY, _BAD_SPEC = 5, 1                    # rnnc_status


# ---- rnnc.h ----------------------------------------------------------------------------------------------------------

class _Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("text", ctypes.c_char * 1024)]


class _Define(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("value", ctypes.c_char_p)]


_Load = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)


class _Options(ctypes.Structure):
    _fields_ = [("file", ctypes.c_char_p), ("model", ctypes.c_char_p), ("defines", ctypes.POINTER(_Define)),
                ("define_count", ctypes.c_size_t), ("data_size", ctypes.c_size_t), ("real", ctypes.c_int),
                ("jit", ctypes.c_int), ("max_sequences", ctypes.c_size_t), ("threads", ctypes.c_size_t),
                ("grad_of_evaluation", ctypes.c_bool), ("max_memory", ctypes.c_size_t), ("load", _Load), ("load_context", ctypes.c_void_p)]


class _Place(ctypes.Structure):
    _fields_ = [("file", ctypes.c_char_p), ("line", ctypes.c_uint), ("column", ctypes.c_uint),
                ("end_line", ctypes.c_uint), ("end_column", ctypes.c_uint)]


class _Note(ctypes.Structure):
    _fields_ = [("at", _Place), ("text", ctypes.c_char_p), ("hint", ctypes.c_bool)]


class _Message(ctypes.Structure):
    _fields_ = [("severity", ctypes.c_int), ("code", ctypes.c_char_p), ("text", ctypes.c_char_p), ("at", _Place),
                ("notes", ctypes.POINTER(_Note)), ("note_count", ctypes.c_size_t)]


class _Value(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("kind", ctypes.c_int), ("token", ctypes.c_bool),
                ("classes", ctypes.c_size_t), ("rank", ctypes.c_int), ("dims", ctypes.c_size_t * 2),
                ("components", ctypes.c_size_t), ("axes", ctypes.c_uint), ("offset", ctypes.c_size_t),
                ("of_targets", ctypes.c_bool)]


class _Call(ctypes.Structure):
    _fields_ = [("sequences", ctypes.c_size_t), ("steps", ctypes.c_size_t * _AXES),
                ("lengths", ctypes.c_void_p * _AXES), ("inputs", ctypes.POINTER(ctypes.c_void_p)),
                ("outputs", ctypes.POINTER(ctypes.c_void_p)), ("loss", ctypes.c_void_p), ("grads", ctypes.c_void_p),
                ("input_grads", ctypes.POINTER(ctypes.c_void_p)), ("state", ctypes.c_void_p),
                ("norms", ctypes.c_void_p), ("seed", ctypes.c_uint64), ("update", ctypes.c_uint64),
                ("first_sequence", ctypes.c_uint64)]


_P, _S, _Z = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
_E, _COUNT, _VALUES = ctypes.POINTER(_Error), ctypes.POINTER(_Z), ctypes.POINTER(_Value)
_FUNCTIONS = {
    "version": (_S,), "compile": (_P, _S, ctypes.POINTER(_Options)), "compile_file": (_P, _S, ctypes.POINTER(_Options)),
    "free": (None, _P), "status_of": (ctypes.c_int, _P), "error_of": (_S, _P), "message_count": (_Z, _P),
    "message_at": (ctypes.POINTER(_Message), _P, _Z), "report": (_S, _P), "inputs": (_VALUES, _P, _COUNT),
    "outputs": (_VALUES, _P, _COUNT), "params": (_VALUES, _P, _COUNT), "name": (_S, _P), "axes": (_Z, _P),
    "axis_name": (_S, _P, _Z), "max_sequences": (_Z, _P), "has": (ctypes.c_bool, _P, ctypes.c_int),
    "param_reals": (_Z, _P), "c_header": (_S, _P), "c_source": (_S, _P),
    "weights_new": (_P, _P, ctypes.c_uint64, _E), "weights_free": (None, _P),
    "weights_init": (None, _P, ctypes.c_uint64), "weights_data": (_P, _P), "weights_changed": (None, _P),
    "weights_load": (ctypes.c_int, _P, _S, _E), "weights_save": (ctypes.c_int, _P, _S, _E),
    "state_new": (_P, _P, _E), "state_free": (None, _P), "state_reset": (None, _P),
    "state_data": (_P, _P, _COUNT), "step": (ctypes.c_int, _P, _P, ctypes.POINTER(_Call), _E),
    "forward": (ctypes.c_int, _P, _P, ctypes.POINTER(_Call), _E),
    "loss": (ctypes.c_int, _P, _P, ctypes.POINTER(_Call), _E), "grad": (ctypes.c_int, _P, _P, ctypes.POINTER(_Call), _E),
}


def _open_library():
    here = os.path.dirname(os.path.abspath(__file__))
    places = [os.environ.get("RNNC_LIBRARY")] if os.environ.get("RNNC_LIBRARY") else \
        [os.path.join(here, at, "librnnc.so") for at in ("", "../build/lib", "../lib", "../../lib")] + ["librnnc.so.0"]
    for place in places:
        if os.path.exists(place) or "/" not in place:
            try:
                return ctypes.CDLL(place)
            except OSError as fault:
                why = fault
    if len(places) == 1:
        raise ImportError("RNNC_LIBRARY=%s: there is no such library" % places[0])
    raise ImportError("librnnc.so is not found (%s): build it with make, or set RNNC_LIBRARY to its path" % why)


def _bind(library):
    bound = {}
    for name, (result, *arguments) in _FUNCTIONS.items():
        function = getattr(library, "rnnc_" + name)
        function.restype, function.argtypes = result, arguments
        bound[name] = function
    return type("rnnc", (), {name: staticmethod(function) for name, function in bound.items()})


_lib = _bind(_open_library())


def version():
    """The version of the library, "0.1.0"."""
    return _lib.version().decode()


# ---- faults and messages ---------------------------------------------------------------------------------------------

class Error(Exception):
    """What a call of rnnc.h refused; `status` is its rnnc_status."""

    def __init__(self, text, status):
        super().__init__(text)
        self.status = status


class SpecError(Error):
    """The spec is wrong; the text is what `rnnc check` prints, `messages` the same as data."""

    def __init__(self, text, status, messages):
        super().__init__(text, status)
        self.messages = messages


Place = collections.namedtuple("Place", "file line column end_line end_column")
Note = collections.namedtuple("Note", "text at hint")
Message = collections.namedtuple("Message", "severity code text at notes")
Message.__doc__ = "severity: 'error' or 'warning'; code: its name in docs/errors.md; at: a Place or None; notes: Notes"


def _text(bytes_):
    return bytes_.decode("utf-8", "replace")


def _place(p):
    return Place(_text(p.file), p.line, p.column, p.end_line, p.end_column) if p.file else None


def _messages(handle):
    found = []
    for i in range(_lib.message_count(handle)):
        m = _lib.message_at(handle, i).contents
        notes = tuple(Note(_text(n.text), _place(n.at), n.hint) for n in m.notes[:m.note_count])
        found.append(Message("warning" if m.severity else "error", _text(m.code), _text(m.text), _place(m.at), notes))
    return found


def _check(status, error):
    if status:
        raise (MemoryError(_text(error.text)) if status == _NO_MEMORY else Error(_text(error.text), status))


# ---- compiling -------------------------------------------------------------------------------------------------------

def compile(text, *, file=None, seed=1, **options):
    """Compiles the text of a spec; `file` is what messages call it. No file is read.

    Options: model (which, where the spec has several), defines ({"H": 64, "C": "gru"}), data_size (for sizes
    `from data`), real ("float" or "double"), jit ("auto", "tcc", "cc" or "none"), batch (most sequences in a call, 256),
    threads (that a call computes in, with jit="cc"; 1), evaluation (True: gradients without dropout), memory (most bytes of compiling and of a call), use (a function from
    the path in `use "path"` to its text, or None). The parameters are drawn with `seed`.
    """
    if isinstance(text, str):
        text = text.encode()
    if not isinstance(text, bytes):
        raise TypeError("the spec is a text, not %s; compile_file() reads a file" % type(text).__name__)
    if b"\0" in text:
        raise ValueError("the text of the spec holds a NUL")
    return Model(_lib.compile, text, file, seed, **options)


def compile_file(path, *, seed=1, **options):
    """Compiles a file; the paths in `use "path"` are seen from its folder. Options as for compile()."""
    return Model(_lib.compile_file, os.fsencode(path), None, seed, **options)


def _bytes(text):
    encoded = None if text is None else str(text).encode()
    if encoded is not None and b"\0" in encoded:
        raise ValueError("%r holds a NUL" % text)
    return encoded


def _options(file, model=None, defines=None, data_size=0, real="float", jit="auto", batch=256, threads=1,
             evaluation=False, memory=0, use=None):
    if real not in _REALS or jit not in _JITS:
        raise ValueError("real is one of %s, jit one of %s" % (", ".join(_REALS), ", ".join(_JITS)))
    pairs = [(_bytes(k), _bytes(v)) for k, v in dict(defines or {}).items()]
    o = _Options(file=_bytes(file), model=_bytes(model), defines=(_Define * len(pairs))(*pairs),
                 define_count=len(pairs), data_size=data_size, real=list(_REALS).index(real), jit=_JITS.index(jit),
                 max_sequences=batch, threads=threads, grad_of_evaluation=evaluation, max_memory=memory)
    if use:
        texts = []     # alive until compiling has ended

        def load(_, path):
            try:
                found = _bytes(use(_text(path)))
            except Exception:
                found = None
            if found is None:
                return None
            texts.append(ctypes.create_string_buffer(found))
            return ctypes.addressof(texts[-1])
        o.load = _Load(load)
    return o


_OPTIONS = tuple(inspect.signature(_options).parameters)[1:]     # without `file`
_NO_USE = "compile() reads no files: give use=, a function from the path to its text, or call compile_file()\n"


class Value:
    """An input, target, output or parameter: name, kind, shape (of one row), axes ("b" is the batch), token, classes."""

    def __init__(self, v, axis_names):
        self.name, self.kind = _text(v.name), _KINDS[v.kind]
        self.shape = tuple(v.dims[:v.rank])
        self.axes = ("b",) * (v.axes & 1) + tuple(a for i, a in enumerate(axis_names) if v.axes & (2 << i))
        self.token, self.classes = v.token, v.classes if v.token else None
        self.of_targets = v.of_targets
        self._components, self._offset = v.components, v.offset
        self._times = [i for i in range(len(axis_names)) if v.axes & (2 << i)]

    def __repr__(self):
        what = "token(%d)" % self.classes if self.token else "real" + ("(%s)" % ", ".join(map(str, self.shape))
                                                                      if self.shape else "")
        over = " over " + ", ".join(self.axes) if self.axes else ""
        return "<%s %s : %s%s>" % (self.kind, self.name, what, over)

    def _extents(self, sequences, steps):
        return [sequences] * ("b" in self.axes) + [steps[i] for i in self._times]

    def _inward(self, array):
        """(N, T, ...) to [T][N][...]."""
        return numpy.moveaxis(array, 0, len(self._times)) if "b" in self.axes else array

    def _outward(self, array):
        return numpy.ascontiguousarray(numpy.moveaxis(array, len(self._times), 0) if "b" in self.axes else array)


class Params(collections.abc.Mapping):
    """The parameters by name: arrays in the memory of the model, so that changing one in place changes the model."""

    def __init__(self, model):
        self._model = model

    def __getitem__(self, name):
        return self._model._param(name)

    def __setitem__(self, name, value):
        array = self[name]
        value = numpy.asarray(value)
        if value.shape != array.shape:
            raise ValueError("'%s' has shape %s, not %s" % (name, array.shape, value.shape))
        array[...] = value

    def __iter__(self):
        return iter(self._model._by_name)

    def __len__(self):
        return len(self._model._by_name)

    def __repr__(self):
        return "{%s}" % ", ".join("%s: %s" % (v.name, v.shape) for v in self._model._by_name.values())


class State:
    """What one call leaves for the next part of the same sequences; of Model.state()."""

    def __init__(self, model):
        error = _Error()
        self.model = model
        self._handle = _lib.state_new(model._handle, error)
        if not self._handle:
            _check(error.status, error)
        weakref.finalize(self, _lib.state_free, self._handle)

    def reset(self):
        _lib.state_reset(self._handle)

    @property
    def data(self):
        """Its bytes, as an array in its memory: copy it to keep it, write into it to put it back."""
        count = _Z()
        at = _lib.state_data(self._handle, count)
        return _in_memory(self, at, count.value, numpy.uint8)


class _Memory:
    """Memory of a handle as an array that keeps its owner alive."""

    def __init__(self, owner, address, shape, dtype):
        self.owner = owner
        self.__array_interface__ = {"version": 3, "data": (address, False), "shape": shape,
                                    "typestr": numpy.dtype(dtype).str}


def _in_memory(owner, address, count, dtype, shape=None):
    return numpy.asarray(_Memory(owner, address, shape if shape is not None else (count,), dtype))


class Model:
    """A compiled spec and its weights: params, inputs, outputs, messages; forward, loss, grad, step."""

    def __init__(self, function, text, file, seed, **options):
        unknown = set(options) - set(_OPTIONS)
        if unknown:
            raise TypeError("compile has no option '%s'; there are seed, %s" % (min(unknown), ", ".join(_OPTIONS)))
        o = _options(file, **options)
        self._handle = _lib_handle = function(text, o)
        if not _lib_handle:
            raise MemoryError("no memory for a model")
        weakref.finalize(self, _lib.free, _lib_handle)
        status = _lib.status_of(_lib_handle)
        self.messages = _messages(_lib_handle)
        self.report = _text(_lib.report(_lib_handle))
        if status == _BAD_SPEC:
            lacks_use = function is _lib.compile and not options.get("use") and any(m.code == "cannot-use" for m in self.messages)
            raise SpecError(self.report + _NO_USE * lacks_use, status, self.messages)
        if status:
            _check(status, _Error(status, _lib.error_of(_lib_handle)[:1023]))
        self.real = list(_REALS.values())[o.real]
        self._describe()
        self._weights = None
        self._lent = weakref.WeakSet()     # memory of parameters that a caller may write to
        if o.jit != _JITS.index("none"):
            error = _Error()
            self._weights = _lib.weights_new(_lib_handle, seed, error)
            _check(error.status, error)
            weakref.finalize(self, _lib.weights_free, self._weights)

    def _describe(self):
        def values(function):
            count = _Z()
            found = function(self._handle, count)
            return [Value(found[i], self.axes) for i in range(count.value)]
        self.name = _text(_lib.name(self._handle))
        self.axes = tuple(_text(_lib.axis_name(self._handle, i)) for i in range(_lib.axes(self._handle)))
        self.inputs, self.outputs = values(_lib.inputs), values(_lib.outputs)
        self._by_name = {v.name: v for v in values(_lib.params)}
        self.batch = _lib.max_sequences(self._handle)
        self.has_step, self.has_loss = _lib.has(self._handle, _STEP), _lib.has(self._handle, _LOSS)

    def __repr__(self):
        return "<rnnc model %s: %d parameters in %d arrays>" % (self.name, _lib.param_reals(self._handle),
                                                               len(self._by_name))

    @property
    def c_source(self):
        """The generated C, as `rnnc build --standalone` writes it."""
        return _text(_lib.c_source(self._handle))

    @property
    def c_header(self):
        return _text(_lib.c_header(self._handle))

    # ---- weights

    def _need_weights(self):
        if not self._weights:
            raise Error("the model was compiled with jit='none': it has no code", 2)
        return self._weights

    def _param(self, name):
        value, at = self._by_name[name], _lib.weights_data(self._need_weights())
        memory = _Memory(self, at + value._offset * numpy.dtype(self.real).itemsize, value.shape, self.real)
        self._lent.add(memory)
        _lib.weights_changed(self._weights)
        return numpy.asarray(memory)

    @property
    def params(self):
        return Params(self)

    @params.setter
    def params(self, values):
        unknown = set(values) - set(self._by_name)
        if unknown:
            raise KeyError("the model has no parameter %s" % ", ".join(sorted(unknown)))
        for name in values:
            self.params[name] = values[name]

    def init(self, seed=1):
        """Draws the parameters again."""
        _lib.weights_init(self._need_weights(), seed)

    def load(self, path):
        """Parameters from a safetensors file."""
        error = _Error()
        _check(_lib.weights_load(self._need_weights(), os.fsencode(path), error), error)

    def save(self, path):
        error = _Error()
        _check(_lib.weights_save(self._need_weights(), os.fsencode(path), error), error)

    def state(self):
        """A state at the start of new sequences."""
        self._need_weights()
        return State(self)

    # ---- calls

    def forward(self, *, lengths=None, steps=None, state=None, **arrays):
        """Outputs by name, for all steps; those that depend on targets come from loss(outputs=True)."""
        call = _Running(self, arrays, lengths, steps, state, targets=not self.has_loss)
        call.want_outputs(of_targets=False)
        call.run(_lib.forward)
        return call.results()

    def step(self, state=None, **arrays):
        """Outputs of one step by name; the arrays are those of the step, without time."""
        known = {v.name: v for v in self.inputs}
        arrays = {name: _with_steps(known[name], a) if name in known else a for name, a in arrays.items()}
        call = _Running(self, arrays, None, 1, state, targets=not self.has_loss)
        call.want_outputs(of_targets=False)
        call.run(_lib.step)
        return {v.name: _without_steps(v, a) for v, a in zip(self.outputs, call.results(by_name=False)) if a is not None}

    def loss(self, *, lengths=None, steps=None, state=None, outputs=False, **arrays):
        """The loss; with outputs=True the loss and all outputs by name."""
        call = _Running(self, arrays, lengths, steps, state, targets=True)
        if outputs:
            call.want_outputs(of_targets=True)
        loss = call.want_loss()
        call.run(_lib.loss)
        return (float(loss[0]), call.results()) if outputs else float(loss[0])

    def grad(self, *, lengths=None, steps=None, state=None, inputs=False, seed=1, update=0, into=None, **arrays):
        """The loss and its gradient by every parameter, by name; with inputs=True three values: loss, gradients by
        parameter, gradients by real input.

        seed, update: of random masks. into: gradients of earlier calls, which these are added to.
        """
        call = _Running(self, arrays, lengths, steps, state, targets=True)
        loss, flat = call.want_loss(), numpy.zeros(_lib.param_reals(self._handle), self.real)
        call.c.grads, call.c.seed, call.c.update = flat.ctypes.data, seed, update
        by_input = call.want_input_grads() if inputs else None
        call.run(_lib.grad)
        grads = {}
        for v in self._by_name.values():
            grads[v.name] = flat[v._offset:v._offset + v._components].reshape(v.shape)
            if into is not None:
                grads[v.name] = grads[v.name] + into[v.name]
        return (float(loss[0]), grads, call.input_grads(by_input)) if inputs else (float(loss[0]), grads)


def _with_steps(value, array):
    """A row without time as one of a single step."""
    array = numpy.asarray(array)
    batch = "b" in value.axes
    if array.ndim != batch + len(value.shape) or array.shape[batch:] != value.shape:
        letters = ["N"] * batch + [str(n) for n in value.shape]
        raise ValueError("'%s' has shape %s, expected (%s): a step has no time" % (value.name, array.shape,
                                                                                  ", ".join(letters)))
    for _ in value._times:
        array = numpy.expand_dims(array, 1 if "b" in value.axes and array.ndim else 0)
    return array


def _without_steps(value, array):
    first = 1 if "b" in value.axes else 0
    return array.reshape(array.shape[:first] + array.shape[first + len(value._times):])


class _Running:
    """One call: arrays in the layout of rnnc.h, kept alive, and back."""

    def __init__(self, model, arrays, lengths, steps, state, targets):
        model._need_weights()
        self.model, self.c, self.kept = model, _Call(), []
        self.steps, self.sequences = [0] * len(model.axes), None
        self.wanted = [v for v in model.inputs if targets or v.kind == "input"]
        self._read_steps(steps)
        given = self._read_arrays(arrays)
        self.sequences = 1 if self.sequences is None else self.sequences
        for i, n in enumerate(self.steps):
            if n == 0 and any(i in v._times for v in model.inputs + model.outputs):
                raise ValueError("no array has the axis %s: say steps={'%s': ...}" % (model.axes[i], model.axes[i]))
            self.c.steps[i] = self.steps[i] = n or 1
        self.c.sequences = self.sequences
        self._read_lengths(lengths)
        pointers = [given[v.name].ctypes.data if v.name in given else None for v in model.inputs]
        self.c.inputs = self._pointers(pointers)
        if state is not None:
            if not isinstance(state, State) or state.model is not model:
                raise ValueError("state is not one of this model's")
            self.c.state = state._handle

    def _pointers(self, addresses):
        array = (ctypes.c_void_p * max(len(addresses), 1))(*addresses)
        self.kept.append(array)
        return array

    def _read_steps(self, steps):
        for i, name in enumerate(self.model.axes):
            self.steps[i] = steps.get(name, 0) if isinstance(steps, dict) else steps or 0

    def _read_arrays(self, arrays):
        known, given = {v.name: v for v in self.wanted}, {}
        for name in arrays:
            if name not in known:
                raise TypeError("there is no input '%s' here; there are %s" % (name, ", ".join(known) or "none"))
        for value in self.wanted:
            if value.name not in arrays:
                raise TypeError("the %s '%s' is missing" % (value.kind, value.name))
            array = numpy.asarray(arrays[value.name])
            extents = self._extents(value, array)
            if value.token:
                array = self._tokens(value, array)
            array = array.reshape(tuple(extents) + value.shape)
            given[value.name] = numpy.ascontiguousarray(value._inward(array), numpy.int32 if value.token
                                                        else self.model.real)
        self.kept.append(given)
        return given

    def _extents(self, value, array):
        """Sequences and steps of an array, held against those of the others."""
        rank = len(value.axes)
        if array.ndim != rank + len(value.shape) or array.shape[rank:] != value.shape:
            letters = ["N" if a == "b" else a.upper() for a in value.axes] + [str(n) for n in value.shape]
            raise ValueError("'%s' has shape %s, expected (%s)" % (value.name, array.shape, ", ".join(letters)))
        extents = list(array.shape[:rank])
        if "b" in value.axes:
            if self.sequences not in (None, extents[0]):
                raise ValueError("'%s' has %d sequences, others have %d" % (value.name, extents[0], self.sequences))
            self.sequences = extents[0]
        for i, n in zip(value._times, extents["b" in value.axes:]):
            if self.steps[i] not in (0, n):
                raise ValueError("'%s' has %d steps of %s, others have %d" % (value.name, n, self.model.axes[i],
                                                                            self.steps[i]))
            self.steps[i] = n
        return extents

    @staticmethod
    def _tokens(value, array):
        if array.dtype.kind not in "iub":
            raise TypeError("'%s' is a token: whole numbers below %d, not %s" % (value.name, value.classes, array.dtype))
        return numpy.clip(array.astype(numpy.int64, copy=False), -2**31, 2**31 - 1)

    def _read_lengths(self, lengths):
        if lengths is None:
            return
        if not isinstance(lengths, dict):
            if len(self.model.axes) != 1:
                raise ValueError("lengths is a dict: one array for each of %s" % ", ".join(self.model.axes))
            lengths = {self.model.axes[0]: lengths}
        for name, array in lengths.items():
            if name not in self.model.axes:
                raise ValueError("there is no axis '%s'" % name)
            array = numpy.asarray(array)
            if array.dtype.kind not in "iu" or array.shape != (self.sequences,):
                raise ValueError("lengths of %s are %d whole numbers" % (name, self.sequences))
            array = numpy.ascontiguousarray(numpy.clip(array, -1, 2**31 - 1), numpy.int32)
            self.kept.append(array)
            self.c.lengths[self.model.axes.index(name)] = array.ctypes.data

    def want_outputs(self, of_targets):
        m = self.model
        self.outputs = [None if v.of_targets and not of_targets else self._empty(v) for v in m.outputs]
        self.c.outputs = self._pointers([None if a is None else a.ctypes.data for a in self.outputs])

    def _empty(self, value):
        shape = [self.steps[i] for i in value._times] + [self.sequences] * ("b" in value.axes) + list(value.shape)
        return numpy.zeros(shape, self.model.real)

    def want_loss(self):
        loss = numpy.zeros(1, self.model.real)
        self.kept.append(loss)
        self.c.loss = loss.ctypes.data
        return loss

    def want_input_grads(self):
        arrays = [self._empty(v) if v.kind == "input" and not v.token else None for v in self.model.inputs]
        self.c.input_grads = self._pointers([None if a is None else a.ctypes.data for a in arrays])
        return arrays

    def input_grads(self, arrays):
        return {v.name: v._outward(a) for v, a in zip(self.model.inputs, arrays) if a is not None}

    def run(self, function):
        if len(self.model._lent):     # somebody holds an array of parameters, and may have written to it
            _lib.weights_changed(self.model._weights)
        error = _Error()
        _check(function(self.model._handle, self.model._weights, self.c, error), error)

    def results(self, by_name=True):
        found = [None if a is None else v._outward(a) for v, a in zip(self.model.outputs, self.outputs)]
        return {v.name: a for v, a in zip(self.model.outputs, found) if a is not None} if by_name else found
