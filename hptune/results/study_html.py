"""A study as a notebook shows it: the answer, its plot and its trials, in HTML that needs no script.

Notebooks are kept and sent about, so that the report's plot, with the library that draws it, is too much.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from hptune.results.printable import printable
from hptune.results.study import Study
from hptune.results.tables import best_line, cells_of

_MAX_ROWS = 20
_WIDTH_PX, _HEIGHT_PX, _MARGIN_PX = 560, 180, 40


def study_html(study: Study) -> str:
    """Writes a study as HTML: its best trial, the objective trial by trial, the trials."""
    title = f"{study.name}: {study.goal.value.lower()} {study.metric}"
    parts = [f"<p><b>{_text(title)}</b><br>{_text(best_line(study) or 'no best trial yet')}</p>"]
    return "\n".join([*parts, _plot(study), _table(study)])


def _table(study: Study) -> str:
    names = list(dict.fromkeys(name for trial in study.trials for name in trial.parameters))
    head = _row("th", ["trial", study.metric, "step", *names, "duration", "state"])
    rows = [_row("td", [cell.plain for cell in cells_of(trial, names)]) for trial in study.ranked[:_MAX_ROWS]]
    more = len(study.trials) - len(rows)
    note = f"<p>and {more} more trials</p>" if more else ""
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>{note}"


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{_text(cell)}</{tag}>' for cell in cells)}</tr>"


def _plot(study: Study) -> str:
    """Draws the objective against the trial, as the report's first plot does; empty where there is none."""
    measured = [(trial.id, trial.final.value) for trial in study.trials if trial.final]
    if not measured:
        return ""
    low, high = (pick(value for _, value in measured) for pick in (min, max))
    last = max(trial_id for trial_id, _ in measured)

    def place(trial_id: int, value: float) -> tuple[float, float]:
        across = (trial_id - 1) / max(1, last - 1)
        # Halved, since the difference of two large values may not be finite.
        up = (value / 2 - low / 2) / ((high / 2 - low / 2) or 1.0)
        return _inside(_WIDTH_PX, across), _inside(_HEIGHT_PX, 1.0 - up)

    line, best = "", measured[0][1]
    dots = []
    for trial_id, value in measured:
        best = value if study.goal.better(value, best) else best
        (x, y), (_, best_y) = place(trial_id, value), place(trial_id, best)
        line += f"{'H' if line else f'M{x} {best_y}H'}{x}V{best_y}"
        is_best = study.best is not None and trial_id == study.best.id
        label = f"trial {trial_id}: {value:.6g}{', the best' if is_best else ''}"
        dots.append(f'<circle cx="{x}" cy="{y}" r="{6 if is_best else 3}"><title>{label}</title></circle>')
    metric = _text(study.metric)
    return (
        f'<svg role="img" aria-label="{metric} of trials 1 to {last}, from {low:.4g} to {high:.4g}" '
        f'width="{_WIDTH_PX}" height="{_HEIGHT_PX}" fill="currentColor" font-size="11">'
        f'<path d="{line}" fill="none" stroke="gray" stroke-dasharray="3 3"/>{"".join(dots)}'
        f'<text x="4" y="14">{metric} from {low:.4g} to {high:.4g}; dotted: the best so far</text></svg>'
    )


def _inside(size_px: int, share: float) -> float:
    return round(_MARGIN_PX + (size_px - 2 * _MARGIN_PX) * share, 1)


def _text(text: str) -> str:
    return escape(printable(text))
