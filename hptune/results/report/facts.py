"""The answer that the page begins with: what was found, how much better it is, and how it was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hptune.results.report.marks import Kind, by_kind, short
from hptune.results.study import JobStatus, Study, Trial
from hptune.results.tables import format_duration
from hptune.search.space import SearchSpace, Value, format_values

_ALGORITHMS = {
    "ALGORITHM_UNSPECIFIED": "Bayesian optimisation: hptune's Gaussian-process bandit",
    "RANDOM_SEARCH": "random search",
    "GRID_SEARCH": "grid search",
}


@dataclass(frozen=True)
class About:
    """What is known of a job besides its status.

    Attributes:
        seed: Seed of the suggestions; None where it is not known.
        command: The command that ran it; empty where it is not known.
        run: The pipeline's run that it is part of; empty where it is part of none.
        defaults: The parameters that the trainer's own arguments name; None where they do not name them all.
        final: What the training with the best parameters measured, by name; empty where there was none.
        directory: The job's directory as a relative URL that ends in a slash; None where the page's readers
            cannot reach it.
    """

    seed: int | None = None
    command: str = ""
    run: str = ""
    defaults: Mapping[str, Value] | None = None
    final: Mapping[str, float] = field(default_factory=dict)
    directory: str | None = None


@dataclass(frozen=True)
class Comparison:
    """The best trial beside another one.

    Attributes:
        title: What the other one is, in a word.
        verdict: How much better the best one is; empty where there is nothing to compare.
        words: What it is better than; all there is to say where there is nothing to compare.
        trial: The other one.
    """

    title: str
    verdict: str
    words: str
    trial: Trial


def comparisons(study: Study, about: About) -> list[Comparison]:
    """Compares the best trial with the first one and with the job's defaults."""
    best = study.best
    if best is None:
        return []
    first = study.trials[0]
    default = next((t for t in study.trials if about.defaults and _tried(t, about.defaults)), None)
    others = [("first", f"the first trial ({first.id})", first)] if default is not first else []
    if default is not None:
        others.append(("defaults", f"the job's own defaults, which trial {default.id} tried", default))
    return [_comparison(study, best, title, name, other) for title, name, other in others]


def _tried(trial: Trial, values: Mapping[str, Value]) -> bool:
    return all(trial.parameters.get(name) == value for name, value in values.items())


def _comparison(study: Study, best: Trial, title: str, name: str, other: Trial) -> Comparison:
    if other.id == best.id:
        return Comparison(title, "", f"Nothing was better than {name}.", other)
    if best.final is None or other.final is None:
        return Comparison(title, "", f"Nothing to compare with: {name} has no objective.", other)
    verdict = _verdict(best.final.value, other.final.value)
    return Comparison(title, verdict, f"{name}: {study.metric} {short(other.final.value)}", other)


def _verdict(value: float, other: float) -> str:
    """Says how far a value is from another one, which is no better: ``0.0072 higher (0.74 %)``."""
    if value == other:
        return "no better"
    difference = abs(value - other)
    share = f" ({100 * difference / abs(other):.3g} %)" if difference < 10 * abs(other) else ""
    return f"{short(difference)} {'higher' if value > other else 'lower'}{share}"


def best_rows(study: Study, space: SearchSpace, about: About) -> list[tuple[str, str, list[str]]]:
    """Returns each parameter with its best value and that of the trials of `comparisons`."""
    best = study.best
    if best is None:
        return []
    others = [comparison.trial for comparison in comparisons(study, about)]
    return [
        (name, short(best.parameters.get(name, "-")), [short(t.parameters.get(name, "-")) for t in others])
        for name in space.names
    ]


def arguments(trial: Trial) -> str:
    """Writes a trial's parameters in full, as arguments of a trainer."""
    return " ".join(f"--{name}={value}" for name, value in format_values(trial.parameters).items())


def facts(status: JobStatus, algorithm: str, about: About) -> Iterator[tuple[str, str]]:
    """Yields how the job was asked for and how it went, name and text.

    Args:
        status: The job.
        algorithm: What suggested the trials: a name of the job file's, or of Katib's own.
        about: What else is known of it.
    """
    study = status.study
    yield "Goal", f"{study.goal.value.lower()} {study.metric}"
    yield "Trials", f"{len(study.finished)} of {study.max_trials} finished: {counted(study)}"
    yield "Started", f"{status.create_time:%Y-%m-%d %H:%M:%S %Z}"
    if status.end_time and status.end_time >= status.create_time:
        yield "Took", format_duration((status.end_time - status.create_time).total_seconds())
    yield "Algorithm", _ALGORITHMS.get(algorithm, f"Katib's {algorithm}")
    if about.seed is not None:
        yield "Seed", str(about.seed)
    if about.run:
        yield "Run", about.run
    for name, value in about.final.items():
        yield "Final training", f"{name} {short(value)}, on the test part"


def counted(study: Study) -> str:
    """Counts a study's trials by what became of them."""
    groups = by_kind(study.trials, None)
    counts = [f"{len(trials)} {kind.look.label}" for kind, trials in groups.items()]
    return ", ".join(counts) or "none yet"


def reasons(study: Study) -> list[tuple[Trial, Kind]]:
    """Returns the trials that ended otherwise than they should, each with what became of it."""
    groups = by_kind(study.trials, None)
    odd = (Kind.FAILED, Kind.STOPPED, Kind.CANCELLED)
    return [(trial, kind) for kind in odd for trial in groups.get(kind, [])]
