"""bench.py: rnnc's C beside its peers: float, one thread each, the same weights and data, taking turns in one process.

First every number that two contestants both compute must agree; then they are timed in rounds, and the table gives
medians, the median of the ratios of the rounds with the least and the largest, and the part of the machine's peak,
measured in the same rounds. README.md says what the sections are and how to read them.

Usage: bench.py RNNC FOLDER RESULTS. In the environment: SECTION=ABC, ROW=c1, PEERS='torch onednn', ROUNDS=7, DNNL_ROOT,
ORT_ROOT, RTNEURAL_ROOT. Results are written where neither ROW nor PEERS leaves anything out."""
import os
import sys

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"    # before anything is loaded that reads them
sys.dont_write_bytecode = True
try:
    import numpy as np
except ImportError as error:
    sys.exit(f"{error}\nthe benchmark needs numpy: apt-get install python3-numpy")
import csv
import ctypes
import glob
import pickle
import traceback
from dataclasses import dataclass, field

import first_step
import picture
import tiers
import two_threads
from contestants import PEERS, Ours, compile_shared, load

here = os.path.dirname(os.path.abspath(__file__))
BOUND = 1e-3           # largest relative difference; sums of thousands of terms in float, in another order
ROUND_SECONDS = 0.1    # of each contestant in a round, or one repetition
SECTIONS = {
    "A": "streaming: one step a call, batch 1",
    "B": "whole sequences of 100 steps, nothing trained",
    "C": "training steps: forward, backpropagation through time, all gradients",
    "D": "training steps of cells: H = D = 128, batch 32, 50 steps",
    "E": "from the start to the first training step; what compiling costs",
    "F": "limits of one core, and the kernels",
    "G": "training steps in two threads, by the clock on the wall: times faster than in one",
    "H": "the loop of an experiment: stages until the first update, tiers, watch",
}


@dataclass
class Row:
    section: str
    name: str
    spec: str
    kind: str                  # STEP, FORWARD, GRAD
    cell: str
    shape: tuple               # D, H, both directions
    T: int = 0                 # 0: streaming
    B: int = 1
    defines: tuple = ()
    layers: tuple = ("h",)     # prefixes of their parameters
    x: tuple = ()              # (tokens, width)
    y: tuple = ()
    lookups: str = ""          # parameters that are looked up, not multiplied
    no_dx: str = ""            # parameters whose product has no gradient by its data
    embedding: bool = False
    script: str = ""           # name in torch_cells.py
    peers: tuple = ()          # of contestants.PEERS
    threads: int = 1
    beside: str = ""           # a row whose GF/s this one is held against
    key: str = field(init=False)

    def __post_init__(self):
        self.key = self.section + "-" + self.name.replace(" ", "-") + ("" if self.threads == 1 else f"-{self.threads}-threads")
        D, H, both = self.shape
        self.x = self.x or (False, D)
        self.y = self.y or (False, H * (1 + both))


def stack_of(layers):
    return ("h",) if layers == 1 else tuple(f"h.{k}" for k in range(layers))


def rows_a_b():
    def row(section, name, cell, H, L=1, **more):
        kind = "STEP" if section == "A" else "FORWARD"
        peers = ("onednn", "onnxruntime") + (("rtneural",) if section == "A" else ()) + ("torch",)
        defines = f"C={cell}", f"D={H}", f"H={H}", f"L={L}"
        return Row(section, name, "stream", kind, cell, (H, H, 0), defines=defines, layers=stack_of(L), peers=peers,
                   **more)
    for cell in ("lstm", "gru"):
        for H in (8, 16, 32, 64, 128, 256, 512):
            yield row("A", f"{cell} {H}", cell, H)
        yield row("A", f"{cell} 2x128", cell, 128, 2)
    for cell in ("lstm", "gru"):
        for B in (1, 32):
            for H in (64, 128, 256, 512):
                yield row("B", f"{cell} {H} batch {B}", cell, H, T=100, B=B)


