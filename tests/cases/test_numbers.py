"""Every number that is suggested reaches a trainer that reads its arguments with argparse."""

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hptune.search.space import without_exponent
from tests.cases.small_jobs import needs_shared, shared_case

PRINT_X = "a = parser.parse_args(); print(f'score={a.x!r}')\n"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_without_its_exponent_is_the_same_number(value):
    for text in (repr(value), f"{value:.17g}", f"{value:.17E}"):
        plain = without_exponent(text)
        assert float(plain) == value
        assert not (plain.startswith("-") and "e" in plain.lower())


@pytest.mark.parametrize(
    "values", [[-1e-5, 0], [-0.0001, -1e-5, -3.3e-7], [-1e300, -1e17, -2.5e-300], [-5e-324, 5e-324]]
)
def test_negative_members_reach_argparse_as_they_are(folder, values):
    members = {"parameterName": "x", "type": "DISCRETE", "discreteValues": sorted(values)}
    folder.write_job(members, algorithm="GRID_SEARCH", maxTrials=len(values), maxFailedTrials=9)
    folder.write_trainer(PRINT_X)
    ended = folder.run()
    assert ended.code == 0, ended.err
    measured = [trial["finalMetric"]["objectiveValue"] for trial in folder.trials().values()]
    assert sorted(measured) == sorted(values)


def test_a_category_that_looks_like_a_number_keeps_its_spelling(folder):
    words = {"parameterName": "x", "type": "CATEGORICAL", "categoricalValues": ["1E-05"]}
    folder.write_job(words)
    folder.write_trainer("print(sys.argv[1:]); print('score=1')\n")
    assert folder.run().code == 0
    assert "'--x', '1E-05'" in folder.log(1)


@pytest.mark.parametrize("ends", [(-sys.float_info.max, sys.float_info.max), (-1.7e308, 1e308)])
def test_random_search_covers_the_widest_ranges(folder, ends):
    low, high = ends
    folder.write_job(
        {"parameterName": "x", "type": "DOUBLE", "minValue": low, "maxValue": high},
        algorithm="RANDOM_SEARCH",
        maxTrials=4,
    )
    folder.write_trainer("a = parser.parse_args(); print(f'score={a.x / 1e300!r}')\n")
    ended = folder.run()
    assert ended.code == 0, ended.err
    values = [float(trial["hyperparameters"]["x"]) for trial in folder.trials().values()]
    assert len(set(values)) == 4
    assert all(low <= value <= high and math.isfinite(value) for value in values)


@needs_shared
@pytest.mark.parametrize("config", ["hptune.yaml", "discrete.yaml"])
def test_the_shared_trainer_of_a_small_bias_never_fails(tmp_path, monkeypatch, config):
    case = shared_case("negative-exponent", tmp_path)
    monkeypatch.chdir(case.path)
    assert case.run(config=config).code == 0
    assert {trial["state"] for trial in case.trials().values()} == {"SUCCEEDED"}


@needs_shared
def test_the_shared_random_search_covers_its_range(tmp_path, monkeypatch):
    case = shared_case("random-overflow", tmp_path)
    monkeypatch.chdir(case.path)
    assert case.run().code == 0
    values = [float(trial["hyperparameters"]["x"]) for trial in case.trials().values()]
    assert len(set(values)) == 2
    assert all(-1000 <= value <= 1000 for value in values)
