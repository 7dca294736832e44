"""first_step.py: from the start of a program to its first update of the weights, and what compiling costs: section E.

Run as a program, first_step.py TEXT [script] is the peer: the model of specs/models/char_lm.rnn in PyTorch, one update
by Adam on the characters of TEXT; with `script` its layers are LSTMs written by hand and compiled by TorchScript, as a
cell of one's own would be."""
import csv
import glob
import math
import os
import re
import resource
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(here)
B, T = 50, 50


def torch_step(path, script):
    import torch
    torch.set_num_threads(1)
    text = open(path, encoding="utf-8").read()
    letters = {c: i for i, c in enumerate(sorted(set(text)))}
    stream = torch.tensor([letters[c] for c in text[:B * T + 1]])
    x, y = stream[:-1].view(B, T).t(), stream[1:].view(B, T).t()
    V, E, H = len(letters), 64, 128
    embedding, dense = torch.nn.Embedding(V, E), torch.nn.Linear(H, V)
    parameters = [*embedding.parameters(), *dense.parameters()]
    if script:
        sys.path.insert(0, here)
        from torch_cells import lstm
        shapes = [((4 * H, H), (4 * H, D), (4 * H,)) for D in (E, H)]
        weights = [[(torch.randn(*shape) * 0.1).requires_grad_() for shape in layer] for layer in shapes]
        parameters += [w for layer in weights for w in layer]
        first, second = (lambda a, layer=layer: lstm(a, *layer) for layer in weights)
    else:
        modules = [torch.nn.LSTM(E, H), torch.nn.LSTM(H, H)]
        parameters += [w for module in modules for w in module.parameters()]
        first, second = (lambda a, module=module: module(a)[0] for module in modules)
    optimiser = torch.optim.Adam(parameters, 0.002)
    h = second(torch.nn.functional.dropout(first(embedding(x)), 0.2))
    loss = torch.nn.functional.cross_entropy(dense(h).view(-1, V), y.reshape(-1))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 5)
    optimiser.step()
    print(f"loss {float(loss.detach()):.4f}")


def timed(command):
    """Milliseconds of the processor, and what it printed."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\n{result.stdout}")
    return 1e3 * (after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime), result.stdout


def median(values):
    values = sorted(values)
    return values[len(values) // 2]


def first_update(rnnc, folder, rounds, with_torch):
    """Lines: rnnc with either compiler in memory, beside the peers, taking turns."""
    text = folder + "/text.txt"
    with open(text, "w", encoding="ascii", errors="ignore") as file:
        sources = sorted(glob.glob(root + "/compiler/*/*.c"))
        file.write("".join(open(f, encoding="utf-8").read() for f in sources)[:4 * B * T])
    train = [rnnc, "train", root + "/specs/models/char_lm.rnn", "--text", text, "--updates", "1", "--batch", str(B),
             "--steps", str(T), "--split", "1,0,0", "-o", folder + "/first", "--csv", folder + "/first/curve.csv"]
    os.makedirs(folder + "/first", exist_ok=True)
    classes = len(set(open(text, encoding="ascii").read()))
    everyone = {f"rnnc, {jit}": [*train, "--jit", jit] for jit in ("cc", "tcc")}
    if with_torch:
        python = [sys.executable, __file__, text]
        everyone.update({"PyTorch": python, "TorchScript": [*python, "script"]})
    for name, command in everyone.items():
        said = timed(command)[1]    # this run also warms the cache of files
        if name.startswith("rnnc"):
            with open(folder + "/first/curve.csv", newline="") as file:
                losses = [float(line["loss"]) for line in csv.DictReader(file)]
        else:
            losses = [float(said.split()[-1])]
        if len(losses) != 1 or abs(losses[0] - math.log(classes)) > 0.5:    # weights are drawn, so that all guess
            sys.exit(f"{name}: losses {losses} where one update from a loss of {math.log(classes):.2f} was expected")
    spent = {name: [] for name in everyone}
    for _ in range(rounds):
        for name, command in everyone.items():
            spent[name].append(timed(command)[0])
    lines = []
    for ours in ("rnnc, cc", "rnnc, tcc"):
        base = {"section": "E", "row": ours + ": first update", "ours_ms": median(spent[ours])}
        peers = [n for n in everyone if not n.startswith("rnnc")]
        for k, peer in enumerate(peers):
            ratios = [p / o for p, o in zip(spent[peer], spent[ours])]
            lines.append({**base, "peer": peer, "peer_ms": median(spent[peer]), "ratio": median(ratios),
                          "ratio_least": min(ratios), "ratio_most": max(ratios)})
        lines += [] if peers else [base]
    return lines


def compiling(rnnc, folder, rounds):
    """Lines (what, milliseconds of the processor, bytes of C): rnnc on every spec, cc -O3 on two of what it writes."""
    specs = sorted(glob.glob(root + "/specs/models/*.rnn")) + [here + "/specs/c1.rnn"]
    cc, lines = os.environ.get("CC", "cc").split(), []
    slowest = (0, "")
    for spec in specs:
        extra = [word for size in re.findall(r"(\w+) = from data", open(spec).read()) for word in ("-D", size + "=65")]
        build = [rnnc, "build", spec, "--standalone", "--batch", "50", "-o", folder + "/first", *extra]
        try:
            slowest = max(slowest, (median([timed(build)[0] for _ in range(rounds)]), os.path.basename(spec)))
        except SystemExit as error:
            print(f"{os.path.basename(spec)} left out: {str(error).splitlines()[-1]}")
    lines.append({"section": "E", "row": f"rnnc build, slowest spec ({slowest[1]})", "ours_ms": slowest[0]})
    for spec in (root + "/specs/models/hello.rnn", here + "/specs/c1.rnn"):
        name = os.path.basename(spec)[:-4]
        timed([rnnc, "build", spec, "--standalone", "--batch", "50", "-o", folder + "/first"])
        c = f"{folder}/first/{name}.c"
        command = [*cc, "-O3", "-march=native", "-c", c, "-o", folder + "/first/object.o"]
        spent = median([timed(command)[0] for _ in range(rounds)])
        lines.append({"section": "E", "row": f"cc -O3 of {name}.c", "ours_ms": spent, "bytes": os.path.getsize(c)})
    return lines


def section(rnnc, folder, rounds, with_torch):
    lines = first_update(rnnc, folder, rounds, with_torch) + compiling(rnnc, folder, rounds)
    for line in lines:
        text = f"{line['row']:42}{line['ours_ms']:9.1f} ms"
        if "peer" in line:
            text += f"   {line['peer']:12}{line['peer_ms']:9.1f} ms   ratio {line['ratio']:6.2f}  " \
                    f"({line['ratio_least']:.2f}-{line['ratio_most']:.2f})"
        print(text + (f"   {line['bytes']} bytes of C" if "bytes" in line else ""), flush=True)
    return lines


if __name__ == "__main__":
    torch_step(sys.argv[1], "script" in sys.argv[2:])
