"""Shows running work: live on a terminal, in plain lines everywhere else."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from hptune.console import study_file
from hptune.console.ages import Ages
from hptune.console.live import can_show_live, live
from hptune.console.notebook import is_notebook, shown_in_notebook
from hptune.console.program import console
from hptune.console.study_file import StudyFile
from hptune.console.view import Screen, best_so_far, status_line, view_lines
from hptune.errors import HptuneError
from hptune.results.printable import printable, printable_in_colour
from hptune.results.study import JobState, JobStatus, LogLine, Observer, Study, Trial, TrialState
from hptune.results.tables import assignments, format_duration, state_word
from hptune.search.space import Categorical, Discrete, Parameter, format_number

_WATCH_INTERVAL_S = 1.0
# Of what is watched from elsewhere: a cluster is asked, and a bucket, each time.
_MAX_SHARE_OF_TIME = 0.1

Follow = Callable[[Callable[[], bool]], Iterator[LogLine]]
"""Yields a job's log lines until it does not run any more, which it is given a function to ask."""


@contextmanager
def show_progress(study: Study, follow: Follow | None = None) -> Iterator[Observer]:
    """Shows a job on standard error until the block ends; yields what is to be told of its changes.

    Where who started this program shows the job, it is written to the file that the environment names.

    Args:
        study: The study as it is before the job runs.
        follow: Follows what its trainers print, which then goes to standard output; of the view the status
            alone is kept, and a line is printed when a trial ends.
    """
    stderr = console(sys.stderr)
    if file := study_file.asked_for():
        with file.written(study) as observe:
            yield observe
    elif is_notebook() and follow is None:
        view = _View(study)
        with shown_in_notebook(view.draw) as draw_again:

            def observe_and_draw(study: Study, trial: Trial, /) -> None:
                view(study, trial)
                draw_again()

            yield observe_and_draw
    elif can_show_live(stderr):
        view = _View(study, brief=follow is not None)
        with live(stderr, view.draw), _logs(follow, [view, *([_Lines(stderr)] if follow else [])]) as observe:
            yield observe
    else:
        with _logs(follow, [_Lines(stderr)]) as observe:
            yield observe


@contextmanager
def show_study_file(file: StudyFile, terminal: Console) -> Iterator[None]:
    """Shows a job that another program runs, as `show_progress` would, until the block ends."""
    view: _View | None = None

    def draw(screen: Screen) -> list[Text]:
        nonlocal view
        study = file.read()
        if study is None:
            return []
        view = view or _View(study)
        view.study = study
        return view.draw(screen)

    with live(terminal, draw):
        yield


def watch(describe: Callable[[], JobStatus]) -> JobStatus:
    """Shows a job that runs elsewhere on standard error until it ends; returns how it stands then.

    Args:
        describe: Tells how it stands now.
    """
    stderr = console(sys.stderr)
    status = describe()
    if status.state is not JobState.RUNNING:
        return status
    view = _View(status.study, since=status.start_time or status.create_time)
    if can_show_live(stderr):
        with live(stderr, view.draw):
            return _watched(status, describe, view)
    return _watched(status, describe, _Lines(stderr))


def _watched(status: JobStatus, describe: Callable[[], JobStatus], observe: Observer) -> JobStatus:
    seen: dict[int, Trial] = {}
    took_s = 0.0
    while True:
        for trial in status.study.trials:
            if seen.get(trial.id) != trial:
                seen[trial.id] = trial
                observe(status.study, trial)
        if status.state is not JobState.RUNNING:
            return status
        time.sleep(max(_WATCH_INTERVAL_S, took_s / _MAX_SHARE_OF_TIME))
        begun_s = time.monotonic()
        status = describe()
        took_s = time.monotonic() - begun_s


@contextmanager
def _logs(follow: Follow | None, observers: list[Observer]) -> Iterator[Observer]:
    """Prints what trainers print, from the first trial on, until the block ends."""
    ended = threading.Event()

    def print_lines(follow: Follow) -> None:
        try:
            for line in follow(lambda: not ended.is_set()):
                print_log(line)
        except HptuneError as error:
            click.echo(f"hptune: warning: the logs cannot be followed: {error}", err=True)

    thread = threading.Thread(target=print_lines, args=[follow])

    def observe(study: Study, trial: Trial, /) -> None:
        # Not earlier: the directory may turn out to be another job's.
        if follow and thread.ident is None:
            thread.start()
        for observer in observers:
            observer(study, trial)

    try:
        yield observe
    finally:
        ended.set()
        if thread.ident is not None:
            thread.join()


def parameter_text(parameter: Parameter) -> str:
    """Tells a parameter in words: ``lr: DOUBLE from 0.001 to 0.1, UNIT_LOG_SCALE``."""
    kind = f"{parameter.name}: {type(parameter).__name__.upper()}"
    if isinstance(parameter, Categorical):
        return f"{kind}, one of {', '.join(map(repr, parameter.values))}"
    if isinstance(parameter, Discrete):
        return f"{kind}, one of {', '.join(map(format_number, parameter.values))}, {parameter.scale}"
    low, high = format_number(parameter.low), format_number(parameter.high)
    return f"{kind} from {low} to {high}, {parameter.scale}"


def print_log(line: LogLine) -> None:
    """Prints a line as gcloud's stream-logs did: severity, time, task, trial, message.

    What else than colours a terminal would act upon is shown: a trainer's output is not trusted.
    """
    moment = line.time.strftime("%Y-%m-%d %H:%M:%S %z")
    text = printable_in_colour(line.text)
    click.echo(f"INFO\t{moment}\t{printable(line.task)}\t{line.trial_id}\t{text}")


@contextmanager
def show_transfer() -> Iterator[Callable[[int, int | None], None]]:
    """Shows a transfer on standard error until the block ends; yields what is to be told of its bytes."""
    columns = (TextColumn("download"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    stderr = console(sys.stderr)
    with Progress(*columns, console=stderr, disable=not stderr.is_terminal) as bar:
        task = bar.add_task("download", total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)


class _View:
    """The job as it is drawn live.

    Args:
        study: The job's trials.
        brief: Whether the status alone is drawn.
        since: When the job began; None for now.
    """

    def __init__(self, study: Study, *, brief: bool = False, since: datetime | None = None) -> None:
        self.study = study
        self._brief = brief
        self._ages = Ages(since)

    def __call__(self, study: Study, _: Trial, /) -> None:
        self.study = study

    def draw(self, screen: Screen) -> list[Text]:
        """Draws the job as it now is."""
        now = datetime.now(UTC)
        since, study = self._ages.of(self.study, now)
        if self._brief:
            return [status_line(study, since, now, screen)]
        return view_lines(study, since, now, screen)


class _Lines:
    """A line when a trial begins and one when it ends: logs are read later, by people and by programs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun: set[int] = set()

    def __call__(self, study: Study, trial: Trial, /) -> None:
        if trial.state.finished:
            self._print(f"trial {trial.id}/{study.max_trials} {_ended(trial)}; {best_so_far(study)}")
        elif trial.state is TrialState.RUNNING and trial.id not in self._begun:
            self._begun.add(trial.id)
            self._print(f"trial {trial.id}/{study.max_trials} runs: {assignments(trial)}")

    def _print(self, line: str) -> None:
        self._console.print(Text(printable(line)), soft_wrap=True)


def _ended(trial: Trial) -> str:
    value = f" {trial.final.value:.6g} at step {trial.final.step}" if trial.final else ""
    message = f": {trial.message}" if trial.message else ""
    return f"{state_word(trial)}{value} after {format_duration(trial.duration_s)}{message}"
