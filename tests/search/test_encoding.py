import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hptune.search.encoding import MAX_GRID, Encoding, distributions, integer_grid
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Double, Integer, SearchSpace

SPACE = SearchSpace(
    (
        Double("lr", 0.001, 0.1, Scale.LOG),
        Double("momentum", 0.5, 0.99, Scale.REVERSE_LOG),
        Integer("layers", 1, 5),
        Discrete("batch", (32.0, 64.0, 256.0), Scale.LOG),
        Categorical("optimizer", ("adam", "sgd")),
    )
)
VALUES = {"lr": 0.01, "momentum": 0.9, "layers": 2, "batch": 64.0, "optimizer": "sgd"}


def test_distributions_keep_what_optuna_knows():
    assert distributions(SPACE) == {
        "lr": FloatDistribution(0.001, 0.1, log=True),
        "momentum": FloatDistribution(0.5, 0.99),
        "layers": IntDistribution(1, 5),
        "batch": CategoricalDistribution((32.0, 64.0, 256.0)),
        "optimizer": CategoricalDistribution(("adam", "sgd")),
    }


def test_scales_of_the_space_decide_where_a_value_is_placed():
    point = Encoding(distributions(SPACE), SPACE).encode(VALUES)
    reverse = 1 - math.log((0.99 + 0.5 - 0.9) / 0.5) / math.log(0.99 / 0.5)
    assert point.tolist() == pytest.approx([0.5, reverse, 0.25, 1 / 3, 1.0])
    assert Encoding(distributions(SPACE)).encode(VALUES)[1] == pytest.approx(0.4 / 0.49)


def test_points_decode_to_the_values_they_came_from():
    encoding = Encoding(distributions(SPACE), SPACE)
    assert encoding.decode(encoding.encode(VALUES)) == pytest.approx(VALUES)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 10**9), st.integers(0, 10**9), st.sampled_from(Scale))
def test_places_of_whole_numbers_lead_back_to_them(low, span, scale):
    parameter = Integer("n", low, low + span, scale)
    grid = integer_grid(parameter)
    assert len(grid) <= MAX_GRID + 1
    assert [parameter.to_unit(parameter.from_unit(unit)) for unit in grid[:50].tolist()] == grid[:50].tolist()


def test_small_numbers_survive_thinning_on_a_log_scale():
    grid = integer_grid(Integer("n", 1, 10**6, Scale.LOG))
    assert grid[:50].tolist() == pytest.approx([math.log(n) / math.log(10**6) for n in range(1, 51)])


def test_members_too_close_for_their_scale_stay_apart():
    space = SearchSpace((Discrete("d", (0.0, 5e-324, 1e300)),))
    encoding = Encoding(distributions(space), space)
    assert [encoding.decode(encoding.encode({"d": v}))["d"] for v in (0.0, 5e-324, 1e300)] == [
        0.0,
        5e-324,
        1e300,
    ]


@pytest.mark.parametrize(
    "change", [{"lr": 1.0}, {"lr": math.nan}, {"layers": 2.5}, {"batch": 48.0}, {"optimizer": 3}]
)
def test_values_outside_the_space_have_no_place(change):
    assert Encoding(distributions(SPACE), SPACE).encode(VALUES | change) is None


def test_a_missing_value_has_no_place():
    assert Encoding(distributions(SPACE), SPACE).encode({"lr": 0.01}) is None


def test_categories_of_any_type_are_told_apart():
    choices = [None, True, 2, "2", 0.5]
    encoding = Encoding({"c": CategoricalDistribution(choices)})
    places = np.concatenate([encoding.encode({"c": choice}) for choice in choices])
    assert places.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
