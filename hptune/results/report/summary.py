"""A job in Markdown, as a pipeline's page shows it: the answer, how it was found, and the best trials."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from hptune.results.printable import printable
from hptune.results.report.facts import About, arguments, best_rows, comparisons, facts
from hptune.results.report.marks import counted, short
from hptune.results.report.table import columns, rows
from hptune.results.study import JobStatus, Study
from hptune.search.space import SearchSpace

MAX_ROWS = 50
"""How many trials the table has; the HTML page has them all."""
_MAX_CELL = 120
# What Markdown may give a meaning to: HTML, links, a table's bars, addresses that become links unasked; at
# the start of a line lists and rules, too.
_PUNCTUATION = re.compile(r"[!#$&()*+.:<>@\[\\\]^_`{|}~]|^[-=]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?", re.ASCII)


def summarize(status: JobStatus, space: SearchSpace, algorithm: str, about: About) -> str:
    """Writes the summary.

    Names and values show as they are, whatever they hold: they make no markup, no link and no picture.

    Args:
        status: The job.
        space: The job's search space.
        algorithm: What suggested the trials: a name of the job file's, or of Katib's own.
        about: What else is known of it.
    """
    blocks = [
        *_answer(status, about),
        *_best(status.study, space, about),
        "## How it was found",
        _table(["what", ""], facts(status, algorithm, about)),
        *_trials(status.study, space),
    ]
    return "\n\n".join(blocks) + "\n"


def _answer(status: JobStatus, about: About) -> Iterator[str]:
    study = status.study
    best = study.best
    if best and best.final:
        yield f"# {_text(study.name)}: {_text(study.metric)} {_text(short(best.final.value))}"
        yield f"Trial {best.id} of {study.max_trials} is the best."
        for each in comparisons(study, about):
            yield _text(f"{each.verdict} than {each.words}" if each.verdict else each.words)
    else:
        yield f"# {_text(study.name)}"
        yield "No trial has an objective."
    if status.message:
        yield _text(status.message)


def _best(study: Study, space: SearchSpace, about: About) -> Iterator[str]:
    best = study.best
    if best is None:
        return
    others = [f"{each.title} (trial {each.trial.id})" for each in comparisons(study, about)]
    yield "## Best parameters"
    yield _table(
        ["parameter", f"best (trial {best.id})", *others],
        ([name, value, *beside] for name, value, beside in best_rows(study, space, about)),
    )
    yield "In full, as the trainer's arguments:"
    # Indented by four, which is code: nothing in it has a meaning.
    yield f"    {printable(arguments(best))}"


def _trials(study: Study, space: SearchSpace) -> Iterator[str]:
    if not study.trials:
        return
    yield "## Trials"
    if len(study.trials) > MAX_ROWS:
        yield f"The best {MAX_ROWS} of {counted(len(study.trials))}; the HTML page beside has the others."
    shown = rows(study, space, None)[:MAX_ROWS]
    yield _table(columns(study, space), ([cell.text for cell in row.cells] for row in shown))


def _table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    lines = [head, *body]
    written = [f"| {' | '.join(map(_cell, line))} |" for line in lines]
    return "\n".join([written[0], f"|{' --- |' * len(head)}", *written[1:]])


def _cell(text: str) -> str:
    return _text(text if len(text) <= _MAX_CELL else f"{text[: _MAX_CELL - 1]}…")


def _text(text: str) -> str:
    """Writes a text so that it shows as it is, on one line."""
    # Blanks in front would make it code.
    shown = printable(text).strip()
    return shown if _NUMBER.fullmatch(shown) else _PUNCTUATION.sub(r"\\\g<0>", shown)
