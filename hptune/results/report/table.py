"""The table of all trials, as rows of cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from hptune.results.report.marks import Kind, kind_of, short
from hptune.results.report.thin import listed
from hptune.results.study import Study, Trial
from hptune.results.tables import format_duration
from hptune.search.space import SearchSpace
from hptune.storage.job_dir import JobDir

FOLDED = 20
"""How many rows a longer table shows until it is unfolded."""


@dataclass(frozen=True)
class Cell:
    """One value of a trial.

    Attributes:
        text: What it says.
        order: What it is sorted by, where that is not its text or the number in it.
        style: Its class: of words, which are read and not compared digit by digit, or of a long reason.
    """

    text: str
    order: float | None = None
    style: str = ""


@dataclass(frozen=True)
class Row:
    """One trial.

    Attributes:
        trial: The trial.
        kind: What became of it.
        cells: A cell a column.
        links: Names and relative URLs of its files.
    """

    trial: Trial
    kind: Kind
    cells: Sequence[Cell]
    links: Sequence[tuple[str, str]]


def columns(study: Study, space: SearchSpace) -> list[str]:
    """Returns the columns' names."""
    reason = ["reason"] if any(trial.message for trial in study.trials) else []
    return ["trial", study.metric, "step", *space.names, "duration", "state", *reason]


def rows(study: Study, space: SearchSpace, directory: str | None) -> list[Row]:
    """Returns the trials that the page has room for, best first.

    Args:
        study: The study.
        space: Its search space.
        directory: The job's directory as a relative URL; None where it cannot be reached.
    """
    names = columns(study, space)
    with_reason = "reason" in names[-1:]
    return [
        Row(trial, kind_of(trial, study.best), _cells(trial, space, with_reason), _links(trial, directory))
        for trial in listed(study, len(names))
    ]


def _cells(trial: Trial, space: SearchSpace, with_reason: bool) -> list[Cell]:
    final = trial.final
    kind = kind_of(trial).look
    return [
        Cell(str(trial.id)),
        Cell(short(final.value), float(f"{final.value:.9g}")) if final else Cell("-"),
        Cell(str(final.step) if final else "-"),
        *(Cell(short(trial.parameters.get(name, "-"))) for name in space.names),
        Cell(format_duration(trial.duration_s), trial.duration_s),
        Cell(f"{kind.sign} {kind.label}", style="words"),
        *([Cell(trial.message or "-", style="reason")] if with_reason else []),
    ]


def _links(trial: Trial, directory: str | None) -> list[tuple[str, str]]:
    if directory is None:
        return []
    files = JobDir(Path()).trial(trial.id)
    places = (("log", files.log.as_posix()), ("files", f"{files.output.as_posix()}/"))
    return [(name, directory + quote(place)) for name, place in places]
