"""tiers.py: the loop of an experiment, section H: stages from a spec to its first update under each tier; updates a second
then; from a spec that is saved under `rnnc watch` to the first update of that version.

Run as a program, tiers.py MODEL UPDATES is the peer: that model in PyTorch, trained by Adam; it prints the milliseconds of
the processor that an update takes."""
import os
import re
import shutil
import subprocess
import sys
import time

import numpy as np

from first_step import median, timed

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(here)
STAGES = ["spec, data", "graph", "derive", "passes", "plan", "C for cc", "C for libtcc", "code", "weights", "first update"]
TRIES, COLD_TRIES = 20, 5    # medians; a C compiler that starts from nothing takes seconds


class Model:
    """kind of input: symbols (classes) or vectors (dimension); labels: classes of y at each step, 0: vectors as x."""
    def __init__(self, spec, batch, steps, classes=0, dimension=0, labels=0, hidden=0, layers=1, directions=1, cell="LSTM"):
        self.name, self.spec = os.path.basename(spec)[:-4], spec
        self.batch, self.steps, self.classes, self.dimension, self.labels = batch, steps, classes, dimension, labels
        self.hidden, self.layers, self.directions, self.cell = hidden, layers, directions, cell

    def arrays(self, batches):
        random = np.random.default_rng(1)
        shape = (self.batch * batches, self.steps)
        x = random.integers(0, self.classes, shape) if self.classes else random.normal(0, 1, (*shape, self.dimension))
        y = random.integers(0, self.labels, shape) if self.labels else random.normal(0, 1e-3, (*shape, self.dimension))
        return {k: v.astype("int32" if v.dtype.kind == "i" else "float32") for k, v in (("x", x), ("y", y))}

    def flags(self, folder, batches):
        path = f"{folder}/{self.name}-{batches}.npz"
        if not os.path.exists(path):
            np.savez(path, **self.arrays(batches))
        return ["--data", path, "--batch", str(self.batch), "--split", "1,0,0", "--clip", "0"]


MODELS = {m.name: m for m in (
    Model(root + "/specs/models/hello.rnn", 16, 50, classes=4, labels=4, hidden=8, cell="RNN"),
    Model(here + "/specs/c1.rnn", 50, 50, classes=65, labels=65, hidden=128, layers=2),
    Model(here + "/specs/c4.rnn", 32, 100, dimension=256, hidden=256, cell="GRU"),
    Model(here + "/specs/c5.rnn", 32, 50, dimension=64, labels=40, hidden=128, directions=2),
    Model(here + "/specs/deep.rnn", 32, 50, dimension=64, labels=40, hidden=128, layers=4, directions=2))}


# ---- stages ----------------------------------------------------------------------------------------------------------

def tiers(folder):
    """Name, --jit, the cache to use, is it to be empty."""
    cache = folder + "/cache"
    return (("tcc", "tcc", "off", False), ("cc, cold", "cc", cache, True), ("cc, cached", "cc", cache, False),
            ("tiered, cold", "tiered", "off", False), ("tiered, cached", "tiered", cache, False))


def staged(rnnc, model, folder, tier):
    """Stage: (milliseconds of the clock, of the processor) that it took; of the first update also since the start."""
    _, jit, cache, empty = tier
    if empty:
        shutil.rmtree(cache, ignore_errors=True)
    command = [rnnc, "train", model.spec, *model.flags(folder, 2), "--updates", "1", "--jit", jit, "-v", "-o", folder + "/first"]
    said = subprocess.run(command, env={**os.environ, "RNNC_CACHE": cache}, stdout=subprocess.PIPE, text=True, check=True).stdout
    before, took = (0, 0), {}
    for clock, processor, stage in re.findall(r"^ *([\d.]+) ms +([\d.]+) ms  (.*)$", said, re.M):
        now = float(clock), float(processor)
        took[stage.split(", from")[0]] = now[0] - before[0], now[1] - before[1]
        before = now
    return {**took, "all": before}


def stages(rnnc, folder):
    lines = []
    for name in ("hello", "c1", "c5", "deep"):
        for tier in tiers(folder):
            many = COLD_TRIES if tier[3] else TRIES
            found = [staged(rnnc, MODELS[name], folder, tier) for _ in range(many)]
            for stage in [s for s in STAGES if s in found[0]] + ["all"]:
                clock, processor = (median([f[stage][k] for f in found]) for k in (0, 1))
                lines.append({"section": "H", "row": name, "tier": tier[0], "what": stage, "clock_ms": clock,
                              "processor_ms": processor})
            made = {line["what"]: line["clock_ms"] for line in lines[-len(STAGES) - 1:] if line["tier"] == tier[0]}
            front = sum(made.get(s, 0) for s in STAGES[:5])
            print(f"{name:8}{tier[0]:16}spec to program{front:7.1f}   C{made.get('C for cc', 0) + made.get('C for libtcc', 0):7.1f}"
                  f"   code{made['code']:8.1f}   weights{made['weights']:6.1f}   first update{made['first update']:8.1f}"
                  f"   all{made['all']:8.1f} ms, of the processor{lines[-1]['processor_ms']:8.1f}", flush=True)
    return lines


