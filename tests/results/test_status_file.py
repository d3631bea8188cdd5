"""A status survives its file."""

import json
import math
from datetime import UTC, datetime, timedelta

import pytest

from hptune.errors import DataError
from hptune.results.status_file import load_status, save_status
from hptune.results.study import Goal, JobState, JobStatus, Measurement, Study, Trial, TrialState

START = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def status():
    curve = (Measurement(math.nan, 1), Measurement(math.inf, 2), Measurement(0.5, 3))
    end = START + timedelta(seconds=9)
    values = {"n": 3, "x": 0.1, "kind": "relu"}
    trials = (
        Trial(1, values, TrialState.SUCCEEDED, curve, curve[-1], True, "", START, end),
        Trial(2, {"n": 4}, TrialState.FAILED, message="exited with code 1", start_time=START),
    )
    study = Study("job", "training/hptuning/metric", Goal.MINIMIZE, 5, trials)
    return JobStatus(JobState.FAILED, study, {"scaleTier": "BASIC"}, "two failed", START, None)


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "study"
    save_status(path, status())
    assert repr(load_status(path)) == repr(status())


def test_the_file_is_json_as_others_read_it(tmp_path):
    path = tmp_path / "study"
    save_status(path, status())

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    content = json.loads(path.read_text(), parse_constant=refuse)
    assert content["study"]["trials"][0]["measurements"][0] == {"value": "nan", "step": 1}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "state": "LOST"}'])
def test_anything_else_is_refused_by_name(tmp_path, text):
    path = tmp_path / "study"
    path.write_text(text)
    with pytest.raises(DataError, match="study: is not a study that hptune wrote"):
        load_status(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(DataError, match="study: cannot be read: No such file"):
        load_status(tmp_path / "study")
