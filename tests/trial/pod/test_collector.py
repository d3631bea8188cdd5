import json
import math
from datetime import datetime
from itertools import pairwise

import pytest

from hptune.results.study import Measurement
from hptune.trial.pod.collector import STEP_METRIC, CollectorFile


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "measurements.jsonl"


def lines(path):
    return [json.loads(line) for line in path.read_text().split("\n")[:-1]]


def values(path):
    return [float(line["accuracy"]) for line in lines(path)]


def test_the_file_is_there_before_the_first_measurement(path):
    with CollectorFile(path, "accuracy"):
        assert path.read_bytes() == b""


def test_what_an_earlier_attempt_wrote_is_gone(path):
    path.parent.mkdir()
    path.write_text("old\n")
    with CollectorFile(path, "accuracy"):
        assert path.read_bytes() == b""


def test_a_measurement_is_a_line_of_strings_at_once(path):
    with CollectorFile(path, "a 'metric' \"ü\"") as file:
        file.add(Measurement(1e-07, 12))
        (line,) = lines(path)
    time = datetime.fromisoformat(line.pop("timestamp"))
    assert time.utcoffset().total_seconds() == 0
    assert line == {"a 'metric' \"ü\"": "1e-07", STEP_METRIC: "12"}


def test_times_rise_by_a_microsecond_at_least_so_that_the_last_value_is_known(path):
    with CollectorFile(path, "accuracy") as file:
        for i in range(200):
            file.add(Measurement(float(i), i))
        file.finish()
    times = [datetime.fromisoformat(line["timestamp"]) for line in lines(path)]
    assert all(later > earlier for earlier, later in pairwise(times))
    assert all(line["timestamp"][-13:-6].startswith(".") for line in lines(path)), "six digits"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_left_out(path, value):
    with CollectorFile(path, "accuracy") as file:
        file.add(Measurement(0.5, 1))
        file.add(Measurement(value, 2))
        file.add(Measurement(0.75, 3))
        file.finish()
    assert values(path) == [0.5, 0.75]


def test_a_last_value_that_is_not_finite_leaves_none_for_katib_to_take(path):
    with CollectorFile(path, "accuracy") as file:
        file.add(Measurement(0.5, 1))
        file.add(Measurement(math.nan, 2))
        file.finish()
    assert path.read_bytes() == b""


def test_no_measurement_leaves_an_empty_file(path):
    with CollectorFile(path, "accuracy") as file:
        file.finish()
    assert path.read_bytes() == b""


def test_the_same_measurement_twice_is_not_written_again_at_the_end(path):
    with CollectorFile(path, "accuracy") as file:
        file.add(Measurement(0.5, 1))
        file.finish()
    assert values(path) == [0.5]


def test_many_measurements_are_thinned_out_and_the_last_one_is_kept(path):
    count = 100_001
    with CollectorFile(path, "accuracy") as file:
        for i in range(1, count + 1):
            file.add(Measurement(float(i), i))
        file.finish()
    written = values(path)
    assert written[:300] == list(map(float, range(1, 301)))
    assert written[-1] == count
    assert written == sorted(set(written))
    assert len(written) < 3000