# ---- steady ----------------------------------------------------------------------------------------------------------

def steady(rnnc, folder, rounds, with_torch):
    """Milliseconds of the processor for an update, the start left out: a long run less a short one."""
    lines = []
    os.environ["RNNC_CACHE"] = folder + "/cache"
    for model in MODELS.values():
        many = 4000 if model.name == "hello" else 12
        train = [rnnc, "compare", model.spec, *model.flags(folder, 8), "--seeds", "1", "--jobs", "1"]
        def cost(jit):
            short, long = (timed([*train, "--jit", jit, "--updates", str(n)])[0] for n in (4, 4 + many))
            return (long - short) / many
        cost("cc")    # fills the cache
        found = {"tcc": [], "cc": [], "PyTorch": []}
        for _ in range(rounds):
            for jit in ("tcc", "cc"):
                found[jit].append(cost(jit))
            if with_torch:
                found["PyTorch"].append(float(timed([sys.executable, __file__, model.name, str(max(10, many // 4))])[1].split()[-1]))
        text = f"{model.name:8}"
        for tier in [t for t in found if found[t]]:
            each = median(found[tier])
            ratio = median([a / b for a, b in zip(found[tier], found["cc"])])
            lines.append({"section": "H", "row": model.name, "tier": tier, "what": "update", "processor_ms": each,
                          "updates_per_s": 1e3 / each, "times_cc": ratio})
            text += f"{tier:>9}{each:9.3f} ms {1e3 / each:8.1f}/s, {ratio:5.2f} of cc"
        print(text, flush=True)
    return lines


# ---- watch -----------------------------------------------------------------------------------------------------------

def watched(rnnc, folder):
    """From a save (written beside, then renamed) to the first update of that version."""
    spec, text = folder + "/watched.rnn", open(MODELS["c1"].spec, encoding="utf-8").read()
    versions = [text.replace("dense(h, V)", f"dense({k} * h, V)") for k in ("0.5", "0.25")]
    def save(k):
        with open(spec + "~", "w", encoding="utf-8") as file:
            file.write(versions[k % 2])
        os.replace(spec + "~", spec)
    save(0)
    command = [rnnc, "watch", spec, *MODELS["c1"].flags(folder, 8), "--jit", "tcc", "-v", "-o", folder + "/first"]
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    def until_first():
        while not p.stdout.readline().endswith("first update\n"):
            if p.poll() is not None:
                sys.exit("rnnc watch has ended")
    until_first()
    took = []
    for k in range(1, TRIES + 1):
        time.sleep(0.1)
        began = time.monotonic()
        save(k)
        until_first()
        took.append(1e3 * (time.monotonic() - began))
    p.terminate()
    p.wait()
    print(f"watch, c1, from a save to the first update of that version: {median(took):.1f} ms ({min(took):.1f}-{max(took):.1f})")
    return [{"section": "H", "row": "c1", "tier": "tcc", "what": "watch: saved to first update", "clock_ms": median(took)}]


def section(rnnc, folder, rounds, with_torch):
    os.makedirs(folder + "/first", exist_ok=True)
    return stages(rnnc, folder) + steady(rnnc, folder, rounds, with_torch) + watched(rnnc, folder)


# ---- the peer --------------------------------------------------------------------------------------------------------

def torch_updates(model, count):
    import torch
    torch.set_num_threads(1)
    data = {k: torch.from_numpy(v).transpose(0, 1).contiguous() for k, v in model.arrays(1).items()}
    x = torch.nn.functional.one_hot(data["x"].long(), model.classes).float() if model.classes else data["x"]
    net = getattr(torch.nn, model.cell)(x.shape[2], model.hidden, model.layers, bidirectional=model.directions == 2)
    dense = torch.nn.Linear(model.hidden * model.directions, model.labels) if model.labels else None
    parameters = [*net.parameters(), *(dense.parameters() if dense else [])]
    optimiser = torch.optim.Adam(parameters, 0.001)
    def update():
        optimiser.zero_grad()
        h = net(x)[0]
        if dense:
            loss = torch.nn.functional.cross_entropy(dense(h).view(-1, model.labels), data["y"].long().view(-1))
        else:
            loss = (h * data["y"]).sum()
        loss.backward()
        optimiser.step()
    for _ in range(3):
        update()
    began = time.process_time()
    for _ in range(count):
        update()
    print(1e3 * (time.process_time() - began) / count)


if __name__ == "__main__":
    torch_updates(MODELS[sys.argv[1]], int(sys.argv[2]))
