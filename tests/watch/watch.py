# watch.py RNNC FOLDER: edits specs while rnnc watch trains them, presses keys, and looks at what comes of it.

import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time

rnnc, folder = sys.argv[1:]
os.chdir(folder)
passed = failed = 0
WAIT = 30  # seconds until something counts as not happening

SPEC = """use "cell.rnn"
model m {
    size V = from data, H = 8
    input  x[t] : token(V)
    target y[t] : token(V)
    h = mine(onehot(x), H)
    p = softmax(dense(h, V))
    loss cross_entropy(p, y)
    generate x[t+1] ~ p
    train {
        rate = 0.01
        batch = 4
        T = 10
    }
}
"""
CELL = """cell mine(x(D), H) -> h {
    param W(H,H), U(H,D), b(H)
    h = tanh(W @ h[t-1] + U @ x + b)
}
"""


def check(good, what):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print("watch:", what)


def write(path, text, how="w"):
    with open(path, how) as f:
        f.write(text)


def save_as(path, text):
    """As many editors do: a new file, then its name."""
    write(path + "~", text)
    os.rename(path + "~", path)


def read(path):
    with open(path) as f:
        return f.read()


def until(condition):
    end = time.time() + WAIT
    while time.time() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def tensors(path):
    """Names to reals; and the metadata."""
    with open(path, "rb") as f:
        data = f.read()
    n = struct.unpack("<Q", data[:8])[0]
    head = json.loads(data[8 : 8 + n])
    found = {}
    for name, of in head.items():
        if name != "__metadata__" and of["dtype"] == "F32":
            at, end = of["data_offsets"]
            found[name] = struct.unpack("<%df" % ((end - at) // 4), data[8 + n + at : 8 + n + end])
    return found, head["__metadata__"]


def begin(*args, stdin=subprocess.DEVNULL, stdout="out"):
    write("m.rnn", SPEC)
    write("cell.rnn", CELL)
    if os.path.exists("c.csv"):
        os.unlink("c.csv")
    to = open(stdout, "w") if isinstance(stdout, str) else stdout
    return subprocess.Popen([rnnc, "watch", "m.rnn", "--text", "text.txt", "--jit", jit, *args], stdin=stdin,
                            stdout=to, stderr=open("err", "w"))


def stop(p, how=signal.SIGINT):
    p.send_signal(how)
    check(p.wait(WAIT) == -how, "exit status %s: %s" % (p.returncode, read("err")))


def rows():
    """Of the table that is there so far."""
    return len(read("c.csv").splitlines()) - 1 if os.path.exists("c.csv") else 0


write("text.txt", "".join("the cat number %d sat on the mat %d times;\n" % (i % 7, i % 3) for i in range(300)))
write("m.rnn", SPEC)
write("cell.rnn", CELL)


def train(*args):
    return subprocess.run([rnnc, "train", "m.rnn", "--text", "text.txt", *args], capture_output=True, text=True)


jit = "tcc" if train("--jit", "tcc", "--updates", "1", "-o", "probe").returncode == 0 else "cc"

# ---- without an edit it is train -------------------------------------------------------------------------------------

check(train("--jit", jit, "--updates", "150", "-o", "a").returncode == 0, "train")
p = begin("--updates", "150", "-o", "b")
check(p.wait(WAIT) == 0, "watch --updates: exit status")
with open("a/last.safetensors", "rb") as f, open("b/last.safetensors", "rb") as g:
    check(f.read() == g.read(), "watch without an edit has other bits than train")
check(train("--jit", jit, "--updates", "400", "--rate", "0.05", "-o", "w").returncode == 0, "train the first weights")

# ---- edits -----------------------------------------------------------------------------------------------------------

# With a rate of 0 parameters stand still: what is kept can be told from what begins. adagrad adds up squares: what the
# optimiser knows of a parameter only grows, unless it is forgotten.
p = begin("--init", "w/last.safetensors", "--rate", "0", "--optimiser", "adagrad", "-o", "e", "--csv", "c.csv",
          "--save-every", "20")
check(until(lambda: os.path.exists("e/last.safetensors") and int(tensors("e/last.safetensors")[1]["optimiser.updates"]) > 600),
      "nothing is trained")
before, _ = tensors("e/last.safetensors")
save_as("m.rnn", SPEC.replace("p = softmax(dense(h, V))", "q = tanh(dense(h, 5))\n    p = softmax(dense(q, V) + dense(h, V))"))
check(until(lambda: "version 2" in read("out")), "a save by a rename is not seen: " + read("err"))
stop(p)
line = re.search(r"^version 2, from update (\d+): (.*)$", read("out"), re.M)
check(line, "the line of the version: " + read("out"))
if line:
    said = dict(re.match(r" ?([a-z ]+?):? ([A-Za-z].*)", part).groups() for part in line.group(2).split(";"))
    kept, new, gone, reshaped = (set(said.get(w, "").split(", ")) - {""} for w in ("kept", "new", "gone", "of another shape"))
    new |= reshaped
    check({"h.W", "h.U", "h.b"} <= kept and new and not kept & (new | gone), "kept %s, new %s, gone %s" % (kept, new, gone))
    after, notes = tensors("e/last.safetensors")
    check(train("--jit", jit, "--rate", "0", "--updates", "1", "-o", "fresh").returncode == 0, "train anew")
    fresh, _ = tensors("fresh/last.safetensors")
    first, _ = tensors("w/last.safetensors")
    check(all(after[name] == first[name] for name in kept), "what is kept has other values")
    check(all(after[name] == fresh[name] for name in new), "what is new does not begin as it would")
    check(any(fresh[name] != first[name] for name in kept), "the test cannot tell")
    slot = lambda of, name: sum(of["optimiser/0/" + name])
    check(all(slot(after, n) >= slot(before, n) > 0 for n in kept), "the optimiser has forgotten what is kept")
    check(rows() == int(notes["optimiser.updates"]), "%d rows for %s updates" % (rows(), notes["optimiser.updates"]))
    updates = [int(r.split(",")[0]) for r in read("c.csv").splitlines()[1:]]
    check(updates == list(range(1, len(updates) + 1)), "an update is missing in the table, or there twice")
check(sorted(os.listdir("e")) in (["best.safetensors", "last.safetensors"], ["last.safetensors"]),
      "files are left: %s" % os.listdir("e"))

# With a rate of 0 the losses are those of a training without an edit as long as what is carried goes on; what has another
# name begins anew.
p = begin("--rate", "0", "-o", "s", "--csv", "c.csv", "--save-every", "5")
check(until(lambda: rows() > 100), "nothing is trained")
save_as("m.rnn", SPEC.replace("softmax(dense(h, V))", "softmax(1 * dense(h, V))"))
check(until(lambda: "version 2" in read("out")), "an edit is not seen: " + read("err"))
then = rows()
check(until(lambda: rows() > then + 20), "training does not go on")
save_as("m.rnn", SPEC.replace("h = mine", "g = mine").replace("dense(h, V)", "dense(g, V)"))
check(until(lambda: "version 3" in read("out")), "an edit is not seen: " + read("err"))
stop(p)
began = [int(at) for at in re.findall(r"^version \d, from update (\d+):", read("out"), re.M)]
anew = re.findall(r"^version (\d).*; the carried state begins anew", read("out"), re.M)
check(anew == ["3"], "the carried state begins anew with versions %s" % anew)
losses = lambda path: [float(r.split(",")[2]) for r in read(path).splitlines()[1:]]
write("m.rnn", SPEC)
check(train("--jit", jit, "--rate", "0", "--updates", str(began[1]), "-o", "s2", "--csv", "s2.csv").returncode == 0, "train")
far = [abs(a - b) for a, b in zip(losses("c.csv"), losses("s2.csv"))][:began[1] - 1]
check(len(far) > began[0] and max(far) < 1e-6, "with the same state the losses differ by %g" % max(far))

# Errors; a file that is used; a save without a change.
p = begin("-o", "f", "--csv", "c.csv", "--save-every", "5")
check(until(lambda: rows() > 20), "nothing is trained")
write("m.rnn", SPEC.replace("dense(h, V)", "dense(g, V)"))
check(until(lambda: "'g'" in read("err")), "no diagnostics: " + read("err"))  # empty for a moment, it may be another error
check(until(lambda: "goes on with the last good version" in read("err").split("'g'")[-1]), "an error is not said")
then = rows()
check(until(lambda: rows() > then + 20), "training does not go on after an error")
check("version" not in read("out"), "an error made a version")
write("m.rnn", SPEC + "# as before, with a comment\n")
check(until(lambda: "version 2" in read("out")), "the mended spec is not seen")
write("cell.rnn", CELL.replace("tanh", "tann"))
check(until(lambda: read("err").count("last good version") == 2), "an error in a file that is used is not said")
write("cell.rnn", CELL.replace("tanh", "sigmoid"))
check(until(lambda: "version 3" in read("out")), "a file that is used is not seen")
other = 'use "other.rnn"\n' + SPEC.replace("mine(", "other(")
write("other.rnn", CELL.replace("mine", "other").replace("b(H)", "b(H"))
write("m.rnn", other)
check(until(lambda: read("err").count("last good version") == 3), "an error in a new file is not said")
write("other.rnn", CELL.replace("mine", "other"))
check(until(lambda: "version 4" in read("out")), "a new file, mended, is not seen")
write("m.rnn", other)
os.utime("cell.rnn")
os.unlink("other.rnn")
time.sleep(0.3)
write("other.rnn", CELL.replace("mine", "other"))
then = rows()
check(until(lambda: rows() > then + 20), "training does not go on")
check("version 5" not in read("out"), "a save without a change made a version")
write("m.rnn", other.replace("rate = 0.01", "rate = 0.02"))
check(until(lambda: "version 5" in read("out")), "settings of train { } are not seen")
then = rows()
check(until(lambda: rows() > then + 2), "training does not go on")
stop(p, signal.SIGTERM)
check(read("c.csv").splitlines()[-1].split(",")[4] == "0.02", "the rate is not that of train { }")
write("m.rnn", "model")
p = subprocess.run([rnnc, "watch", "m.rnn", "--text", "text.txt"], capture_output=True, text=True)
check(p.returncode == 1 and "m.rnn:1:" in p.stderr, "a spec that is wrong at first: %d %s" % (p.returncode, p.stderr))

# ---- keys ------------------------------------------------------------------------------------------------------------

master, slave = pty.openpty()
modes = termios.tcgetattr(slave)
p = begin("-o", "k", "--csv", "c.csv", stdin=slave, stdout="out", *["--save-every", "1000000", "--epochs", "1000000"])


def press(key, shows):
    n = len(read("out"))
    os.write(master, key.encode())
    check(until(lambda: re.search(shows, read("out")[n:], re.S)), "key %s shows %r, not %s" % (key, read("out")[n:], shows))


check(until(lambda: "keys: " in read("out")), "no keys are named")
check(termios.tcgetattr(slave)[3] & (termios.ICANON | termios.ECHO) == 0, "keys are not read one by one")
press("p", "paused")
os.path.exists("k/last.safetensors") and os.unlink("k/last.safetensors")
press("w", "writes k/last.safetensors")
check(until(lambda: os.path.exists("k/last.safetensors")), "w writes nothing")
at = tensors("k/last.safetensors")[1]["optimiser.updates"]
time.sleep(0.3)
os.unlink("k/last.safetensors")
press("w", "writes")
check(until(lambda: os.path.exists("k/last.safetensors")), "w writes nothing")
check(tensors("k/last.safetensors")[1]["optimiser.updates"] == at, "it trains while it is paused")
press("s", r"[a-z ]{3}.*\n")
press("+", r"rate 0\.0125")
press("-", r"rate 0\.01\n")
press("-", r"rate 0\.008")
press("x", "")
save_as("m.rnn", SPEC.replace("size V = from data, H = 8", "size V = from data, H = 9"))
check(until(lambda: "version 2" in read("out")), "an edit is not seen while it is paused")
line = re.search("^version 2.*$", read("out"), re.M).group(0)
check(re.search(r"kept p.dense.b; of another shape: h.W, h.U, h.b, p.dense.W; the carried state begins anew$", line), line)
press("p", "goes on")
time.sleep(0.3)
os.write(master, b"q")
check(p.wait(WAIT) == 0, "q: exit status %s: %s" % (p.returncode, read("err")))
check(termios.tcgetattr(slave) == modes, "the terminal is not as it was")
check(int(tensors("k/last.safetensors")[1]["optimiser.updates"]) > int(at), "q does not save")
check(read("c.csv").splitlines()[-1].split(",")[4] == "0.008", "the rate of the keys is not kept: " + read("c.csv")[-60:])

print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
