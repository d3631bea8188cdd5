"""Shows running work: live on a terminal, in plain lines everywhere else."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from hptune.console import study_file
from hptune.console.program import console
from hptune.console.study_file import StudyFile
from hptune.errors import HptuneError, JobFailed
from hptune.results.study import LogLine, Observer, Study, Trial, TrialState
from hptune.results.tables import assignments, format_duration, trial_table
from hptune.search.space import Categorical, Discrete, Parameter, format_number

_REFRESH_PER_S = 4.0
# Of a live view: the table's title, head, foot and caption, the bar, and the cursor's line.
_LINES_BESIDE_TRIALS = 8


@contextmanager
def show_progress(study: Study) -> Iterator[Observer]:
    """Shows a job on standard error until the block ends; yields what is to be told of its changes.

    Where who started this program shows the job, it is written to the file that the environment names.

    Args:
        study: The study as it is before the job runs.
    """
    stderr = console(sys.stderr)
    if file := study_file.asked_for():
        with file.written(study) as observe:
            yield observe
    elif can_show_live(stderr):
        view = _LiveView(study, stderr)
        with _live(stderr, view.render):
            yield view
    else:
        yield _Lines(stderr)


@contextmanager
def show_study_file(file: StudyFile, terminal: Console) -> Iterator[None]:
    """Shows a job that another program runs, as `show_progress` would, until the block ends."""
    view: _LiveView | None = None

    def render() -> RenderableType:
        nonlocal view
        study = file.read()
        if study is None:
            return Text()
        view = view or _LiveView(study, terminal)
        return view.of(study)

    # What is printed meanwhile goes to the terminal by its own ways.
    with _live(terminal, render, redirect_stdout=False, redirect_stderr=False):
        yield


def can_show_live(stream: Console) -> bool:
    """Returns whether what is shown on a stream can be changed afterwards."""
    return stream.is_terminal and not stream.is_dumb_terminal


@contextmanager
def _live(terminal: Console, render: Callable[[], RenderableType], **redirect: bool) -> Iterator[None]:
    # Gone at the end: the results are printed then.
    live = Live(
        get_renderable=render,
        console=terminal,
        refresh_per_second=_REFRESH_PER_S,
        transient=True,
        **redirect,  # type: ignore[arg-type]
    )
    with live:
        try:
            yield
        except JobFailed:
            # No results are printed, and what was finished is still worth a look.
            live.transient = False
            raise


@contextmanager
def show_logs(follow: Callable[[Callable[[], bool]], Iterator[LogLine]]) -> Iterator[Observer]:
    """Prints what a job's trainers print, from its first trial on, until the block ends.

    Args:
        follow: Yields the lines until the job does not run any more, which it is given a function to ask.
    """
    ended = threading.Event()

    def print_lines() -> None:
        # Whoever read them may have gone (`| head`); the job goes on.
        with suppress(BrokenPipeError):
            try:
                for line in follow(lambda: not ended.is_set()):
                    print_log(line)
            except HptuneError as error:
                click.echo(f"hptune: warning: the logs cannot be followed: {error}", err=True)

    thread = threading.Thread(target=print_lines)

    def observe(*_: object) -> None:
        # Not earlier: the directory may turn out to be another job's.
        if thread.ident is None:
            thread.start()

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
    """Prints a line as gcloud's stream-logs did: severity, time, task, trial, message."""
    moment = line.time.strftime("%Y-%m-%d %H:%M:%S %z")
    click.echo(f"INFO\t{moment}\t{line.task}\t{line.trial_id}\t{line.text}")


@contextmanager
def show_transfer() -> Iterator[Callable[[int, int | None], None]]:
    """Shows a transfer on standard error until the block ends; yields what is to be told of its bytes."""
    columns = (TextColumn("download"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    stderr = console(sys.stderr)
    with Progress(*columns, console=stderr, disable=not stderr.is_terminal) as bar:
        task = bar.add_task("download", total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)


class _LiveView:
    def __init__(self, study: Study, console: Console) -> None:
        self._study = study
        self._console = console
        self._bar = Progress(
            TextColumn("trials"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[best]}"),
        )
        self._task = self._bar.add_task("trials", total=study.max_trials, best="")

    def __call__(self, study: Study, _: Trial, /) -> None:
        self._study = study

    def of(self, study: Study) -> Group:
        """Returns a view of the study as it now is."""
        self._study = study
        return self.render()

    def render(self) -> Group:
        study = self._study
        self._bar.update(self._task, completed=len(study.finished), best=_best(study))
        running = [_running(trial) for trial in study.trials if not trial.state.finished]
        # What does not fit on the screen is cut off below, where the bar is.
        max_rows = max(1, self._console.height - len(running) - _LINES_BESIDE_TRIALS)
        return Group(trial_table(study, max_rows), *running, self._bar)


def _best(study: Study) -> str:
    best = study.best
    return f"best {best.final.value:.6g} (trial {best.id})" if best and best.final else ""


def _running(trial: Trial) -> Text:
    if trial.start_time is None:
        return Text(f"trial {trial.id} waits to run")
    seconds = time.time() - trial.start_time.timestamp()
    measured = f", {_measured(trial)}" if trial.measurements else ""
    return Text(f"trial {trial.id} runs, {format_duration(seconds)}{measured}")


def _measured(trial: Trial) -> str:
    last = trial.measurements[-1]
    return f"{last.value:.6g} at step {last.step}"


class _Lines:
    """A line when a trial begins and one when it ends: logs are read later, by people and by programs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun: set[int] = set()

    def __call__(self, study: Study, trial: Trial, /) -> None:
        if trial.state.finished:
            self._print(
                f"trial {trial.id}/{study.max_trials} {_ended(trial)}; {_best(study) or 'no best yet'}"
            )
        elif trial.state is TrialState.RUNNING and trial.id not in self._begun:
            self._begun.add(trial.id)
            self._print(f"trial {trial.id}/{study.max_trials} runs: {assignments(trial)}")

    def _print(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


def _ended(trial: Trial) -> str:
    how = "stopped early" if trial.stopped_early else trial.state.value
    value = f" {trial.final.value:.6g} at step {trial.final.step}" if trial.final else ""
    message = f": {trial.message}" if trial.message else ""
    return f"{how}{value} after {format_duration(trial.duration_s)}{message}"
