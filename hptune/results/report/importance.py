"""How much the parameters matter, by two measures."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from hptune.results.report.marks import BLUE, ORANGE, label
from hptune.results.report.surrogate import Belief, Surrogate

_ROW_PX = 44
_LEAST_TRIALS = 5


@dataclass(frozen=True)
class Importance:
    """Shares of the parameters, which sum to 1, by each measure; most important first.

    Attributes:
        relevance: By the bandit's Gaussian process: 1 / lengthscale.
        ped_anova: By PED-ANOVA (Watanabe, Bansal & Hutter 2023), as Optuna computes it; empty where there are
            too few trials to say.
    """

    relevance: dict[str, float]
    ped_anova: dict[str, float]

    @property
    def order(self) -> tuple[str, ...]:
        """The parameters, those that matter most by both measures together first."""
        both = {name: share + self.ped_anova.get(name, 0.0) for name, share in self.relevance.items()}
        return tuple(sorted(both, key=lambda name: -both[name]))


def importance_of(surrogate: Surrogate, belief: Belief) -> Importance:
    """Measures how much the parameters matter.

    Args:
        surrogate: Of the study.
        belief: After all of its trials.
    """
    # Loads scikit-learn, for a second, which a command that reports nothing need not wait for.
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    study = surrogate.optuna_study()
    values = {trial.value for trial in study.trials if trial.value is not None}
    ped_anova = {}
    if len(values) >= _LEAST_TRIALS:
        ped_anova = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    return Importance(belief.relevance, ped_anova)


def importance_figure(importance: Importance) -> go.Figure:
    """Draws two bars a parameter, the most important one's at the top."""
    figure = go.Figure()
    measures = (
        ("PED-ANOVA", importance.ped_anova, ORANGE, "/"),
        ("Gaussian process", importance.relevance, BLUE, ""),
    )
    names = importance.order[::-1]
    for name, shares, color, pattern in measures:
        if not shares:
            continue
        figure.add_bar(
            orientation="h",
            y=list(range(len(names))),
            x=[shares.get(each, 0.0) for each in names],
            text=[f"{shares.get(each, 0.0):.0%}" for each in names],
            textposition="outside",
            cliponaxis=False,
            marker={"color": color, "pattern": {"shape": pattern, "size": 6}},
            name=name,
            hovertemplate=f"{name}: %{{x:.1%}}<extra></extra>",
        )
    figure.update_layout(
        barmode="group",
        height=64 + _ROW_PX * len(names),
        showlegend=False,
        margin={"t": 8, "r": 48, "b": 40, "l": 132},
    )
    figure.update_xaxes(tickformat=".0%", range=[0, 1], fixedrange=True)
    texts = [label(each) for each in names]
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=texts, fixedrange=True)
    return figure
