"""test.py RNNC ROOT: python/rnnc.py against the program, and what it says of wrong arrays. In an empty folder."""
import json
import subprocess
import sys
import threading

import numpy

rnnc_program, root = sys.argv[1:3]
sys.path.insert(0, root + "/python")
import rnnc  # noqa: E402

passed = failed = 0


def expect(good, what):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print("python:", what)


def raises(kind, words, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
        expect(False, "%s: nothing is raised" % words)
    except kind as error:
        expect(words in str(error), "%s: %s" % (words, error))


def safetensors(path):
    data = open(path, "rb").read()
    n = int.from_bytes(data[:8], "little")
    types = {"F32": "<f4", "F64": "<f8"}
    return {k: numpy.frombuffer(data[8 + n:][slice(*v["data_offsets"])], types[v["dtype"]]).reshape(v["shape"])
            for k, v in json.loads(data[8:8 + n]).items() if k != "__metadata__"}


def draw(value, sequences, steps, random):
    shape = [sequences if a == "b" else steps[a] for a in value.axes] + list(value.shape)
    return random.integers(0, value.classes, shape) if value.token else random.standard_normal(shape)


def against_program(spec, defines, real):
    """Outputs, loss and all gradients are those of `rnnc run`."""
    what = "%s in %s" % (spec, real)
    m = rnnc.compile_file(root + "/specs/models/" + spec, defines=defines, real=real, evaluation=True)
    random, steps = numpy.random.default_rng(3), {a: 4 + i for i, a in enumerate(m.axes)}
    arrays = {v.name: draw(v, 3, steps, random) for v in m.inputs}
    lengths = {a: random.integers(1, n + 1, 3) for a, n in steps.items()}
    for a in lengths:
        lengths[a][0] = steps[a]
    files = dict(arrays)
    for v in m.inputs:
        own = [lengths[a] for a in v.axes if a != "b"]
        if own:
            files[v.name + "_lengths"] = own[0] if len(own) == 1 else numpy.stack(own, 1)
    numpy.savez("D.npz", **files)
    run = subprocess.run([rnnc_program, "run", root + "/specs/models/" + spec, "--init", "1", "--data", "D.npz", "-o",
                          "O.npz", "--grad", "G.safetensors", "--real", real, "--jit", "tcc"] +
                         sum((["-D", "%s=%s" % d] for d in defines.items()), []), capture_output=True, text=True)
    expect(run.returncode == 0, what + ": " + run.stderr)
    wanted, wanted_grads = numpy.load("O.npz"), safetensors("G.safetensors")
    loss, grads, by_input = m.grad(lengths=lengths, inputs=True, **arrays)
    loss_too, outputs = m.loss(lengths=lengths, outputs=True, **arrays)
    close = 1e-5 if real == "float" else 1e-12

    def same(a, b):
        return a.shape == b.shape and numpy.allclose(a, b, rtol=close, atol=close)
    expect(abs(loss - wanted["loss"]) < close * max(1, abs(loss)) and abs(loss - loss_too) < close, what + ": loss")
    expect(set(outputs) == set(wanted.files) - {"loss"}, what + ": outputs %s" % list(outputs))
    for name in outputs:
        expect(same(outputs[name], wanted[name]), "%s: output %s" % (what, name))
    grads.update({"input." + name: g for name, g in by_input.items()})
    expect(set(grads) == set(wanted_grads), what + ": gradients %s" % list(grads))
    for name in grads:
        expect(same(grads[name], wanted_grads[name]), "%s: gradient %s" % (what, name))
    forward = m.forward(lengths=lengths, **{v.name: arrays[v.name] for v in m.inputs if v.kind == "input"})
    for name in forward:
        expect(same(forward[name], outputs[name]), "%s: forward %s" % (what, name))


for real in "float", "double":
    against_program("hello.rnn", {}, real)
    against_program("char_lm.rnn", {"V": 11, "H": 7, "E": 3}, real)
    against_program("attention.rnn", {"V": 9, "W": 8, "H": 5}, real)
    against_program("tiny_lstm.rnn", {}, real)
    against_program("sine.rnn", {}, real)

# ---- a model in use

text = open(root + "/specs/models/hello.rnn").read()
x, y = numpy.array([[0, 1, 2], [2, 3, 0]]), numpy.array([[1, 2, 3], [3, 0, 1]])
m = rnnc.compile(text, file="hello.rnn")
first = m.loss(x=x, y=y)
for _ in range(100):
    loss, grads = m.grad(x=x, y=y)
    for name in m.params:
        m.params[name] -= 0.5 * grads[name]
expect(loss < 0.1 * first and (m.forward(x=x)["p"].argmax(-1) == y).all(), "it does not learn: %g to %g" % (first, loss))
state = m.state()
steps = numpy.stack([m.step(state, x=x[:, t])["p"] for t in range(3)], 1)
expect(numpy.array_equal(steps, m.forward(x=x)["p"]), "steps are not forward")
kept = state.data.copy()
after = m.step(state, x=x[:, 0])["p"]
state.data[:] = kept
expect(numpy.array_equal(after, m.step(state, x=x[:, 0])["p"]), "a state that is put back")
raises(rnnc.Error, "the state is that of 2 sequences, the call has 1", m.step, state, x=[0])
expect(numpy.array_equal(m.step(state, x=x[:, 1])["p"].shape, (2, 4)), "a state after a call that it refused")
state.reset()
expect(numpy.array_equal(m.step(state, x=x[:, 0])["p"], steps[:, 0]), "a state that is reset")
state.reset()
expect(numpy.array_equal(m.step(state, x=x[:1, 0])["p"], steps[:1, 0]), "a state that is reset, for another batch")

part = m.params["W"][2:3]            # a view of a view, written to later
before = m.loss(x=x, y=y)
part += 1
expect(m.loss(x=x, y=y) != before, "a parameter that is changed in place")
m.save("w.safetensors")
kept = {name: m.params[name].copy() for name in m.params}
m.init(7)
expect(m.loss(x=x, y=y) != before, "another seed")
m.load("w.safetensors")
expect(all(numpy.array_equal(kept[name], m.params[name]) for name in kept), "weights from a file")
m.init(7)
m.params = kept
expect(all(numpy.array_equal(kept[name], m.params[name]) for name in kept), "weights from a dict")
expect("int hello_grad(" in m.c_source and "#define HELLO_PARAMS 140" in m.c_header, "the C")
_, twice = m.grad(x=x, y=y, into=m.grad(x=x, y=y)[1])
expect(numpy.allclose(twice["W"], 2 * m.grad(x=x, y=y)[1]["W"]), "gradients are added up")

# ---- faults

raises(rnnc.SpecError, "[shape-mismatch]", rnnc.compile, open(root + "/tests/bad/shape_mismatch.rnn").read())
try:
    rnnc.compile("model m {\n    a = b\n    output a\n}\n", file="x.rnn")
except rnnc.SpecError as error:
    at = error.messages[0].at
    expect((at.file, at.line, at.column, error.messages[0].code) == ("x.rnn", 2, 9, "unknown-name"), str(error.messages))
raises(rnnc.Error, "'x': 9 in sequence 0, row 2", m.grad, x=[[0, 1, 9]], y=[[0, 0, 0]])
raises(rnnc.Error, "257 sequences", m.forward, x=numpy.zeros((257, 1), int))
raises(rnnc.Error, "has 2 steps of t; there are 1", m.forward, x=[[0]], lengths=[2])
raises(TypeError, "'y' is missing", m.grad, x=x)
raises(TypeError, "no input 'z'", m.grad, x=x, y=y, z=x)
raises(TypeError, "whole numbers", m.forward, x=[[0.5]])
raises(ValueError, "expected (N, T)", m.forward, x=[0])
raises(ValueError, "'x' has shape (1, 3), expected (N): a step has no time", m.step, x=[[0, 1, 2]])
raises(TypeError, "the spec is a text, not PosixPath", rnnc.compile, __import__("pathlib").Path("hello.rnn"))
raises(ValueError, "has 2 steps of t", m.loss, x=[[0, 1, 2]], y=[[0, 1]])
raises(ValueError, "lengths of t", m.forward, x=x, lengths=[1])
raises(ValueError, "'W' has shape", m.params.__setitem__, "W", 3)
raises(KeyError, "nothing", m.params.__getitem__, "nothing")
raises(rnnc.Error, "no such folder/w", m.save, "no such folder/w")
raises(MemoryError, "", rnnc.compile, text, memory=1000)
raises(rnnc.Error, "jit='none'", rnnc.compile(text, jit="none").forward, x=x)
raises(rnnc.SpecError, "cannot-use", rnnc.compile, 'use "cell.rnn"\n' + text)
raises(rnnc.SpecError, "or call compile_file()", rnnc.compile, 'use "cell.rnn"\n' + text)
raises(TypeError, "compile has no option 'sizes'; there are seed, model, defines", rnnc.compile, text, sizes={})
used = []
rnnc.compile('use "cell.rnn"\n' + text, use=lambda path: used.append(path) or "cell c(x(D)) -> y { y = x }\n")
expect(used == ["cell.rnn"], "the text of use: %s" % used)

# ---- gradients at a kink

smooth = rnnc.compile("model s { input x[t] : real\ny = elu(x) + softplus(x)\nloss total y }")
kink = smooth.grad(x=[[0, 100, -100]], inputs=True)[2]["x"]
expect(numpy.allclose(kink, [[1.5, 2, 0]]), "elu and softplus at 0, 100, -100: %s" % kink)

# ---- what is not a number stays visible

ends = rnnc.compile("model e { input x[t] : real(2)\na = max(x over t)\nb = min(x over t)\nc = max(x)\noutput a, b, c }")
for step in range(3):
    x3 = numpy.ones((1, 3, 2))
    x3[0, step, 1] = numpy.nan
    found = ends.forward(x=x3)
    expect(all(numpy.isnan(found[k]).sum() == 1 for k in "abc"), "NaN at step %d: %s" % (step, found))

# ---- threads and lifetimes

wide = "model w { size H = 64\ninput x[t] : real(H)\ntarget y[t] : real(H)\nh = lstm(x, H)\nloss mean_square(h, y) }"
a, b = (numpy.random.default_rng(k).normal(size=(8, 10, 64)) for k in (1, 2))
one = rnnc.compile(wide, jit="cc").grad(x=a, y=b)
try:
    two = rnnc.compile(wide, jit="cc", threads=2).grad(x=a, y=b)
    expect(abs(one[0] - two[0]) < 1e-5 * one[0], "loss in two threads: %r, %r" % (one[0], two[0]))
    expect(all(numpy.allclose(one[1][k], two[1][k], atol=1e-6) for k in one[1]), "gradients in two threads")
    expect(any((one[1][k] != two[1][k]).any() for k in one[1]), "two threads are one")
except rnnc.Error as error:
    expect("omp" in str(error), "threads: %s" % error)      # a compiler without OpenMP

losses = []


def work():
    own = rnnc.compile(text)
    losses.extend((own.loss(x=x, y=y), m.loss(x=x, y=y)) for _ in range(20))


threads = [threading.Thread(target=work) for _ in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
expect(len(losses) == 80 and len(set(losses)) == 1, "threads disagree")
w = rnnc.compile(text).params["W"]      # an array outlives the names of its model
expect(numpy.isfinite(w).all() and w.shape == (8, 8), "an array whose model has no name")
print("%d %d" % (passed, failed))
sys.exit(failed != 0)
