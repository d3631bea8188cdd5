"""A job as one HTML page that needs no network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs
from threadpoolctl import threadpool_limits

from hptune.results.report.facts import (
    About,
    arguments,
    best_rows,
    comparisons,
    counted,
    facts,
    reasons,
)
from hptune.results.report.marks import Kind, short
from hptune.results.report.sections import Section, plot_label, sections
from hptune.results.report.table import FOLDED, columns, rows
from hptune.results.report.thin import drawn, narrowed, shown_parameters
from hptune.results.study import JobStatus
from hptune.search.space import SearchSpace

BANDIT = "ALGORITHM_UNSPECIFIED"

_TEMPLATES = Environment(
    loader=PackageLoader("hptune.results"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(status: JobStatus, space: SearchSpace, algorithm: str = BANDIT, about: About | None = None) -> str:
    """Renders the page.

    Args:
        status: The job.
        space: The job's search space.
        algorithm: What suggested the trials: a name of the job file's, or of Katib's own.
        about: What else is known of it.
    """
    about = about or About()
    study = status.study
    shown_space = shown_parameters(study, space)
    is_whole = len(shown_space) == len(space)
    shown = study if is_whole else narrowed(study, shown_space)
    # Where other programs use the cores, too, threads that wait for one another make small matrices slow.
    with threadpool_limits(limits=1, user_api="blas"):
        parts = sections(
            replace(status, study=shown),
            shown_space,
            suggests=algorithm == BANDIT and is_whole,
            seed=about.seed or 0,
        )
    scripts = [get_plotlyjs(), _asset("report.js")]
    return _TEMPLATES.get_template("report.html").render(
        status=status,
        study=study,
        about=about,
        arguments=arguments,
        best_rows=best_rows(study, shown_space, about),
        columns=columns(shown, shown_space),
        comparisons=comparisons(study, about),
        counted=counted(study),
        data=_data(parts),
        drawn=len(drawn(study).trials),
        facts=list(facts(status, algorithm, about)),
        folded=FOLDED,
        plot_label=plot_label,
        policy=_policy(scripts),
        reasons=reasons(study),
        rows=rows(shown, shown_space, about.directory),
        scripts=scripts,
        sections=parts,
        short=short,
        shown_parameters="" if is_whole else f"{len(shown_space)} of {len(space)}",
        style=_asset("report.css"),
    )


def _asset(name: str) -> str:
    return (files("hptune.results") / "templates" / name).read_text(encoding="utf-8")


def _policy(scripts: Sequence[str]) -> str:
    """Returns the Content-Security-Policy: these scripts alone, and nothing from a network."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    # Plotly sets styles on elements, and draws a map as a picture that it has in memory.
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _data(parts: Sequence[Section]) -> str:
    """Writes what the page's script draws as JSON that can stand inside a script element."""
    content = {
        "plots": {plot.name: _figure(plot.figure) for part in parts for plot in part.plots},
        "posterior": next((part.posterior.content for part in parts if part.posterior), None),
        "looks": {
            kind.name: {"symbol": kind.look.symbol, "color": kind.look.color, "label": kind.look.label}
            for kind in Kind
        },
    }
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _figure(figure: go.Figure) -> dict[str, Any]:
    content = figure.to_dict()
    content["layout"].pop("template", None)
    rounded: dict[str, Any] = _rounded(content)
    return rounded


def _rounded(value: Any) -> Any:  # noqa: ANN401  (whatever JSON has)
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value
