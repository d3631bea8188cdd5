"""Studies for the report: jobs as they end, made in memory from functions in place of trainers."""

import math
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from threadpoolctl import threadpool_limits

from hptune.results.report.surrogate import Surrogate
from hptune.results.study import Goal, JobState, JobStatus, Measurement, Study, Trial, TrialState
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Double, Integer, SearchSpace

START = datetime(2026, 1, 2, 9, 30, tzinfo=UTC)
DIGITS = SearchSpace((Integer("num-steps", 200, 10000), Double("lr", 0.001, 0.1, Scale.LOG)))
EIGHT = SearchSpace(
    (
        Double("learning_rate", 1e-5, 0.1, Scale.LOG),
        Double("momentum", 0.1, 0.99, Scale.REVERSE_LOG),
        Integer("num_layers", 1, 6),
        Discrete("units", (16.0, 32.0, 64.0, 128.0)),
        Categorical("activation", ("relu", "tanh", "gelu", "swish", "a_very_long_activation_name")),
        Double("dropout", 0.0, 0.7),
        Integer("batch_size", 8, 512, Scale.LOG),
        Categorical("optimizer_of_the_embedding_layers", ("adam", "sgd")),
    )
)


def accuracy(values):
    """An accuracy with its best at lr 0.02 and many steps, for DIGITS."""
    return 0.98 - 0.03 * math.log10(values["lr"] / 0.02) ** 2 - 0.04 * math.exp(-values["num-steps"] / 2500)


def of_eight(values):
    """A loss over EIGHT."""
    loss = 0.2 + 0.15 * math.log10(values["learning_rate"] / 1e-3) ** 2 + (values["dropout"] - 0.2) ** 2
    loss += 0.3 * (values["activation"] == "tanh") + 0.4 * (values["momentum"] - 0.9) ** 2
    return loss + 0.02 * abs(values["num_layers"] - 3)


def curve(final, points, goal=Goal.MAXIMIZE):
    away = 0.5 if goal is Goal.MAXIMIZE else -0.5
    steps = range(1, points + 1)
    return tuple(Measurement(final - away * math.exp(-5 * k / points), 100 * k) for k in steps)


def suggest(space: SearchSpace, run: Callable, count: int, goal=Goal.MAXIMIZE):
    """Trials that the bandit suggests; ``run`` makes the trial of a number and values."""
    study = Study("job", "accuracy", goal, count)
    # Small matrices are slow where threads wait for one another on a busy machine.
    with threadpool_limits(limits=1, user_api="blas"):
        for number in range(1, count + 1):
            done = run(number, Surrogate(study, space).suggestion(seed=0))
            study = replace(study, trials=(*study.trials, done))
    return study.trials


def measured(objective: Callable, points=12, goal=Goal.MAXIMIZE):
    """Runs a trial to its end."""
    return lambda number, values: trial(number, values, objective(values), points, goal)


def trial(number, values, objective, points=12, goal=Goal.MAXIMIZE):
    """A trial that ran beside another one."""
    start = START + timedelta(seconds=2 + 33 * ((number - 1) // 2) + 3 * (1 - number % 2))
    end = start + timedelta(seconds=20 + 7 * (number % 2))
    reported = curve(objective, points, goal)
    final = Measurement(objective, reported[-1].step)
    return Trial(number, values, TrialState.SUCCEEDED, reported, final, False, "", start, end)


def failed(done, message="exited with code 1: ValueError: the loss is NaN", state=TrialState.FAILED):
    return replace(done, state=state, final=None, measurements=(), message=message)


def stopped(done):
    """The trial as the early-stopping rule ends it: with a curve that breaks off."""
    kept = done.measurements[:5]
    message = "best 0.61 by step 500, median of the others 0.74"
    return replace(done, measurements=kept, final=kept[-1], stopped_early=True, message=message)


def fails_where_lr_is_large(number, values):
    done = trial(number, values, accuracy(values))
    if values["lr"] > 0.04:
        return failed(done)
    return stopped(done) if done.final.value < 0.973 and number > 3 else done


def status(trials, name="digits", metric="accuracy", goal=Goal.MAXIMIZE, message="", state=None):
    study = Study(name, metric, goal, max(len(trials), 1), tuple(trials))
    ends = [each.end_time for each in trials if each.end_time] or [START]
    state = state or (JobState.SUCCEEDED if study.best else JobState.FAILED)
    return JobStatus(state, study, {}, message, START, max(ends) + timedelta(seconds=3))


def digits():
    return status(suggest(DIGITS, measured(accuracy), 10)), DIGITS


def with_failures():
    done = list(suggest(DIGITS, fails_where_lr_is_large, 16))
    done[14] = failed(done[14], "", TrialState.CANCELLED)
    done[15] = replace(done[15], state=TrialState.RUNNING, final=None, end_time=None)
    return status(done, state=JobState.CANCELLED, message="stopped; the same command takes it up"), DIGITS


def one_trial():
    return status(suggest(DIGITS, measured(accuracy), 1)), DIGITS


def choices():
    space = SearchSpace(
        (
            Categorical("model", ("linear", "tree", "forest", "boosting")),
            Categorical("features", ("all", "selected", "pca")),
        )
    )
    best = {"linear": 0.7, "tree": 0.75, "forest": 0.85, "boosting": 0.88}
    found = suggest(space, measured(lambda v: best[v["model"]] - 0.05 * (v["features"] == "pca")), 9)
    return status(found, name="choices"), space


def eight_parameters():
    found = suggest(EIGHT, measured(of_eight, goal=Goal.MINIMIZE), 24, Goal.MINIMIZE)
    return status(found, name="eight", metric="validation_loss", goal=Goal.MINIMIZE), EIGHT


def reverse_log():
    space = SearchSpace((Double("momentum", 0.1, 0.999, Scale.REVERSE_LOG),))
    found = suggest(space, measured(lambda v: 0.9 - (math.log10(1.0 - v["momentum"]) + 1.5) ** 2 / 10), 8)
    return status(found, name="momentum"), space


def five_hundred():
    rng = random.Random(0)
    found = []
    for number in range(1, 501):
        values = {parameter.name: parameter.from_unit(rng.random()) for parameter in EIGHT}
        found.append(trial(number, values, of_eight(values) + rng.gauss(0, 0.02), 100, Goal.MINIMIZE))
        if number % 25 == 0:
            found[-1] = failed(found[-1])
        elif number % 9 == 0:
            found[-1] = stopped(found[-1])
    return status(found, name="five-hundred", metric="loss", goal=Goal.MINIMIZE), EIGHT


STUDIES = {
    each.__name__: each
    for each in (digits, with_failures, one_trial, choices, eight_parameters, reverse_log, five_hundred)
}
"""Each job by its name: makes its status and its search space."""
