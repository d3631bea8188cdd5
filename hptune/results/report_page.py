"""A job as one HTML page that needs no network: what was found, the trials, and plots of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from hptune.results.report_plots import plots
from hptune.results.study import JobStatus, Trial
from hptune.results.tables import format_duration, format_state
from hptune.search.space import SearchSpace, format_values

_TEMPLATES = Environment(
    loader=PackageLoader("hptune.results"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(status: JobStatus, space: SearchSpace, final: Mapping[str, float] | None = None) -> str:
    """Renders the page.

    Args:
        status: The job.
        space: Its search space.
        final: What the training with the best parameters measured, by name; None where there was none.
    """
    study = status.study
    return _TEMPLATES.get_template("report.html").render(
        status=status,
        study=study,
        final=final or {},
        values=lambda trial: format_values(trial.parameters),
        columns=["trial", study.metric, "step", *space.names, "duration", "state"],
        cells=lambda trial: _cells(trial, space.names),
        plots=plots(study, space),
        plotly_js=get_plotlyjs(),
    )


def _cells(trial: Trial, names: Sequence[str]) -> list[str]:
    values = format_values(trial.parameters)
    return [
        str(trial.id),
        f"{trial.final.value:.6g}" if trial.final else "-",
        str(trial.final.step) if trial.final else "-",
        *(values.get(name, "-") for name in names),
        format_duration(trial.duration_s),
        format_state(trial),
    ]
