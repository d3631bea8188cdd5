"""Where the acquisition is highest on a mixed cube.

Notation:

    X  (m, d)  candidates, points of the cube
    a  (m,)    acquisition at the candidates

A cube of few points is tried out whole. Otherwise: scatter candidates, climb from the best of them along the
gradient (all at once, one L-BFGS over the sum, as BoTorch does: Balandat et al. 2020) and from member to
member of the other columns.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
from scipy import optimize

from hptune.search.gp.acquisition import LogExpectedImprovement
from hptune.search.gp.cube import Cube
from hptune.search.gp.kernel import Array

EXHAUSTIVE = 2048
SCATTERED = 512
AROUND_EACH = 64
CLIMBERS = 4
ROUNDS = 2
APART = 0.05


def maximise(
    acquisition: LogExpectedImprovement, cube: Cube, tried: Array, best: Array, rng: np.random.Generator
) -> Array:
    """Finds the untried point (d,) with the highest acquisition.

    Args:
        acquisition: To maximise.
        cube: To search in.
        tried: (n, d), not to be suggested again while other points remain.
        best: (b, d), good points so far, about which to look more closely.
        rng: Source of the scatter.
    """
    if cube.size <= EXHAUSTIVE:
        return _best_untried(acquisition, cube, np.array(list(cube.points())), tried)
    scatter = np.concatenate([cube.sample(SCATTERED, rng), cube.around(best, AROUND_EACH, rng)])
    climbers = _apart(scatter[np.argsort(-acquisition(scatter), kind="stable")])
    for _ in range(ROUNDS):
        climbers = _hop(acquisition, cube, _climb(acquisition, cube, climbers))
    nearby = cube.around(climbers, AROUND_EACH // CLIMBERS, rng)
    return _best_untried(acquisition, cube, np.concatenate([climbers, nearby, scatter]), tried)


def _best_untried(acquisition: LogExpectedImprovement, cube: Cube, candidates: Array, tried: Array) -> Array:
    free = candidates[~cube.taken(candidates, tried)]
    if not len(free):
        free = first_untried(cube, tried, candidates)
    return np.asarray(free[np.argmax(acquisition(free))])


def first_untried(cube: Cube, tried: Array, otherwise: Array) -> Array:
    """Finds one untried point (1, d) of a finite cube; ``otherwise`` where none is left.

    Of n + 1 points one at least is not among n tried, so no more are looked at.
    """
    points: Iterable[tuple[float, ...]] = itertools.islice(cube.points(), len(tried) + 1)
    enumerated = np.array(list(points)).reshape(-1, cube.dim)
    free = enumerated[~cube.taken(enumerated, tried)]
    return free[:1] if len(free) else otherwise


def _apart(ordered: Array) -> Array:
    """Returns the first few of ``ordered`` (m, d) that are not close to an earlier one."""
    chosen = ordered[:1]
    for point in ordered[1:128]:
        if np.abs(chosen - point).max(axis=1).min() > APART:
            chosen = np.vstack([chosen, point])
        if len(chosen) == CLIMBERS:
            break
    return chosen


def _climb(acquisition: LogExpectedImprovement, cube: Cube, starts: Array) -> Array:
    """Follows the gradient through the smooth columns; a start is kept where snapping loses what was won."""
    if not cube.smooth.any():
        return starts
    shape = (len(starts), int(cube.smooth.sum()))

    def loss(flat: Array) -> tuple[float, Array]:
        points = starts.copy()
        points[:, cube.smooth] = flat.reshape(shape)
        value, gradient = acquisition.with_gradient(points)
        return -float(value.sum()), -gradient[:, cube.smooth].ravel()

    flat = starts[:, cube.smooth].ravel()
    options = {"maxiter": 30, "ftol": 1e-6, "gtol": 1e-4}
    run = optimize.minimize(
        loss, flat, jac=True, method="L-BFGS-B", bounds=[(0.0, 1.0)] * flat.size, options=options
    )
    climbed = starts.copy()
    climbed[:, cube.smooth] = run.x.reshape(shape)
    climbed = cube.snap_smooth(climbed)
    return np.where((acquisition(climbed) > acquisition(starts))[:, None], climbed, starts)


def _hop(acquisition: LogExpectedImprovement, cube: Cube, starts: Array) -> Array:
    """Moves each start to the best of its neighbours in the columns that have members."""
    return np.stack([_hop_from(acquisition, cube, start) for start in starts])


def _hop_from(acquisition: LogExpectedImprovement, cube: Cube, start: Array) -> Array:
    options = [start]
    for k, axis in enumerate(cube.axes):
        for member in axis.neighbours(float(start[k])):
            options.append(start.copy())
            options[-1][k] = member
    if len(options) == 1:
        return start
    moves = np.stack(options)
    return np.asarray(moves[np.argmax(acquisition(moves))])
