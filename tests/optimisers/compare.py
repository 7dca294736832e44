"""compare.py STEPS: optimisers and schedules against torch.optim, from the same weights and gradients.

Every rule with its defaults (so the defaults are compared, too), with other options, with decay, clipping and a group
of its own rate, in double and in float; every schedule that torch has.
"""
import subprocess
import sys

import numpy
import torch

N, UPDATES = 37, 20
BOUND = {"double": 1e-12, "float": 2e-6}
DTYPE = {"double": torch.float64, "float": torch.float32}

random = numpy.random.RandomState(1)
weights = random.randn(N)
gradients = random.randn(UPDATES, N) * numpy.exp(random.randn(UPDATES, 1))
losses = 3 + numpy.cos(numpy.arange(UPDATES) / 2.0)

passed = failed = 0


def check(what, difference, bound):
    global passed, failed
    if difference <= bound:
        passed += 1
    else:
        failed += 1
        print("optimisers: %s: differs by %.3g, the bound is %.3g" % (what, difference, bound))


def steps(real, rule, schedule, options):
    words = ["%s=%r" % item for item in options.items()]
    data = numpy.concatenate([weights, numpy.column_stack([gradients, losses]).ravel()])
    out = subprocess.run([sys.argv[1], real, rule, schedule, str(N)] + words, input=data.tobytes(), check=True,
                         stdout=subprocess.PIPE).stdout
    rows = numpy.frombuffer(out).reshape(UPDATES, N + 2)
    return rows[:, 0], rows[:, 1], rows[:, 2:]


def follow(real, optimiser_of, options, scheduler_of=None):
    """The norms, rates and weights of torch; optimiser_of makes an optimiser of groups of parameters."""
    a, b = (torch.nn.Parameter(torch.tensor(part, dtype=DTYPE[real])) for part in numpy.split(weights, [N // 2]))
    optimiser = optimiser_of([{"params": [a]}, {"params": [b]}])
    optimiser.param_groups[1]["lr"] *= options.get("group", 1)
    scheduler = scheduler_of(optimiser) if scheduler_of else None
    norms, rates, rows = [], [], []
    for gradient, loss in zip(gradients, losses):
        a.grad, b.grad = (torch.tensor(part, dtype=DTYPE[real]) for part in numpy.split(gradient, [N // 2]))
        norms.append(float(torch.linalg.vector_norm(torch.cat([a.grad, b.grad]))))
        if options.get("clip_value"):
            torch.nn.utils.clip_grad_value_([a, b], options["clip_value"])
        if options.get("clip_norm"):
            torch.nn.utils.clip_grad_norm_([a, b], options["clip_norm"])
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        rows.append(torch.cat([a.detach(), b.detach()]).double().numpy())
        if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            scheduler.step(loss)
        elif scheduler:
            scheduler.step()
    return numpy.array(norms), numpy.array(rates), numpy.array(rows)


def compare(real, rule, options, optimiser_of, schedule="constant", scheduler_of=None):
    what = "%s %s %s %s" % (real, rule, schedule, options)
    ours = steps(real, rule, schedule, options)
    theirs = follow(real, optimiser_of, options, scheduler_of)
    for name, x, y in zip(("norm", "rate", "weights"), ours, theirs):
        bound = 1e-14 if name == "rate" else BOUND[real]
        check("%s: %s" % (what, name), numpy.abs((x - y) / (1 + numpy.abs(y))).max(), bound)


# Our name: torch's class, its options by ours, those that torch demands and what ours are when nothing is said.
RULES = {
    "sgd": (torch.optim.SGD, {"rate": "lr", "weight_decay": "weight_decay"}, {"lr": 0.01}),
    "momentum": (torch.optim.SGD, {"rate": "lr", "momentum": "momentum", "weight_decay": "weight_decay"},
                 {"lr": 0.01, "momentum": 0.9}),
    "nesterov": (torch.optim.SGD, {"rate": "lr", "momentum": "momentum", "weight_decay": "weight_decay"},
                 {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
    "rmsprop": (torch.optim.RMSprop, {"rate": "lr", "rho": "alpha", "epsilon": "eps", "momentum": "momentum",
                                      "weight_decay": "weight_decay"}, {}),
    "adagrad": (torch.optim.Adagrad, {"rate": "lr", "epsilon": "eps", "weight_decay": "weight_decay"}, {}),
    "adadelta": (torch.optim.Adadelta, {"rate": "lr", "rho": "rho", "epsilon": "eps",
                                        "weight_decay": "weight_decay"}, {}),
    "adam": (torch.optim.Adam, {"rate": "lr", "epsilon": "eps", "weight_decay": "weight_decay"}, {}),
    "adamw": (torch.optim.AdamW, {"rate": "lr", "epsilon": "eps", "weight_decay": "weight_decay"}, {}),
}
OTHER = {"rate": 0.05, "momentum": 0.7, "rho": 0.8, "epsilon": 1e-3, "weight_decay": 0.1}
CLIPPING = ({"clip_norm": 3}, {"clip_value": 0.5}, {"clip_value": 0.5, "clip_norm": 2}, {"group": 0.25}, {"group": 0})

for rule, (cls, names, needed) in RULES.items():
    cases = [{}] + [{key: OTHER[key]} for key in names] + [{key: OTHER[key] for key in names}] + list(CLIPPING)
    if rule in ("adam", "adamw"):
        cases.append({"beta1": 0.5, "beta2": 0.7})
    for options in cases:
        arguments = dict(needed)
        arguments.update((names[key], value) for key, value in options.items() if key in names)
        if "beta1" in options:
            arguments["betas"] = (options["beta1"], options["beta2"])
        for real in ("double", "float"):
            compare(real, rule, options, lambda groups: cls(groups, **arguments))

S = torch.optim.lr_scheduler
SCHEDULES = [
    ("step", {"every": 3, "factor": 0.3}, lambda o: S.StepLR(o, 3, 0.3)),
    ("step", {}, lambda o: S.StepLR(o, 10)),
    ("halving", {"after": 5}, lambda o: S.LambdaLR(o, lambda e: 0.5 ** max(e + 1 - 5, 0))),
    ("exponential", {"factor": 0.8}, lambda o: S.ExponentialLR(o, 0.8)),
    ("linear", {"total": 15}, lambda o: S.LinearLR(o, 1, 0, 15)),
    ("cosine", {"total": 20}, lambda o: S.CosineAnnealingLR(o, 20)),
    ("plateau", {"factor": 0.5, "patience": 2}, lambda o: S.ReduceLROnPlateau(o, factor=0.5, patience=2, eps=0)),
    ("plateau", {"factor": 0.5, "patience": 0}, lambda o: S.ReduceLROnPlateau(o, factor=0.5, patience=0, eps=0)),
    ("constant", {"warm_up": 8}, lambda o: S.LambdaLR(o, lambda u: min(1, (u + 1) / 8))),
]
for schedule, options, scheduler_of in SCHEDULES:
    compare("double", "sgd", options, lambda groups: torch.optim.SGD(groups, lr=0.01), schedule, scheduler_of)

print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