def rows_c():
    def row(name, *arguments, **more):
        return Row("C", name, name, "GRAD", *arguments, peers=("torch",), **more)

    def layers(name, cell, D, H, L=1, spec="layers", size="D", **more):
        defines = (f"C={cell}", f"{size}={D}", f"H={H}") + ((f"L={L}",) if spec != "layers_both" else ())
        both_ways = int(spec == "layers_both")
        return Row("C", name, spec, "GRAD", cell, (D, H, both_ways), defines=defines, peers=("onednn",),
                   **{"layers": stack_of(L), **more})
    token, both = (True, 65), ("h.forward", "h.backward")
    yield row("c1", "lstm", (65, 128, 0), 50, 50, layers=stack_of(2), x=token, y=token, lookups=r"h\.0\.U")
    yield layers("c1 layers", "lstm", 65, 128, 2, T=50, B=50)
    yield layers("c1 layers of tokens", "lstm", 65, 128, 2, spec="layers_token", size="V", T=50, B=50, x=token,
                 lookups=r"h\.0\.U")
    yield row("c2", "rnn", (65, 100, 0), 25, 1, x=token, y=token, lookups=r"h\.U")
    yield layers("c2 layers", "rnn", 65, 100, T=25, B=1)
    yield row("c3", "lstm", (200, 200, 0), 20, 20, layers=stack_of(2), x=(True, 10000), y=(True, 10000), embedding=True,
              lookups=r"e\.")
    yield layers("c3 layers", "lstm", 200, 200, 2, T=20, B=20)
    yield row("c4", "gru", (256, 256, 0), 100, 32, no_dx=r"h\.U")
    yield layers("c4 layers", "gru", 256, 256, T=100, B=32)
    yield row("c5", "lstm", (64, 128, 1), 50, 32, layers=both, y=(True, 40), no_dx=r"h\.\w+\.U")
    yield layers("c5 layers", "lstm", 64, 128, spec="layers_both", T=50, B=32, layers=both)


def rows_d():
    def row(name, spec="layers", peers=("torch",), H=128, defines=None, **more):
        defines = (f"C={name}", "L=1") if defines is None else defines
        return Row("D", name, spec, "GRAD", name, (128, H, 0), 50, 32, defines=defines, peers=peers, script=name,
                   **more)
    kernels = "onednn", "torch"
    yield row("lstm", peers=kernels)
    yield row("lstm_peephole", peers=kernels)
    yield row("gru_before", peers=kernels)
    yield row("depth_gated", "depth_gated", defines=(), beside="lstm")
    yield row("mut1", beside="lstm")
    yield row("lstm_layer_norm", beside="lstm")
    yield row("cifg_projection", "cifg_projection", H=64, defines=(), beside="lstm")


# ---- rounds --------------------------------------------------------------------------------------------------------

class Bench:
    def __init__(self, rnnc, folder):
        self.rnnc, self.folder = rnnc, folder
        rounds = os.environ.get("ROUNDS", "7")
        self.rounds = int(rounds) if rounds.isdigit() else 0
        wanted = os.environ.get("PEERS", " ".join(PEERS)).split()
        unknown = set(wanted) - set(PEERS)
        if unknown or self.rounds < 1:
            sys.exit(f"PEERS is a list of {', '.join(PEERS)}; ROUNDS at least 1")
        os.makedirs(folder, exist_ok=True)
        self.limits = load(compile_shared(folder + "/limits.so", [here + "/limits.c"], []))
        self.limits.limits_peak.restype = self.limits.limits_read.restype = ctypes.c_double
        self.found = {name: PEERS[name].find(folder) for name in wanted}
        for name in wanted:
            if not self.found[name]:
                print(f"without {name}, which is not there (see bench/README.md)")

    def peak(self, seconds=0.02):
        return self.limits.limits_peak(ctypes.c_double(seconds))

    def time(self, row, others):
        """Contestants taking turns: seconds of one repetition by contestant and round, and the peak of each round."""
        everyone = [Ours(row, self.rnnc, self.folder)]
        everyone += [PEERS[p](everyone[0], *how) for p in row.peers for how in self.found.get(p, [])]
        differences = {c.name: c.difference() for c in everyone[1:]}
        for name, worst in differences.items():
            if not worst <= BOUND:
                sys.exit(f"{row.section} {row.name}: {name} computes something else: largest relative difference "
                         f"{worst:.1e}, allowed {BOUND:.0e}; nothing is timed")
        if row.beside:
            everyone.append(Ours(others[row.beside], self.rnnc, self.folder))
            everyone[-1].name = "rnnc " + row.beside
        times = [max(1, int(ROUND_SECONDS / max(c.run(1), 1e-9))) for c in everyone]
        times = [max(1, int(ROUND_SECONDS * n / max(c.run(n), 1e-9))) for c, n in zip(everyone, times)]
        seconds, peaks = np.zeros((self.rounds, len(everyone))), np.zeros(self.rounds)
        for r in range(self.rounds):
            peaks[r] = self.peak()
            for k, c in enumerate(everyone):
                c.run(1)    # the caches are its own again
                seconds[r, k] = c.run(times[k]) / times[k]
        return everyone, differences, seconds, peaks

    def row(self, row, others):
        """A line of the table for each peer."""
        everyone, differences, seconds, peaks = self.time(row, others)
        per = max(row.T, 1) * row.B if row.section == "B" else 1
        flops = everyone[0].flops()
        rate = flops / seconds[:, 0] * 1e-9
        ours = {"section": row.section, "row": row.name, "ours_us": np.median(seconds[:, 0]) * 1e6 / per,
                "ours_gflops": np.median(rate), "peak_percent": np.median(100 * rate / peaks)}
        lines = []
        for k, c in enumerate(everyone[1:], 1):
            theirs = c.flops() if isinstance(c, Ours) else flops
            ratios = seconds[:, k] / seconds[:, 0] * flops / theirs    # beside another model: of GF/s
            lines.append({**ours, "peer": c.name, "peer_us": np.median(seconds[:, k]) * 1e6 / per,
                          "peer_gflops": np.median(theirs / seconds[:, k]) * 1e-9, "ratio": np.median(ratios),
                          "ratio_least": ratios.min(), "ratio_most": ratios.max(),
                          "difference": differences.get(c.name, "")})
        return lines or [ours]


