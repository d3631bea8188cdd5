"""What the samplers are to tune: trained models, tabulated, and functions with known optima.

Every objective is to be maximised. The functions' optima lie elsewhere with each seed where they would
otherwise favour whoever tries the middle first.

Notation:

    u  (d,)  a point of the unit cube
    o  (d,)  where the optimum is, in the unit cube
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Double, Integer, Parameter, SearchSpace, Value

TRIALS = 50
"""How many a search has."""

TABLES = Path(__file__).resolve().parents[1] / "tables"
Objective = Callable[[Mapping[str, Value]], float]

_DRAWS = 2000
_DIGEST_POINTS = 32


@dataclass(frozen=True)
class Problem:
    """One instance of a task.

    Attributes:
        space: What is tuned.
        truth: The objective without noise.
        best: Its maximum.
        noise: Standard deviation of what is added to a measurement.
    """

    space: SearchSpace
    truth: Objective
    best: float
    noise: float = 0.0

    def draws(self, count: int, rng: np.random.Generator) -> list[dict[str, Value]]:
        """Draws points uniformly on the parameters' scales."""
        units = rng.uniform(size=(count, len(self.space)))
        return [{p.name: p.from_unit(u) for p, u in zip(self.space, row, strict=True)} for row in units]

    def typical(self) -> float:
        """Returns the median of the objective over random points: what a single guess gives."""
        points = self.draws(_DRAWS, np.random.default_rng(0))
        return float(np.median([self.truth(values) for values in points]))

    def digest(self) -> str:
        """Changes when the problem does."""
        points = self.draws(_DIGEST_POINTS, np.random.default_rng(1))
        measured = [f"{self.truth(values):.9g}" for values in points]
        return hashlib.sha256(repr((self.space, measured, self.noise)).encode()).hexdigest()[:12]


Task = Callable[[int], Problem]
"""Makes the instance of a seed."""


def _sites(seed: int, dim: int) -> np.ndarray:
    """Draws O of a seed, (d,), not at the border."""
    return np.random.default_rng([seed, 7]).uniform(0.1, 0.9, dim)


def _cube(dim: int) -> SearchSpace:
    return SearchSpace(tuple(Double(f"x{i}", 0.0, 1.0) for i in range(dim)))


def _on_cube(dim: int, function: Callable[[np.ndarray], float], best: float, noise: float = 0.0) -> Problem:
    """Makes a problem of a function (d,) -> objective."""
    space = _cube(dim)
    return Problem(space, lambda values: function(np.array([values[n] for n in space.names])), best, noise)


def branin(_: int) -> Problem:
    """Makes a problem of three optima in two dimensions (Branin 1972)."""

    def function(u: np.ndarray) -> float:
        x, y = 15 * u[0] - 5, 15 * u[1]
        curve = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
        return -float(curve**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10)

    return _on_cube(2, function, -0.39788736)


_HARTMANN_HEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
_HARTMANN_3 = (
    np.array([[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]]),
    1e-4 * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]]),
)
_HARTMANN_6 = (
    np.array(
        [
            [10, 3, 17, 3.5, 1.7, 8],
            [0.05, 10, 17, 0.1, 8, 14],
            [3, 3.5, 1.7, 10, 17, 8],
            [17, 8, 0.05, 10, 0.1, 14],
        ]
    ),
    1e-4
    * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    ),
)


def _hartmann(widths: np.ndarray, centres: np.ndarray, best: float) -> Problem:
    """Makes a problem of four bumps (Hartman 1973)."""

    def function(u: np.ndarray) -> float:
        return float(_HARTMANN_HEIGHTS @ np.exp(-(widths * (u - centres) ** 2).sum(axis=1)))

    return _on_cube(widths.shape[1], function, best)


def rosenbrock(seed: int) -> Problem:
    """Makes a problem of a curved valley in four dimensions."""
    site = _sites(seed, 4)

    def function(u: np.ndarray) -> float:
        z = 1 + 3 * (u - site)
        return -float(np.sum(100 * (z[1:] - z[:-1] ** 2) ** 2 + (1 - z[:-1]) ** 2))

    return _on_cube(4, function, 0.0)


def noisy_levy(seed: int) -> Problem:
    """Makes a problem of many local optima in eight dimensions, with noise (Levy & Montalvo 1985)."""
    site = _sites(seed, 8)

    def function(u: np.ndarray) -> float:
        w = 1 + 4 * (u - site)
        middle = (w[:-1] - 1) ** 2 * (1 + 10 * np.sin(math.pi * w[:-1] + 1) ** 2)
        first, last = (
            math.sin(math.pi * w[0]) ** 2,
            (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2),
        )
        return -float(first + middle.sum() + last)

    return _on_cube(8, function, 0.0, noise=2.0)


