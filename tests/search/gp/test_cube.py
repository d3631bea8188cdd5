import itertools
import math

import numpy as np

from hptune.search.gp.cube import Axis, Cube

ORDERED = Axis(np.array([0.0, 0.2, 1.0]))
CHOICE = Axis(np.arange(4.0), categorical=True)
MIXED = Cube((Axis(), ORDERED, CHOICE))


def test_size_counts_points_and_is_infinite_with_a_continuous_axis():
    assert Cube((ORDERED, CHOICE)).size == 12
    assert MIXED.size == math.inf


def test_snap_takes_the_nearest_member_and_the_share_of_a_choice():
    unit = np.array([[0.3, 0.55, 0.0], [-0.2, 0.61, 0.5], [1.4, 2.0, 1.0]])
    assert MIXED.snap(unit).tolist() == [[0.3, 0.2, 0.0], [0.0, 1.0, 2.0], [1.0, 1.0, 3.0]]


def test_an_axis_of_one_member_has_only_that():
    cube = Cube((Axis(np.array([0.5])),))
    assert cube.snap(np.array([[0.0], [1.0]])).tolist() == [[0.5], [0.5]]


def test_samples_and_perturbations_are_points_of_the_cube():
    rng = np.random.default_rng(0)
    points = np.concatenate([MIXED.sample(64, rng), MIXED.around(MIXED.sample(4, rng), 50, rng)])
    assert ((points[:, 0] >= 0) & (points[:, 0] <= 1)).all()
    assert np.isin(points[:, 1], ORDERED.grid).all()
    assert np.isin(points[:, 2], CHOICE.grid).all()


def test_points_enumerates_a_finite_cube():
    points = list(Cube((ORDERED, CHOICE)).points())
    assert points == list(itertools.product([0.0, 0.2, 1.0], [0.0, 1.0, 2.0, 3.0]))


def test_taken_means_equal_in_members_and_next_to_equal_in_reals():
    tried = np.array([[0.5, 0.2, 1.0]])
    points = np.array(
        [[0.5, 0.2, 1.0], [0.50001, 0.2, 1.0], [0.51, 0.2, 1.0], [0.5, 0.0, 1.0], [0.5, 0.2, 2.0]]
    )
    assert MIXED.taken(points, tried).tolist() == [True, True, False, False, False]


def test_neighbours_are_all_other_members_of_a_short_axis_and_close_ones_of_a_long():
    assert ORDERED.neighbours(0.2).tolist() == [0.0, 1.0]
    assert CHOICE.neighbours(3.0).tolist() == [0.0, 1.0, 2.0]
    long = Axis(np.linspace(0.0, 1.0, 101))
    assert np.round(100 * long.neighbours(0.5)).astype(int).tolist() == [
        34,
        42,
        46,
        48,
        49,
        51,
        52,
        54,
        58,
        66,
    ]
    assert Axis().neighbours(0.5).tolist() == []
