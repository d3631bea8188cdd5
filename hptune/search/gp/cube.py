"""The mixed unit cube that the search moves in.

Notation:

    U  (m, d)  uniform draws from the unit cube
    X  (m, d)  points of the mixed cube: a real of 0..1 in a continuous column, a member of its grid in an
               ordered one, the index 0, 1, ... of the choice in a categorical one
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hptune.search.gp.kernel import Array, Mask

SAME = 1e-4
SMOOTH_MEMBERS = 16


@dataclass(frozen=True)
class Axis:
    """One column of the cube.

    Attributes:
        grid: (k,) increasing members; None where the column is continuous. Indices where it is categorical.
        categorical: Whether the members have no order.
    """

    grid: Array | None = None
    categorical: bool = False

    @property
    def size(self) -> float:
        """How many members; infinite where continuous."""
        return math.inf if self.grid is None else len(self.grid)

    @property
    def smooth(self) -> bool:
        """Whether following a gradient makes sense: many enough members, and in order."""
        return not self.categorical and self.size >= SMOOTH_MEMBERS

    def snap(self, unit: Array) -> Array:
        """Finds the members nearest to places ``unit`` (m,) of 0..1; categorical, those whose share it is."""
        if self.grid is None:
            return np.asarray(np.clip(unit, 0.0, 1.0))
        if self.categorical:
            return np.asarray(np.clip(np.floor(unit * len(self.grid)), 0.0, len(self.grid) - 1.0))
        above = np.clip(np.searchsorted(self.grid, unit), 1, max(len(self.grid) - 1, 1))
        left, right = self.grid[above - 1], self.grid[np.minimum(above, len(self.grid) - 1)]
        return np.where(unit - left <= right - unit, left, right)

    def neighbours(self, place: float) -> Array:
        """Returns other members to try from ``place``: all of a few, else those 1, 2, 4, ... steps away."""
        if self.grid is None:
            return np.empty(0)
        if not self.smooth:
            return np.asarray(self.grid[self.grid != place])
        steps = 2 ** np.arange(5)
        around = int(np.searchsorted(self.grid, place)) + np.concatenate([-steps, steps])
        return np.asarray(self.grid[np.unique(np.clip(around, 0, len(self.grid) - 1))])


class Cube:
    """The product of its axes."""

    def __init__(self, axes: tuple[Axis, ...]) -> None:
        self.axes = axes

    @property
    def dim(self) -> int:
        """How many axes."""
        return len(self.axes)

    @cached_property
    def size(self) -> float:
        """How many points there are; infinite where any axis is continuous."""
        return math.prod(axis.size for axis in self.axes)

    @cached_property
    def categorical(self) -> Mask:
        """(d,), which columns hold choices."""
        return np.array([axis.categorical for axis in self.axes])

    @cached_property
    def smooth(self) -> Mask:
        """(d,), which columns a gradient leads through."""
        return np.array([axis.smooth for axis in self.axes])

    def snap(self, unit: Array) -> Array:
        """Makes X of U."""
        return np.stack([axis.snap(unit[:, k]) for k, axis in enumerate(self.axes)], axis=1)

    def snap_smooth(self, points: Array) -> Array:
        """Brings the smooth columns of ``points`` (m, d) back onto their grids."""
        snapped = points.copy()
        for k in np.flatnonzero(self.smooth):
            snapped[:, k] = self.axes[k].snap(points[:, k])
        return snapped

    @cached_property
    def middle(self) -> Array:
        """(d,), the point in the middle; the first choice of categorical columns."""
        return np.asarray(self.snap(np.where(self.categorical, 0.0, 0.5)[None, :])[0])

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Draws ``count`` points at random."""
        return self.snap(rng.uniform(size=(count, self.dim)))

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Draws ``count`` evenly scattered points (scrambled Sobol; ``count`` a power of 2)."""
        from scipy.stats import qmc  # Half a second, which a command that suggests nothing need not wait for.

        return self.snap(qmc.Sobol(self.dim, rng=rng).random(count))

    def around(self, centres: Array, count: int, rng: np.random.Generator) -> Array:
        """Draws ``count`` points at all scales about each of ``centres`` (m, d), some columns unchanged."""
        start = np.repeat(centres, count, axis=0)
        scale = 10.0 ** rng.uniform(-3.0, -0.5, size=(len(start), 1))
        moved = np.clip(start + scale * rng.standard_normal(start.shape), 0.0, 1.0)
        moved[:, self.categorical] = rng.uniform(size=(len(start), int(self.categorical.sum())))
        change = rng.uniform(size=start.shape) < np.where(self.categorical, 0.2, 0.7)
        return np.where(change, self.snap(moved), start)

    def points(self) -> Iterator[tuple[float, ...]]:
        """Yields every point of a finite cube, one after the other."""
        grids = [axis.grid for axis in self.axes if axis.grid is not None]
        return itertools.product(*(grid.tolist() for grid in grids))

    def taken(self, points: Array, tried: Array) -> Mask:
        """Returns (m,), which of ``points`` (m, d) are in effect the same as one of ``tried`` (n, d)."""
        same = np.ones((len(points), len(tried)), dtype=np.bool_)
        for k, axis in enumerate(self.axes):
            tolerance = SAME if axis.grid is None else 0.0
            same &= np.abs(points[:, k, None] - tried[None, :, k]) <= tolerance
        return np.asarray(same.any(axis=1))
