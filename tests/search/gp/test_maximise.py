import numpy as np
import pytest

from hptune.search.gp import maximise
from hptune.search.gp.acquisition import LogExpectedImprovement
from hptune.search.gp.cube import Axis, Cube
from hptune.search.gp.regression import Hyperparameters, Posterior

REAL, LONG, CHOICE = Axis(), Axis(np.linspace(0.0, 1.0, 257)), Axis(np.arange(3.0), categorical=True)


def acquisition_on(cube, count=8, seed=0):
    rng = np.random.default_rng(seed)
    x = cube.sample(8, rng)[:count]
    h = Hyperparameters(np.full(cube.dim, 0.4), 1.0, 0.001)
    posterior = Posterior.given(x, rng.normal(size=count), np.zeros(count), h, cube.categorical)
    return LogExpectedImprovement(posterior, float(posterior.mean(x).max())), x


@pytest.mark.parametrize(
    "axes", [(REAL, REAL), (REAL, LONG, CHOICE), (LONG, LONG), (REAL, REAL, REAL, CHOICE)]
)
def test_nothing_among_many_samples_is_better_than_what_is_found(axes):
    cube = Cube(axes)
    acquisition, x = acquisition_on(cube)
    found = maximise.maximise(acquisition, cube, x, x[:2], np.random.default_rng(1))
    brute = acquisition(cube.sample(2**14, np.random.default_rng(2)))
    assert acquisition(found[None])[0] >= brute.max() - 1e-3


def test_a_small_cube_is_searched_whole():
    cube = Cube((Axis(np.linspace(0.0, 1.0, 30)), CHOICE))
    acquisition, x = acquisition_on(cube)
    everything = np.array(list(cube.points()))
    free = everything[~cube.taken(everything, x)]
    found = maximise.maximise(acquisition, cube, x, x[:1], np.random.default_rng(1))
    assert found.tolist() == free[acquisition(free).argmax()].tolist()


def test_the_last_free_point_of_a_large_cube_is_found():
    cube = Cube((Axis(np.linspace(0.0, 1.0, 64)), Axis(np.linspace(0.0, 1.0, 64))))
    acquisition, _ = acquisition_on(cube)
    tried = np.array(list(cube.points()))
    last = np.delete(tried, 1234, axis=0)
    found = maximise.maximise(acquisition, cube, last, tried[:1], np.random.default_rng(1))
    assert found.tolist() == tried[1234].tolist()


def test_a_cube_that_is_used_up_gives_a_point_again():
    cube = Cube((CHOICE,))
    acquisition, _ = acquisition_on(cube, count=2)
    tried = np.array(list(cube.points()))
    assert maximise.maximise(acquisition, cube, tried, tried[:1], np.random.default_rng(1))[0] in (
        0.0,
        1.0,
        2.0,
    )
