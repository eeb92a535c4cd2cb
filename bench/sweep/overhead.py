"""Optuna with n_jobs=2: so many trials of a second of training each, and the seconds that they took."""

import sys
import time

import numpy as np
import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)


def objective(trial):
    rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    end = time.perf_counter() + 1
    a = np.random.rand(64, 64)
    while time.perf_counter() < end:
        a = a @ a
        a /= np.abs(a).max()
    return rate


study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
study.optimize(objective, n_trials=2, n_jobs=2)
started = time.perf_counter()
study.optimize(objective, n_trials=int(sys.argv[1]), n_jobs=2)
print(time.perf_counter() - started)
