"""Trains scikit-learn models over grids of hyperparameters and writes their scores.

    python -m benchmarks.suggest.tabulate [NAME ...]

The data sets are those that come with scikit-learn. A table is a task of the benchmark: between grid points
its scores are interpolated, so a run of the benchmark trains nothing.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

TABLES = Path(__file__).resolve().parents[1] / "tables"
FOLDS = 4


@dataclass(frozen=True)
class Grid:
    """A model, its data and the grid it is trained over.

    Attributes:
        load: Gives the data: rows and targets.
        make: Makes the model of a grid point's values.
        axes: Name to the values of one axis, increasing where they are numbers.
    """

    load: Callable[..., Any]
    make: Callable[..., Any]
    axes: dict[str, list[Any]]


def _log(low: float, high: float, count: int) -> list[float]:
    return [float(f"{value:.6g}") for value in np.geomspace(low, high, count)]


def _whole(low: int, high: int, count: int) -> list[int]:
    return sorted({round(value) for value in np.geomspace(low, high, count)})


GRIDS = {
    "svm_digits": Grid(
        datasets.load_digits,
        lambda c, gamma: make_pipeline(StandardScaler(), SVC(C=c, gamma=gamma)),
        {"c": _log(0.01, 1000, 16), "gamma": _log(1e-5, 1, 16)},
    ),
    "svm_cancer": Grid(
        datasets.load_breast_cancer,
        lambda kernel, c, gamma: make_pipeline(StandardScaler(), SVC(kernel=kernel, C=c, gamma=gamma)),
        {
            "kernel": ["linear", "poly", "rbf", "sigmoid"],
            "c": _log(0.001, 100, 11),
            "gamma": _log(1e-4, 1, 9),
        },
    ),
    "boosting_cancer": Grid(
        datasets.load_breast_cancer,
        lambda learning_rate, max_iter, max_leaf_nodes, min_samples_leaf: HistGradientBoostingClassifier(
            learning_rate=learning_rate,
            max_iter=max_iter,
            max_leaf_nodes=max_leaf_nodes,
            min_samples_leaf=min_samples_leaf,
            early_stopping=False,
            random_state=0,
        ),
        {
            "learning_rate": _log(0.003, 1, 7),
            "max_iter": _whole(5, 80, 5),
            "max_leaf_nodes": _whole(2, 32, 4),
            "min_samples_leaf": _whole(2, 80, 5),
        },
    ),
    "forest_diabetes": Grid(
        datasets.load_diabetes,
        lambda criterion, max_depth, min_samples_leaf, max_features: RandomForestRegressor(
            n_estimators=20,
            criterion=criterion,
            max_depth=max_depth,
            min_samples_leaf=min_samples_leaf,
            max_features=max_features,
            random_state=0,
        ),
        {
            "criterion": ["absolute_error", "poisson", "squared_error"],
            "max_depth": _whole(1, 20, 6),
            "min_samples_leaf": _whole(1, 60, 6),
            "max_features": [0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0],
        },
    ),
    "mlp_digits": Grid(
        datasets.load_digits,
        lambda activation, lr, hidden_units, alpha: make_pipeline(
            StandardScaler(),
            MLPClassifier(
                (hidden_units,),
                activation=activation,
                learning_rate_init=lr,
                alpha=alpha,
                max_iter=12,
                random_state=0,
            ),
        ),
        {
            "activation": ["relu", "tanh", "logistic"],
            "lr": _log(1e-4, 0.3, 9),
            "hidden_units": _whole(4, 128, 5),
            "alpha": _log(1e-5, 10, 4),
        },
    ),
}


def score(grid: Grid, rows: np.ndarray, targets: np.ndarray, values: tuple[Any, ...]) -> float:
    """Returns the mean score over the folds: accuracy of a classifier, R squared of a regressor."""
    model = grid.make(**dict(zip(grid.axes, values, strict=True)))
    return float(np.mean(cross_val_score(model, rows, targets, cv=FOLDS)))


def tabulate(grid: Grid) -> list[float]:
    """Computes scores in the order of `itertools.product` over the axes."""
    rows, targets = grid.load(return_X_y=True)
    points = itertools.product(*grid.axes.values())
    return list(Parallel(n_jobs=-1)(delayed(score)(grid, rows, targets, point) for point in points))


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(GRIDS)} (default: all)")
    names = parser.parse_args().names or list(GRIDS)
    if unknown := set(names) - GRIDS.keys():
        parser.error(f"no such table: {', '.join(sorted(unknown))}")
    for name in names:
        scores = [float(f"{value:.6g}") for value in tabulate(GRIDS[name])]
        TABLES.mkdir(exist_ok=True)
        content = {"axes": GRIDS[name].axes, "scores": scores}
        (TABLES / f"{name}.json").write_text(json.dumps(content) + "\n", encoding="utf-8")
        print(
            f"{name}: {len(scores)} points, best {max(scores):.4f}, median {np.median(scores):.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
