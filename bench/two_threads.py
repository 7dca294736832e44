"""two_threads.py: section G: a training step in two threads beside the same in one, and what two cores of this machine are
worth: multiply-adds that wait for nothing, in two threads at once (limits.c). By the clock on the wall, so the machine
must be quiet. The three take turns; `of machine` is the ratio of the step by that of the machine, of the same rounds."""
import ctypes
import dataclasses
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from contestants import Ours, relative

ROWS = ("c1", "c3", "c4")
ROUND_SECONDS = 0.2


def seconds_of(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def machine(bench, pool, rounds):
    """How much more two threads do than one."""
    def work():
        bench.limits.limits_work(ctypes.c_size_t(rounds))    # without the lock of the interpreter
    one = seconds_of(work)
    two = seconds_of(lambda: [job.result() for job in [pool.submit(work), pool.submit(work)]])
    return 2 * one / two


def line(bench, row, pool, bound):
    one, two = (Ours(dataclasses.replace(row, threads=n), bench.rnnc, bench.folder) for n in (1, 2))
    worst = max(relative(two.first_grads[name], value) for name, value in one.first_grads.items())
    if not worst <= bound:
        sys.exit(f"G {row.name}: two threads compute something else: largest relative difference {worst:.1e}")
    times = max(1, int(ROUND_SECONDS / seconds_of(lambda: one.run(1))))
    rounds = max(1, int(20 * ROUND_SECONDS / seconds_of(lambda: bench.limits.limits_work(ctypes.c_size_t(20)))))
    seconds, cores = np.zeros((bench.rounds, 2)), np.zeros(bench.rounds)
    for r in range(bench.rounds):
        cores[r] = machine(bench, pool, rounds)
        for k, c in enumerate((one, two)):
            c.run(1)    # the caches are its own again
            seconds[r, k] = seconds_of(lambda c=c: c.run(times)) / times
    ratios = seconds[:, 0] / seconds[:, 1]
    return {"section": "G", "row": row.name, "one_us": np.median(seconds[:, 0]) * 1e6,
            "two_us": np.median(seconds[:, 1]) * 1e6, "faster": np.median(ratios), "faster_least": ratios.min(),
            "faster_most": ratios.max(), "machine": np.median(cores), "of_machine": np.median(ratios / cores),
            "difference": worst}


def section(bench, rows, wanted, bound):
    print(f"{'':22}{'one, us':>10}{'two, us':>10}  faster  (least-most)   machine  of machine  differ")
    lines = []
    with ThreadPoolExecutor(2) as pool:
        for row in rows:
            if wanted and row.name != wanted:
                continue
            lines.append(line(bench, row, pool, bound))
            l = lines[-1]
            spread = f"({l['faster_least']:.2f}-{l['faster_most']:.2f})"
            print(f"{l['row']:22}{l['one_us']:10.0f}{l['two_us']:10.0f}{l['faster']:8.2f}  {spread:14}{l['machine']:8.2f}"
                  f"{l['of_machine']:12.2f}  {l['difference']:.0e}", flush=True)
    return lines
