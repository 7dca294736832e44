"""train_step.py: a training step of bench/c1.rnn beside PyTorch: forward, full backpropagation through time and all
gradients, float, one thread each, the same weights and data. Loss and gradients must agree before anything is timed.

The two take turns; the median over the rounds counts.

Usage: train_step.py RNNC FOLDER [ROUNDS]. RNNC writes the C and CC (default cc) compiles it, in FOLDER."""
import os
import subprocess
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"    # before numpy and torch are loaded
sys.dont_write_bytecode = True
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here + "/../tests/torch")
try:
    import ctypes
    import numpy as np
    import torch
    from weights import weights_and_gradients
except ImportError as error:
    sys.exit(f"{error}\nthe peer is PyTorch: apt-get install python3-torch python3-numpy libopenblas0-pthread")

V, H, B, T = 65, 128, 50, 50
STEPS = 5    # a round
BOUND = 1e-4    # of the largest gradient


class Param(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("rows", ctypes.c_size_t), ("columns", ctypes.c_size_t),
                ("offset", ctypes.c_size_t)]


def build(rnnc, folder):
    """The step as a function, and its table of parameters."""
    sizes = ["--batch", str(B), "--steps", str(T)]
    subprocess.run([rnnc, "build", here + "/c1.rnn", "--standalone", *sizes, "-o", folder], check=True)
    flags = ["-O3", "-march=native", "-shared", "-fPIC", "-I" + folder]
    sources = [here + "/train_step.c", folder + "/c1.c", "-lm"]
    subprocess.run([*os.environ.get("CC", "cc").split(), *flags, *sources, "-o", folder + "/c1.so"], check=True)
    library = ctypes.CDLL(os.path.abspath(folder + "/c1.so"))
    library.c1_param_table.restype = ctypes.POINTER(Param)
    count = ctypes.c_int.in_dll(library, "param_count").value
    return library.train_step, library.c1_param_table()[:count]


def median_and_spread(times):
    return f"{1e3 * np.median(times):8.2f} ms   ({1e3 * min(times):.2f} to {1e3 * max(times):.2f})"


def main():
    rnnc, folder, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 11
    os.makedirs(folder, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(1)
    tokens = torch.randint(V, (T + 1, B))
    x, y = tokens[:-1], tokens[1:]
    onehot = torch.nn.functional.one_hot(x, V).float()    # not timed
    layers = [torch.nn.LSTM(V, H), torch.nn.LSTM(H, H)]
    dense = torch.nn.Linear(H, V)
    stack = torch.nn.LSTM(V, H, 2)    # both layers in one module, which is the faster way
    for k, layer in enumerate(layers):
        for name, p in list(layer.named_parameters()):
            setattr(layer, name, getattr(stack, name[:-1] + str(k)))

    def torch_step():
        for p in (*stack.parameters(), *dense.parameters()):
            p.grad = None
        logits = dense(stack(onehot)[0])
        loss = torch.nn.functional.cross_entropy(logits.view(-1, V), y.reshape(-1))
        loss.backward()
        return float(loss)

    expected = torch_step()
    step, table = build(rnnc, folder)
    weights, gradients = weights_and_gradients({"h1": layers[0], "h2": layers[1], "p.dense": dense})
    size = sum(entry.rows * entry.columns for entry in table)
    params, grads, loss = np.zeros(size, "f4"), np.zeros(size, "f4"), np.zeros(1, "f4")
    tokens_x, tokens_y = np.array(x, "i4"), np.array(y, "i4")
    for entry in table:
        w = np.array(weights[entry.name.decode()], "f4").ravel()
        params[entry.offset:entry.offset + w.size] = w

    def rnnc_step():
        arrays = (params, tokens_x, tokens_y, loss, grads)
        if step(*(ctypes.c_void_p(a.ctypes.data) for a in arrays)):
            sys.exit("c1_grad refused its arguments")
        return float(loss[0])

    worst = abs(rnnc_step() - expected)
    largest = max(float(g.abs().max()) for each in gradients.values() for g in each)
    for entry in table:
        for g in gradients[entry.name.decode()]:
            g = np.array(g).ravel()
            worst = max(worst, float(np.abs(grads[entry.offset:entry.offset + g.size] - g).max()) / largest)
    print(f"two LSTM layers of {H}, vocabulary {V}, batch {B}, {T} steps: forward and backward, float, one thread")
    print(f"loss and gradients agree to {worst:.1e}")
    if not worst <= BOUND:
        sys.exit(f"that is more than {BOUND}: nothing is timed")

    times = {rnnc_step: [], torch_step: []}
    for _ in range(rounds):
        for each in times:
            each()    # the caches are its own again
            start = time.perf_counter()
            for _ in range(STEPS):
                each()
            times[each].append((time.perf_counter() - start) / STEPS)
    ours, theirs = times[rnnc_step], times[torch_step]
    ratios = np.array(theirs) / np.array(ours)
    print(f"{rounds} rounds of {STEPS} steps, taking turns; median (least to most)")
    print("rnnc    " + median_and_spread(ours))
    print("PyTorch " + median_and_spread(theirs))
    ratio = np.median(theirs) / np.median(ours)
    print(f"ratio   {ratio:8.2f}      ({ratios.min():.2f} to {ratios.max():.2f}): PyTorch's time over rnnc's")
    if "/blas/libblas.so" in open("/proc/self/maps").read():
        print("warning: PyTorch runs on the reference BLAS, which is very slow, so the ratio says nothing; "
              "apt-get install libopenblas0-pthread")


main()
