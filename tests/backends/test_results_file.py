"""How often ML Engine's answer is written as a job grows."""

import json

import pytest

from hptune.backends.local import results_file
from hptune.backends.local.results_file import ResultsFile
from hptune.results.study import Goal, Measurement, Study, Trial, TrialState


def study(count):
    final = Measurement(0.5, 1)
    trials = (Trial(i + 1, {"x": 0.5}, TrialState.SUCCEEDED, (final,), final) for i in range(count))
    return Study("job", "accuracy", Goal.MAXIMIZE, count, tuple(trials))


def trials_in(path):
    return len(json.loads(path.read_text())["trainingOutput"]["trials"])


def test_each_of_few_trials_is_written_when_it_finishes(tmp_path):
    results = ResultsFile(tmp_path / "results.json")
    for count in range(1, 60):
        results.update(study(count))
        assert trials_in(tmp_path / "results.json") == count


def test_of_many_trials_no_more_than_a_fiftieth_waits_and_none_at_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(results_file, "_OLD_S", float("inf"))
    results = ResultsFile(tmp_path / "results.json")
    written = set()
    for count in range(1000, 1101):
        results.update(study(count))
        written.add(trials_in(tmp_path / "results.json"))
        assert count - max(written) < 22
    assert len(written) <= 6
    results.complete(study(1105))
    assert trials_in(tmp_path / "results.json") == 1105


@pytest.mark.parametrize(("writings", "written"), [(0, [1000, 1001]), (10**9, [1000, 1000])])
def test_what_waits_is_written_once_the_file_is_old_for_what_writing_takes(
    tmp_path, monkeypatch, writings, written
):
    monkeypatch.setattr(results_file, "_OLD_S", 0.0)
    monkeypatch.setattr(results_file, "_OLD_WRITINGS", writings)
    results = ResultsFile(tmp_path / "results.json")
    for count, there in zip((1000, 1001), written, strict=True):
        results.update(study(count))
        assert trials_in(tmp_path / "results.json") == there
