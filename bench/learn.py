"""learn.py RNNC FOLDER [ROW ...]: what models of specs/models learn, each from data that `rnnc data` makes.

For each row and each of the seeds 0, 1, 2 data are made, the spec is trained by its own `train { }`, and the weights that
were best on the held-out tenth are measured on data of another seed, which the training has not seen. The table says what
must be reached, what was, by seed, and the processor time of the longest run. A row fails that does not reach its figure,
or whose run takes more than five minutes. Exit status 0: no row failed. Pictures and weights stay in FOLDER.

Wants numpy, and a C compiler for the row `strokes`.
"""
import os
import re
import resource
import subprocess
import sys

import numpy as np

SEEDS = (0, 1, 2)
TEST_SEED = 1000                # of data to measure on
MOST_SECONDS = 300
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Failure(Exception):
    pass


def command(words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise Failure(f"{' '.join(words)}: exit status {done.returncode}\n{done.stdout[-1000:]}")
    return done.stdout


class Work:
    """Calls of rnnc in a folder of its own."""

    def __init__(self, rnnc, folder, row, seed):
        self.rnnc, self.seed = rnnc, seed
        self.folder = os.path.join(folder, row, str(seed))
        os.makedirs(self.folder, exist_ok=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def spec(self, name):
        return os.path.join(ROOT, "specs", "models", name + ".rnn")

    def call(self, what, *words):
        return command([self.rnnc, what] + [str(w) for w in words])

    def data(self, task, count, *words, test=False):
        path = self.path("test.npz" if test else "train.npz")
        seed = TEST_SEED if test else self.seed
        self.call("data", task, "-o", path, "--seed", seed, "--count", count, *words)
        return path

    def train(self, spec, *words, data=None):
        self.call("train", self.spec(spec), "--data", data or self.path("train.npz"), "--seed", self.seed,
                  "-o", self.path("run"), *words)

    def weights(self, name="best"):
        return self.path(f"run/{name}.safetensors")

    def measure(self, spec, what, *words, data=None, weights="best"):
        said = self.call("eval", self.spec(spec), "--weights", self.weights(weights), "--data",
                         data or self.path("test.npz"), *words)
        return float(re.search(rf"^{what} (\S+)$", said, re.M).group(1))

    def run(self, spec, data, *words):
        out = self.path("out.npz")
        self.call("run", self.spec(spec), "--data", data, "-o", out, *words)
        return np.load(out)


# ---- rows ----------------------------------------------------------------------------------------------------------
# Each returns what it reached, and whether that is enough.

def hello(w):
    text = w.path("hello.txt")
    with open(text, "w") as f:
        f.write("hello" * 400)
    w.call("train", w.spec("hello"), "--text", text, "--seed", w.seed, "-o", w.path("run"), "--split", "1,0,0",
           "--epochs", 500)
    letters = sorted(set("hello"))
    x = [[letters.index(c) for c in "hell"]]
    np.savez(w.path("x.npz"), x=np.array(x), y=np.array([[letters.index(c) for c in "ello"]]))
    p = w.run("hello", w.path("x.npz"), "--weights", w.weights("last"))["p"][0]
    least = min(p[t, letters.index(c)] for t, c in enumerate("ello"))
    said = w.call("sample", w.spec("hello"), "--weights", w.weights("last"), "--prompt", "h", "--length", 4,
                  "--temperature", 0).strip()
    return f"{least:.4f} {said}", least > 0.99 and said.endswith("ello")


def constant(task, bound):
    def row(w):
        data = w.data(task, 100, "-D", "T=1000", test=True)
        y = np.load(data)["y"]
        worst = []
        for real in "float", "double":
            h = w.run(task, data, "-D", "C=constant", "--init", w.seed, "--real", real)["h"].astype(float)
            worst.append(np.abs(h - y).max() / np.abs(y).max())
        return f"{worst[0]:.0e}, double {worst[1]:.0e}", worst[0] < bound and worst[1] < bound * 2.0 ** -29
    return row


def learned(task):
    def row(w):
        w.data(task, 1000)
        w.data(task, 1000, test=True)
        w.train(task)
        found = w.measure(task, "mean square error")
        return f"{found:.1e}", found < 1e-6
    return row


def adding(cell):
    def row(w):
        w.data("adding", 20000)
        w.data("adding", 2000, test=True)
        w.train("adding", "-D", "C=" + cell)
        found = w.measure("adding", "mean square error")
        return f"{found:.5f}", found < 0.01
    return row


def reber(w):
    train = np.load(w.data("reber", 14000))
    def strings(d):
        return [tuple(x[:n]) + (y[n - 1],) for x, y, n in zip(d["x"], d["y"], d["x_lengths"])]
    seen = set(strings(train))
    test = dict(np.load(w.data("reber", 20000, test=True)))
    unseen = {}
    for i, s in enumerate(strings(test)):
        if s not in seen:
            unseen.setdefault(s, i)
    chosen = list(unseen.values())[:512]
    if len(chosen) < 512:
        raise Failure("fewer than 512 strings are new")
    np.savez(w.path("unseen.npz"), **{k: v[chosen] for k, v in test.items()})
    w.train("reber", "--split", "1,0,0")
    whole = w.measure("reber", "all_grammatical", data=w.path("unseen.npz"), weights="last")
    return f"{whole * 512:.0f}", whole == 1


def share(task, count, test_count, what, least, *words):
    """A share of the test data that is at least `least`."""
    def row(w):
        w.data(task, count)
        w.data(task, test_count, test=True)
        w.train(task, *words)
        found = w.measure(task, what)
        return f"{100 * found:.2f}%", found >= least
    return row


def noisy_stream(w):
    w.data("noisy_stream", 5000)
    w.data("noisy_stream", 2000, test=True)
    w.train("noisy_stream")
    found = w.measure("noisy_stream", "label error rate")
    return f"{100 * found:.2f}%", found < 0.02


def best_gaussian(y):
    """The mean negative log likelihood of y (n, 3) by its own mean and covariance, and frequency of ends."""
    covariance = np.cov(y[:, :2].T, bias=True)
    end = y[:, 2].mean()
    return (np.log(2 * np.pi) + np.log(np.linalg.det(covariance)) / 2 + 1
            - end * np.log(end) - (1 - end) * np.log(1 - end))


def strokes(w):
    w.data("strokes", 3000)
    test = w.data("strokes", 1000, test=True)
    w.train("strokes", "-D", "K=1")
    single = w.measure("strokes", "loss")
    w.train("strokes")
    found = w.measure("strokes", "loss")
    gaussian = best_gaussian(np.load(test)["y"].reshape(-1, 3).astype(float))
    write_strokes(w)
    return f"{-found:.2f} > {-single:.2f}, {-gaussian:.2f}", found < single and found < gaussian


def write_strokes(w):
    w.call("build", w.spec("strokes"), "--standalone", "--inference", "-o", w.folder)
    libraries = command(["pkg-config", "--libs", "jansson", "libzip"]).split()
    command([*os.environ.get("CC", "cc").split(), "-O2", "-std=c11", "-I" + w.folder, "-I" + os.path.join(ROOT, "runtime"),
             os.path.join(ROOT, "examples", "write_strokes.c"), w.path("strokes.c"),
             os.path.join(os.path.dirname(w.rnnc), "librnnc.a"), "-o", w.path("write"), *libraries, "-lm"])
    with open(w.path("strokes.svg"), "w") as f:
        f.write(command([w.path("write"), w.weights(), str(w.seed)]))


# name, system, what must be reached, of how many seeds, the row
ROWS = [
    ("hello", "hello: tanh RNN of 8", "p > 0.99; writes ello", 3, hello),
    ("sum", "running sum, constant weights, T=1000", "float rounding", 3, constant("running_sum", 1e-5)),
    ("average", "exponential average, constant, T=1000", "float rounding", 3, constant("average", 1e-6)),
    ("sum_learned", "running sum, learned", "mse < 1e-6", 3, learned("running_sum")),
    ("average_learned", "exponential average, learned", "mse < 1e-6", 3, learned("average")),
    ("adding_lstm", "adding T=100, LSTM of 64", "mse < 0.01", 2, adding("lstm")),
    ("adding_gru", "adding T=100, GRU of 64", "mse < 0.01", 2, adding("gru")),
    ("reber", "embedded Reber, LSTM of 12", "512 of 512 unseen", 3, reber),
    ("order", "temporal order T=100, LSTM of 32", "100%", 3, share("temporal_order", 20000, 2000, "accuracy", 1)),
    ("copy_tcn", "copy memory T=100, TCN of 32", "100% whole", 3,
     share("copy_memory", 10000, 1000, "whole sequences", 1)),
    ("parity", "parity, up to 50 steps, GRU of 16", "100% whole", 3, share("parity", 4000, 2000, "whole sequences", 1)),
    ("reversal", "reversal up to 12, with attention", "> 95% whole", 3, share("reversal", 30000, 2000, "whole sequences", 0.95)),
    ("reversal_blind", "reversal up to 12, without", "(no bound)", 3,
     share("reversal", 30000, 2000, "whole sequences", 0, "-D", "C=blind")),
    ("programs", "programs, length 2, nesting 1", "> 90% characters", 3,
     share("program_evaluation", 60000, 3000, "accuracy", 0.9)),
    ("stream", "noisy stream, CTC, bidirectional LSTM", "errors < 2%", 3, noisy_stream),
    ("strokes", "strokes, mixture of 6", "log p > one Gaussian", 3, strokes),
]


def seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure_row(rnnc, folder, row):
    name, system, wanted, of, function = row
    said, good, longest = [], 0, 0
    for seed in SEEDS:
        before = seconds()
        try:
            text, enough = function(Work(rnnc, folder, name, seed))
        except Failure as failure:
            text, enough = "failed", False
            print(failure, file=sys.stderr)
        longest = max(longest, seconds() - before)
        said.append(text)
        good += enough
    failed = good < of or longest > MOST_SECONDS
    print(f"| {system} | {wanted} | {' / '.join(said)} | {longest:.0f} s |{' FAILED' if failed else ''}", flush=True)
    return failed


def main():
    rnnc, folder, wanted = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]
    unknown = set(wanted) - {row[0] for row in ROWS}
    if unknown:
        sys.exit(f"learn.py: there is no row {', '.join(sorted(unknown))}; there are {' '.join(row[0] for row in ROWS)}")
    print("| system | must reach | reached, seeds 0 / 1 / 2 | longest run |\n|---|---|---|---|", flush=True)
    failed = [measure_row(rnnc, folder, row) for row in ROWS if not wanted or row[0] in wanted]
    print(f"learn: {len(failed) - sum(failed)} rows reached, {sum(failed)} failed")
    sys.exit(any(failed))


if __name__ == "__main__":
    main()