def in_child(work):
    """What work() returns, computed in a process of its own, with whose end all its memory is free."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(work(), pipe)
            os._exit(0)
        except BaseException as error:
            if isinstance(error, SystemExit):
                print(error, file=sys.stderr)
            else:
                traceback.print_exc()
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read()
    status = os.waitpid(child, 0)[1]
    if status:
        sys.exit(f"a contestant crashed: signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else 1)
    return pickle.loads(text)


HEAD = f"{'':22}{'rnnc us':>10} {'GF/s':>6} {'peak':>5}   {'peer':21}{'us':>10} {'GF/s':>6}  {'ratio':>6}" \
       "  (least-most)   differ"


def print_row(lines):
    for k, line in enumerate(lines):
        left = f"{line['row']:22}{line['ours_us']:10.4g} {line['ours_gflops']:6.1f} {line['peak_percent']:4.0f}%"
        right = ""
        if "peer" in line:
            spread = f"({line['ratio_least']:.2f}-{line['ratio_most']:.2f})"
            differ = f"{line['difference']:.0e}" if line["difference"] != "" else "GF/s"
            right = f"   {line['peer']:21}{line['peer_us']:10.4g} {line['peer_gflops']:6.1f}  {line['ratio']:6.2f}  " \
                    f"{spread:14} {differ}"
        print((left if k == 0 else " " * len(left)) + right, flush=True)


# ---- limits --------------------------------------------------------------------------------------------------------

def cache_bytes():
    """Arrays that lie in each cache, or in none."""
    def size(level, otherwise):
        try:
            return os.sysconf(f"SC_LEVEL{level}_CACHE_SIZE") or otherwise
        except (ValueError, OSError):
            return otherwise
    first, second, third = size("1_DCACHE".replace("_CACHE", ""), 32 << 10), size(2, 1 << 20), size(3, 16 << 20)
    return {"L1": first // 2, "L2": second // 2, "L3": max(min(third // 4, 16 << 20), 2 * second), "memory": 256 << 20}


SHAPES = [("LSTM 128, a step", 50, 512, 128, 0), ("LSTM 128, a step back", 50, 128, 512, 0),
          ("LSTM 128, all steps", 2500, 512, 128, 0), ("LSTM 128, weights", 512, 128, 2500, 1),
          ("LSTM 200, a step", 20, 800, 200, 0), ("LSTM 512, a step", 32, 2048, 512, 0),
          ("GRU 256, a step", 32, 768, 256, 0), ("softmax 65", 2500, 65, 128, 0),
          ("softmax 65, weights", 65, 128, 2500, 1), ("softmax 10000", 400, 10000, 200, 0),
          ("one vector, LSTM 128", 1, 512, 128, 0),
          ("one vector, LSTM 512", 1, 2048, 1024, 0), ("1000 x 1000", 1000, 1000, 1000, 0)]


def limits(bench):
    """Lines (name, unit, median, least, most, percent of peak)."""
    C, seconds = bench.limits, ctypes.c_double(0.05)
    runtime = here + "/../runtime"
    sources = glob.glob(runtime + "/kernels/*.h")
    kernels = load(compile_shared(bench.folder + "/kernels.so", [here + "/kernels.c"], ["-I" + runtime], sources))
    kernels.kernels_contract.restype = kernels.kernels_function.restype = ctypes.c_double
    kernels.kernels_function_name.restype = ctypes.c_char_p
    jobs = [("multiply-adds", "GF/s", lambda: bench.peak(0.05))]
    for name, size in cache_bytes().items():
        jobs.append((f"reading {name} ({size >> 10} KiB)", "GB/s",
                     lambda size=size: C.limits_read(ctypes.c_size_t(size), seconds)))
    for name, M, N, K, gradient in SHAPES:
        jobs.append((f"{name}, {M}x{N}x{K}", "GF/s",
                     lambda a=(M, N, K, gradient): kernels.kernels_contract(*a, seconds)))
    number = 0
    while kernels.kernels_function_name(number):
        jobs.append((kernels.kernels_function_name(number).decode(), "ns an element",
                     lambda n=number: kernels.kernels_function(n, seconds)))
        number += 1
    found = np.array([[job() for _, _, job in jobs] for _ in range(bench.rounds)])
    lines = []
    for k, (name, unit, _) in enumerate(jobs):
        percent = np.median(100 * found[:, k] / found[:, 0]) if unit == "GF/s" and k else None
        lines.append({"section": "F", "row": name, "unit": unit, "value": np.median(found[:, k]),
                      "least": found[:, k].min(), "most": found[:, k].max(),
                      "peak_percent": "" if percent is None else percent})
    for line in lines:
        percent = "" if line["peak_percent"] == "" else f"{line['peak_percent']:5.0f}% of peak"
        spread = f"({line['least']:.3g}-{line['most']:.3g})"
        print(f"{line['row']:40}{line['value']:9.3g} {line['unit']:14} {spread:16}{percent}")
    return lines


# ---- all of it -----------------------------------------------------------------------------------------------------

def write_csv(path, lines):
    columns = list(dict.fromkeys(key for line in lines for key in line))
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for line in lines:
            writer.writerow({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in line.items()})


def main():
    rnnc, folder, results = sys.argv[1:]
    sections = os.environ.get("SECTION") or "".join(SECTIONS)
    wanted = os.environ.get("ROW", "")
    if set(sections) - set(SECTIONS):
        sys.exit(f"SECTION is any of {''.join(SECTIONS)}")
    every = [*rows_a_b(), *rows_c(), *rows_d()]
    names = {row.name for row in every if row.section in sections or "G" in sections and row.name in two_threads.ROWS}
    if wanted and wanted not in names:
        sys.exit(f"no row '{wanted}'; there are: " + (", ".join(sorted(names)) or "none to choose from in these sections"))
    bench = Bench(rnnc, folder)
    whole = not wanted and "PEERS" not in os.environ
    for section in sections:
        print(f"\n{section}. {SECTIONS[section]}" + ("" if section in "EFGH" else "; ratio: the peer's time over rnnc's"))
        if section == "E":
            lines = first_step.section(rnnc, folder, bench.rounds, bool(bench.found.get("torch")))
        elif section == "H":
            lines = tiers.section(rnnc, folder, min(bench.rounds, 5), bool(bench.found.get("torch")))
        elif section == "F":
            lines = limits(bench)
        elif section == "G":
            lines = two_threads.section(bench, [row for row in every if row.name in two_threads.ROWS], wanted, BOUND)
        else:
            rows = {row.name: row for row in every if row.section == section}
            print(HEAD.replace("us", "us/step") if section == "B" else HEAD)
            lines = []
            for row in rows.values():
                if not wanted or row.name == wanted:
                    made = in_child(lambda: bench.row(row, rows))
                    print_row(made)
                    lines += made
        if whole:
            os.makedirs(results, exist_ok=True)
            write_csv(f"{results}/{section}.csv", lines)
    if whole:
        picture.draw(results)


main()
