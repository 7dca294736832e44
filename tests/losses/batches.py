"""The loss of a set of data does not depend on how it is cut into batches: rnnc eval with --batch 1, 3 and all, in one
thread and several, and the validation of rnnc train, against NumPy, which sums over all sequences at once.

    batches.py RNNC FOLDER

Sequences of different lengths, absent ones among them; means over steps and over sequences, weighted by data, by
class, with a class ignored, a penalty without data, and a total."""
import pathlib
import subprocess
import sys

import numpy

N, T = 11, 9
BOUND = 1e-6  # relative; sums of float against sums of double
CLASS = numpy.array([0, 1, 2, 3, 0.5])
MODEL = """model ragged {
    input  x[t] : real(3)
    target y[t] : real(2), m[t] : real, k[t] : token(5)
    param  W(2,2) = 0.5
    h = rnn(x, 6)
    o = 2 * dense(h, 2)
    p = softmax(dense(h, 5))
    e = mean(square(last(h)))
    output o, p, e
    loss %s
}
"""


def losses(a, out):
    """What each line of the spec is of all sequences at once."""
    steps = numpy.arange(T) < a["x_lengths"][:, None]
    square = numpy.mean((out["o"] - a["y"]) ** 2, axis=2)
    nats = -numpy.log(1e-37 + numpy.take_along_axis(out["p"], a["k"][:, :, None], 2)[:, :, 0])
    mean = lambda v, w: numpy.sum(numpy.where(steps, v * w, 0)) / numpy.sum(steps * w)
    return {
        "mean_square(o, y)": mean(square, 1),
        "mean_square(o, y) weight m": mean(square, a["m"]),
        "0.3 * cross_entropy(p, k, ignore = 0)": 0.3 * mean(nats, a["k"] != 0),
        "cross_entropy(p, k, weights = vector(0, 1, 2, 3, 0.5))": mean(nats, CLASS[a["k"]]),
        "3 * e": 3 * numpy.mean(out["e"][a["x_lengths"] > 0]),
        "0.1 * sum(square(W))": 0.1,
        "total 0.01 * mean_square(o, y) weight m": 0.01 * numpy.sum(numpy.where(steps, square * a["m"], 0)),
    }


def main(rnnc, folder):
    good = bad = 0

    def run(*words):
        done = subprocess.run([rnnc, *map(str, words)], capture_output=True, text=True)
        if done.returncode:
            print(f"losses: rnnc {words}: {done.stderr}")
        return done.stdout

    def check(found, wanted, what):
        nonlocal good, bad
        if abs(found - wanted) <= BOUND * abs(wanted):
            good += 1
        else:
            bad += 1
            print(f"losses: {what}: {found:.9g}, should be {wanted:.9g}")

    draw = numpy.random.default_rng(1)
    length = draw.integers(0, T + 1, N)
    length[:4] = T, 0, 1, 5
    a = {
        "x": draw.normal(size=(N, T, 3)).astype("f"),
        "y": draw.normal(size=(N, T, 2)).astype("f"),
        "m": (draw.uniform(0, 3, (N, T)) * (draw.uniform(size=(N, T)) > 0.3)).astype("f"),
        "k": draw.integers(0, 5, (N, T)),
        "x_lengths": length,
    }
    data, spec, weights, made = (folder / w for w in ("b.npz", "b.rnn", "b/last.safetensors", "b_out.npz"))
    numpy.savez(data, **a)
    words = list(losses(a, {"o": a["y"], "p": numpy.ones((N, T, 5)), "e": numpy.zeros(N)}))
    for text in words + ["\n    loss ".join(words)]:
        spec.write_text(MODEL % text)
        what = "all of them" if "\n" in text else text
        shown = run("train", spec, "--data", data, "--validation", data, "-o", folder / "b", "--csv", folder / "b.csv",
                    "--updates", 4, "--batch", 4, "--rate", 1e-9, "--jit", "tcc")
        run("run", spec, "--data", data, "--weights", weights, "-o", made)
        out = numpy.load(made)
        each = losses(a, {k: out[k].astype("d") for k in ("o", "p", "e")})
        wanted = sum(each.values()) if "\n" in text else each[text]
        check(float(out["loss"]), wanted, f"rnnc run, {what}")
        for batch in 1, 3, N:
            for threads in 1, 2:
                found = run("eval", spec, "--data", data, "--weights", weights, "--batch", batch, "--threads", threads)
                check(float(found.split()[1] if found else "nan"), wanted, f"--batch {batch}, {what}")
        said = [line for line in shown.splitlines() if line.startswith("validation ")]
        if said:
            check(float(said[0].split()[1]), wanted, f"validation, {what}")
        else:
            last = (folder / "b.csv").read_text().splitlines()[-1].split(",")
            check(float(last[5]), wanted, f"validation, {what}")
    print(f"{good} passed, {bad} failed")


main(sys.argv[1], pathlib.Path(sys.argv[2]))
