import json
import math
from datetime import datetime
from itertools import pairwise

import pytest

from hptune.results.study import Measurement
from hptune.trial.metrics import Source
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
        file.restart(Source.HYPERTUNE)
        file.add(Measurement(1e-07, 12))
        (line,) = lines(path)
    time = datetime.fromisoformat(line.pop("timestamp"))
    assert time.utcoffset().total_seconds() == 0
    assert line == {"a 'metric' \"ü\"": "1e-07", STEP_METRIC: "12"}


def test_times_rise_by_a_microsecond_at_least_so_that_the_last_value_is_known(path):
    with CollectorFile(path, "accuracy") as file:
        for i in range(200):
            file.add(Measurement(float(i), i))
        file.finish(Measurement(199.0, 199))
    times = [datetime.fromisoformat(line["timestamp"]) for line in lines(path)]
    assert all(later > earlier for earlier, later in pairwise(times))
    assert all(line["timestamp"][-13:-6].startswith(".") for line in lines(path)), "six digits"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_left_out(path, value):
    with CollectorFile(path, "accuracy") as file:
        file.add(Measurement(0.5, 1))
        file.add(Measurement(value, 2))
        file.add(Measurement(0.75, 3))
        file.finish(Measurement(0.75, 3))
    assert values(path) == [0.5, 0.75]


def test_a_last_value_that_is_not_finite_leaves_none_for_katib_to_take(path):
    with CollectorFile(path, "accuracy") as file:
        file.add(Measurement(0.5, 1))
        file.finish(Measurement(math.nan, 2))
    assert path.read_bytes() == b""


def test_no_measurement_leaves_an_empty_file(path):
    with CollectorFile(path, "accuracy") as file:
        file.finish(None)
    assert path.read_bytes() == b""


def test_the_measurement_that_counts_is_the_last_line_and_not_written_twice(path):
    with CollectorFile(path, "accuracy") as file:
        file.add(Measurement(0.5, 1))
        file.finish(Measurement(0.5, 1))
        assert values(path) == [0.5]
        # Where the best value counts it need not be the last.
        file.add(Measurement(0.4, 2))
        file.finish(Measurement(0.5, 1))
    assert values(path) == [0.5, 0.4, 0.5]


@pytest.mark.parametrize("source", [Source.STDOUT, Source.TRAINING_SUMMARY, Source.SUMMARY])
def test_what_may_be_of_the_training_data_waits_until_the_trainer_ends(path, source):
    with CollectorFile(path, "accuracy") as file:
        file.restart(source)
        file.add(Measurement(0.98, 1))
        file.add(Measurement(0.99, 2))
        assert path.read_bytes() == b""
        assert file.finish(Measurement(0.99, 2)), "Katib may judge it only now"
    assert values(path) == [0.98, 0.99]


def test_what_waits_is_forgotten_when_a_more_deliberate_source_speaks(path):
    with CollectorFile(path, "accuracy") as file:
        file.restart(Source.TRAINING_SUMMARY)
        file.add(Measurement(0.99, 1))
        file.restart(Source.EVALUATION_SUMMARY)
        file.add(Measurement(0.5, 1))
        assert values(path) == [0.5]
        assert not file.finish(Measurement(0.5, 1))
    assert values(path) == [0.5]


def test_what_is_withdrawn_is_no_measurement_any_more_and_whoever_follows_the_file_keeps_its_place(path):
    with CollectorFile(path, "accuracy") as file:
        file.restart(Source.EVALUATION_SUMMARY)
        file.add(Measurement(0.9, 1))
        file.add(Measurement(0.8, 2))
        before = path.stat().st_size
        file.restart(Source.HYPERTUNE)
        assert path.stat().st_size == before
        file.add(Measurement(0.5, 3))
        file.finish(Measurement(0.5, 3))
    with path.open("rb") as followed:
        followed.seek(before)
        assert json.loads(followed.read())["accuracy"] == "0.5"
    assert [line.get("accuracy") for line in lines(path)] == [None, None, "0.5"]


@pytest.mark.parametrize(
    ("usual", "source", "shown"),
    [
        (Source.STDOUT, Source.STDOUT, True),
        (Source.STDOUT, Source.PRINTED_IN_PASSING, False),
        (Source.HYPERTUNE, Source.EVALUATION_SUMMARY, False),
    ],
)
def test_what_judged_earlier_trials_is_shown_at_once(path, usual, source, shown):
    with CollectorFile(path, "accuracy") as file:
        file.show_from(usual)
        file.restart(source)
        file.add(Measurement(0.5, 1))
        assert bool(path.read_bytes()) is shown


def test_a_late_measurement_is_not_the_last(path):
    with CollectorFile(path, "accuracy") as file:
        file.add(Measurement(0.5, 1))
        file.add(Measurement(0.7, 3))
        file.add(Measurement(0.6, 2), late=True)
        file.finish(Measurement(0.7, 3))
    assert max(lines(path), key=lambda line: line["timestamp"])["accuracy"] == "0.7"
    assert sorted(values(path)) == [0.5, 0.6, 0.7]
