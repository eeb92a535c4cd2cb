"""Asks Optuna on behalf of a study of gradbook: a line of JSON in, a line of JSON out. Started by ../optuna.ts."""

import json
import sys
import warnings


def answer(**fields):
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


try:
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
    from optuna.trial import Trial, TrialState, create_trial
    from sqlalchemy import event
    from sqlalchemy.engine import Engine
except ImportError as error:
    answer(missing=error.name or "optuna", python=sys.executable)
    sys.exit(0)

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")


@event.listens_for(Engine, "connect")
def write_quickly(connection, _):
    # Waiting for the disk costs more than the sampler. What a crash of the machine takes is told again from the study's own files.
    connection.execute("PRAGMA synchronous=OFF")


def distribution_of(kind, settings):
    if kind == "choice":
        return CategoricalDistribution(settings["values"])
    low, high = settings["low"], settings["high"]
    if kind == "integer":
        return IntDistribution(int(low), int(high), log=settings.get("log", False), step=settings.get("step", 1))
    return FloatDistribution(float(low), float(high), log=kind == "logUniform")


def sampler_of(name, seed):
    if name == "tpe":
        return optuna.samplers.TPESampler(seed=seed)
    if name == "cma-es":
        return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
    return optuna.samplers.GPSampler(seed=seed)


def is_same(one, other):
    """Equal and of one kind: in Python True is 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


class Served:
    def open(self, name, storage, directions, space, sampler, seed, trials):
        self.space = [(one["name"], distribution_of(one["kind"], one["settings"]), one.get("given")) for one in space]
        # A sampler that goes on in another process does not draw the numbers again that it began with.
        seed = seed if not trials else (seed + 7919 * len(trials)) % 2**32
        self.study = optuna.create_study(
            study_name=name,
            storage=storage,
            directions=directions,
            sampler=sampler_of(sampler, seed),
            load_if_exists=True,
        )
        if [one.name.lower() for one in self.study.directions] != directions:
            raise ValueError(f"the study in {storage} has other objectives")
        # Optuna's number of a trial by the study's.
        self.numbers = {}
        running = set()
        for frozen in self.study.get_trials(deepcopy=False):
            number = frozen.user_attrs.get("gradbook")
            if number is not None:
                self.numbers[number] = frozen.number
            if frozen.state == TrialState.RUNNING:
                running.add(number)
                if number is None:
                    self.study.tell(frozen.number, state=TrialState.FAIL)
        for one in trials:
            if one["number"] not in self.numbers or one["number"] in running:
                self.tell(**one)
        return {"version": optuna.__version__}

    def ask(self, number):
        if number in self.numbers:
            # It was asked for by a process that ended before it wrote the trial down.
            self.study.tell(self.numbers[number], state=TrialState.FAIL, skip_if_finished=True)
        trial = self.study.ask()
        parameters = {}
        for name, one, given in self.space:
            if given and not any(is_same(parameters.get(given["name"]), value) for value in given["values"]):
                continue
            if isinstance(one, CategoricalDistribution):
                parameters[name] = trial.suggest_categorical(name, one.choices)
            elif isinstance(one, IntDistribution):
                parameters[name] = trial.suggest_int(name, one.low, one.high, log=one.log, step=one.step)
            else:
                parameters[name] = trial.suggest_float(name, one.low, one.high, log=one.log)
        trial.set_user_attr("gradbook", number)
        self.numbers[number] = trial.number
        return {"parameters": parameters}

    def tell(self, number, parameters, state, values, iteration):
        if number not in self.numbers:
            there = {name: one for name, one, _ in self.space if name in parameters}
            self.study.add_trial(
                create_trial(
                    state=TrialState.RUNNING,
                    params={name: parameters[name] for name in there},
                    distributions=there,
                    user_attrs={"gradbook": number},
                )
            )
            self.numbers[number] = len(self.study.get_trials(deepcopy=False)) - 1
        own = self.numbers[number]
        if state == "complete" and values:
            self.study.tell(own, values)
        elif state == "pruned":
            if values and len(values) == 1:
                trial = self.study.get_trials(deepcopy=False)[own]
                Trial(self.study, trial._trial_id).report(values[0], iteration)
            self.study.tell(own, state=TrialState.PRUNED)
        else:
            self.study.tell(own, state=TrialState.FAIL)
        return {}


served = Served()
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer(**getattr(served, request.pop("do"))(**request))
    except ImportError as error:
        answer(missing=error.name or str(error), python=sys.executable)
    except Exception as error:
        answer(error=f"{type(error).__name__}: {error}")
