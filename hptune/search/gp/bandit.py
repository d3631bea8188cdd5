"""The next point to try, from the points tried: arrays in, an array out.

Notation:

    X  (n, d)  points tried, of the mixed cube (cube.py)
    v  (n,)    objectives, larger is better; NaN where there is none
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hptune.search.gp import maximise, regression
from hptune.search.gp.acquisition import LogExpectedImprovement
from hptune.search.gp.cube import Cube
from hptune.search.gp.kernel import Array
from hptune.search.gp.regression import Hyperparameters, Posterior
from hptune.search.gp.thinning import most_telling
from hptune.search.gp.transform import Warp

FAILED_NOISE = 0.1
DESIGN_CANDIDATES = 128
DESIGN_MARGIN = 0.1
EDGES_MARGIN = -0.1
"""Draws from beyond the cube are clipped, so that some candidates lie at the limits of a range themselves."""
TOP = 3
FLAT = -3.0
"""The evidence (`regression.evidence`) below which the objective counts as noise alone."""
MAX_POINTS = 800
"""The posterior is conditioned on at most so many points: its time grows with their cube."""


@dataclass(frozen=True)
class History:
    """What was tried so far.

    Attributes:
        x: (n, d), where the objective was measured.
        values: (n,), finite, larger is better.
        failed: (f, d), where it could not be.
        pending: (p, d), where it is being measured.
    """

    x: Array
    values: Array
    failed: Array
    pending: Array

    @property
    def tried(self) -> Array:
        """(n + f + p, d), all points."""
        return np.concatenate([self.x, self.failed, self.pending])


def suggest(cube: Cube, history: History, n_startup: int, rng: np.random.Generator) -> Array:
    """Suggests the next point (d,) to try.

    The first ``n_startup`` points fill the space, and so do further ones until there is a measurement; then
    follows the point that promises most. While all that was measured looks like noise alone, as where nearly
    every learning rate diverges, no point promises anything, and the space is filled further, to its edges.
    """
    tried = history.tried
    if len(tried) < n_startup or not len(history.values):
        return _fill(cube, tried, rng)
    y, hyperparameters = _fit(cube, history)
    if regression.evidence(history.x, y, cube.categorical, hyperparameters) < FLAT:
        return _fill(cube, tried, rng, EDGES_MARGIN)
    posterior, best = _condition(cube, history, y, hyperparameters)
    top = history.x[np.argsort(-history.values, kind="stable")[:TOP]]
    return maximise.maximise(LogExpectedImprovement(posterior, best), cube, tried, top, rng)


def _fill(cube: Cube, tried: Array, rng: np.random.Generator, margin: float = DESIGN_MARGIN) -> Array:
    """Suggests the middle first, then what is farthest from all points tried."""
    if not len(tried):
        return cube.middle
    unit = rng.uniform(size=(DESIGN_CANDIDATES, cube.dim))
    within = np.clip(margin + (1.0 - 2.0 * margin) * unit, 0.0, 1.0)
    candidates = cube.snap(np.where(cube.categorical, unit, within))
    free = candidates[~cube.taken(candidates, tried)]
    if not len(free):
        free = maximise.first_untried(cube, tried, candidates)
    return np.asarray(free[np.argmax(_distance(cube, free, tried))])


def _distance(cube: Cube, points: Array, tried: Array) -> Array:
    difference = points[:, None, :] - tried[None, :, :]
    difference = np.where(cube.categorical, difference != 0.0, difference)
    return np.asarray(np.square(difference).sum(axis=2).min(axis=1))


def believe(cube: Cube, history: History) -> tuple[Posterior, float]:
    """Returns the posterior of the warped objective (`Warp`), and the value to improve on.

    There must be a measurement. Hyperparameters are fitted to what was measured. A failed trial then counts
    as the worst value seen, loosely, so its surroundings lose appeal; a pending one as what is expected of
    it, so its surroundings hold nothing new (the Kriging believer of Ginsbourger, Le Riche & Carraro 2010).
    Of more than `MAX_POINTS` the posterior is conditioned on those that tell most, as `most_telling` says.
    """
    return _condition(cube, history, *_fit(cube, history))


def _fit(cube: Cube, history: History) -> tuple[Array, Hyperparameters]:
    """Returns the warped objectives (n,) and the hyperparameters fitted to them."""
    y = Warp.of(history.values)(history.values)
    return y, regression.fit(history.x, y, cube.categorical)


def _condition(
    cube: Cube, history: History, y: Array, hyperparameters: Hyperparameters
) -> tuple[Posterior, float]:
    x = np.concatenate([history.x, history.failed])
    y = np.append(y, np.full(len(history.failed), y.min()))
    extra = np.append(np.zeros(len(history.x)), np.full(len(history.failed), FAILED_NOISE))
    kept = most_telling(x, y, hyperparameters.weights, cube.categorical, MAX_POINTS)
    x, y, extra = x[kept], y[kept], extra[kept]
    posterior = Posterior.given(x, y, extra, hyperparameters, cube.categorical)
    if len(history.pending):
        x = np.concatenate([x, history.pending])
        y = np.append(y, posterior.mean(history.pending))
        extra = np.append(extra, np.zeros(len(history.pending)))
        posterior = Posterior.given(x, y, extra, hyperparameters, cube.categorical)
    promising = np.concatenate([history.x[kept[kept < len(history.x)]], history.pending])
    return posterior, float(posterior.mean(promising).max())
