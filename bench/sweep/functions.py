"""Optuna's TPE used directly on three standard functions: the best value after so many trials, a line of JSON for each seed."""

import json
import math
import sys

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)


def branin(t):
    x, y = t.suggest_float("x", -5, 10), t.suggest_float("y", 0, 15)
    bent = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return bent**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def rosenbrock(t):
    x, y = t.suggest_float("x", -2, 2), t.suggest_float("y", -1, 3)
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def ackley(t):
    x = [t.suggest_float(name, -5, 5) for name in "xyz"]
    root = math.sqrt(sum(one * one for one in x) / 3)
    waves = sum(math.cos(2 * math.pi * one) for one in x) / 3
    return -20 * math.exp(-0.2 * root) - math.exp(waves) + 20 + math.e


trials, seeds = int(sys.argv[1]), int(sys.argv[2])
for seed in range(seeds):
    found = {}
    for function in (branin, rosenbrock, ackley):
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        study.optimize(function, n_trials=trials)
        found[function.__name__] = study.best_value
    print(json.dumps(found), flush=True)