def momentum(seed: int) -> Problem:
    """Makes a problem of an accuracy over the effective learning rate lr / (1 - momentum), with noise.

    Three scales - logarithmic, reverse logarithmic, ordered discrete - and an interaction between them.
    """
    rng = np.random.default_rng([seed, 8])
    site, batch_site, momentum_site = rng.uniform(-2.5, -0.5), rng.uniform(5, 8), rng.uniform(-2, -0.7)
    batches = (16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
    space = SearchSpace(
        (
            Double("lr", 1e-6, 1.0, Scale.LOG),
            Double("momentum", 0.001, 0.999, Scale.REVERSE_LOG),
            Discrete("batch_size", batches, Scale.LOG),
        )
    )

    def loss(lr: float, damping: float, batch: float) -> float:
        effective = math.log10(lr / damping) - 0.3 * (math.log2(batch) - batch_site) - site
        aside = 0.3 * (math.log10(damping) - momentum_site) ** 2 + 0.05 * (math.log2(batch) - batch_site) ** 2
        return effective**2 + aside

    least = min(
        loss(10**rate, 10**damping, batch)
        for rate in np.linspace(-6, 0, 241)
        for damping in np.linspace(-3, 0, 121)
        for batch in batches
    )

    def truth(values: Mapping[str, Value]) -> float:
        lr, momentum, batch = (float(values[name]) for name in space.names)
        return 0.1 + 0.88 * math.exp(-0.25 * (loss(lr, 1.0 - momentum, batch) - least))

    return Problem(space, truth, 0.98, noise=0.01)


def mixed(seed: int) -> Problem:
    """Makes a problem of five parameters, of which a categorical one moves the optimum of the others.

    They are two doubles, an integer, a discrete and the categorical one.
    """
    rng = np.random.default_rng([seed, 9])
    names = ("sgd", "adagrad", "adam", "ftrl")
    handicaps = dict(zip(names, rng.permutation([0.0, 0.15, 0.3, 0.6]), strict=True))
    base = _sites(seed, 4)
    moves = {name: rng.normal(0.0, 0.12, 4) for name in names}
    layers = (1.0, 2.0, 3.0, 4.0, 6.0)
    space = SearchSpace(
        (
            Double("lr", 1e-5, 1e-1, Scale.LOG),
            Double("dropout", 0.0, 0.8),
            Integer("units", 8, 1024, Scale.LOG),
            Discrete("layers", layers),
            Categorical("optimizer", names),
        )
    )
    numeric = [parameter for parameter in space if not isinstance(parameter, Categorical)]
    weights = np.array([3.0, 1.0, 1.0, 0.5])

    def height(optimizer: str, unit: np.ndarray) -> float:
        site = np.clip(base + moves[optimizer], 0.0, 1.0)
        return -float(handicaps[optimizer] + weights @ (unit - site) ** 2)

    def truth(values: Mapping[str, Value]) -> float:
        unit = np.array([parameter.to_unit(values[parameter.name]) for parameter in numeric])  # type: ignore[arg-type]
        return height(str(values["optimizer"]), unit)

    best = max(
        height(
            name, np.append(np.clip(base + moves[name], 0, 1)[:3], Discrete("layers", layers).to_unit(layer))
        )
        for name in names
        for layer in layers
    )
    return Problem(space, truth, best)


def _axis(name: str, values: list[Any]) -> Parameter:
    """Makes the parameter of a table's axis."""
    if isinstance(values[0], str):
        return Categorical(name, tuple(values))
    ratio = math.isclose(values[-1] / values[0], (values[1] / values[0]) ** (len(values) - 1), rel_tol=0.01)
    if isinstance(values[0], int):
        return Integer(name, values[0], values[-1], Scale.LOG)
    return Double(name, values[0], values[-1], Scale.LOG if ratio else Scale.LINEAR)


def _interpolated(space: SearchSpace, axes: dict[str, list[Any]], scores: np.ndarray) -> Problem:
    """Makes a problem of scores on a grid: linear between grid points on the parameters' scales."""
    numeric = [parameter for parameter in space if not isinstance(parameter, Categorical)]
    categorical = [parameter for parameter in space if isinstance(parameter, Categorical)]
    order = [space.names.index(parameter.name) for parameter in (*categorical, *numeric)]
    table = np.transpose(scores.reshape([len(axes[name]) for name in space.names]), order)
    places = [[p.to_unit(value) for value in axes[p.name]] for p in numeric]
    slices = {
        names: RegularGridInterpolator(
            places, table[tuple(p.values.index(n) for p, n in zip(categorical, names, strict=True))]
        )
        for names in itertools.product(*(p.values for p in categorical))
    }

    def truth(values: Mapping[str, Value]) -> float:
        chosen = tuple(str(values[parameter.name]) for parameter in categorical)
        return float(slices[chosen]([p.to_unit(values[p.name]) for p in numeric])[0])  # type: ignore[arg-type]

    return Problem(space, truth, float(scores.max()))


def tabulated(name: str) -> Problem:
    """Makes a problem of a model of `benchmarks.suggest.tabulate`."""
    content = json.loads((TABLES / f"{name}.json").read_text(encoding="utf-8"))
    space = SearchSpace(tuple(_axis(axis, values) for axis, values in content["axes"].items()))
    return _interpolated(space, content["axes"], np.array(content["scores"]))


def mnist(_: int) -> Problem:
    """Makes a problem of the example: test accuracy over lr and num-steps, of `benchmarks.tabulate_mnist`."""
    content = json.loads((TABLES / "mnist.json").read_text(encoding="utf-8"))
    rows = {float(lr): row for lr, row in content["accuracy"].items()}
    axes = {"lr": sorted(rows), "num-steps": [content["interval"] * (i + 1) for i in range(len(rows[0.001]))]}
    space = SearchSpace((Double("lr", 0.001, 0.1, Scale.LOG), Integer("num-steps", 200, 10_000)))
    return _interpolated(space, axes, np.array([rows[lr] for lr in axes["lr"]]))


TASKS: dict[str, Task] = {
    "mnist": mnist,
    "svm_digits": lambda _: tabulated("svm_digits"),
    "svm_cancer": lambda _: tabulated("svm_cancer"),
    "boosting_cancer": lambda _: tabulated("boosting_cancer"),
    "forest_diabetes": lambda _: tabulated("forest_diabetes"),
    "mlp_digits": lambda _: tabulated("mlp_digits"),
    "branin": branin,
    "hartmann3": lambda _: _hartmann(*_HARTMANN_3, 3.86278),
    "hartmann6": lambda _: _hartmann(*_HARTMANN_6, 3.32237),
    "rosenbrock4": rosenbrock,
    "noisy_levy8": noisy_levy,
    "noisy_momentum": momentum,
    "mixed5": mixed,
}
