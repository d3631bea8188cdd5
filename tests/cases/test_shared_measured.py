"""The shared inputs that are about what a trial measured have the values that their authors state."""

import json
from contextlib import chdir

import pytest

from hptune.trial.metrics import StdoutSource
from tests.cases.small_jobs import PACKAGE, needs_shared, shared_case

pytestmark = needs_shared


def measured(place, name, *user_args, flags=PACKAGE):
    folder = shared_case(name, place)
    with chdir(folder.path):
        ended = folder.run("c", "--", *user_args, flags=flags)
    assert ended.code == 0, ended.err
    return folder, folder.trials()


def value(trial):
    return trial["finalMetric"]["objectiveValue"]


def test_what_add_hparams_reports_last_counts(tmp_path):
    _, trials = measured(tmp_path, "add-hparams-last")
    assert value(trials[1]) == 5.0


def test_the_mean_over_folds_that_is_reported_last_counts(tmp_path):
    _, trials = measured(tmp_path, "folds")
    assert trials[1]["finalMetric"] == {"objectiveValue": pytest.approx(0.55), "trainingStep": "11"}


@pytest.mark.parametrize("pair", [("eval", "train"), ("tests/eval", "tests/train"), ("validation", ".")])
def test_evaluation_is_told_from_training(tmp_path, pair):
    evaluation, training = pair
    _, trials = measured(tmp_path, "evaluation-dirs", "--evaluation", evaluation, "--training", training)
    assert value(trials[1]) == 5.0


@pytest.mark.parametrize(
    ("how", "right"),
    [("one-line-without-newline", 0.9), ("lines-joined", 0.9), ("same-line-again", 0.5), ("indented", 0.9)],
)
def test_metric_files_are_read_as_programs_write_them(tmp_path, how, right):
    _, trials = measured(tmp_path, "metric-file", "--how", how)
    assert value(trials[1]) == right


def test_a_print_behind_kerass_progress_bar_counts(tmp_path):
    folder, trials = measured(tmp_path, "keras-callback-print")
    printed = folder.log(1).rpartition("val_accuracy=")[2].split()[0]
    assert value(trials[1]) == float(printed)


def test_keras_callback_is_judged_by_its_validation(tmp_path):
    folder, trials = measured(tmp_path, "keras-callback")
    for number, trial in trials.items():
        last = folder.log(number).rpartition("VAL ")[2].split()[0]
        assert value(trial) == pytest.approx(float(last), abs=1e-6)


def test_early_stopping_never_judges_training_values(tmp_path):
    folder, trials = measured(tmp_path, "early-stopping-keras")
    for number in trials:
        lines = (folder.path / f"out/hptune/trials/{number}/measurements.jsonl").read_text().splitlines()
        start = lines.index('{"source": "EVALUATION_SUMMARY"}')
        assert 0.99 not in [round(json.loads(line)["value"], 2) for line in lines[start + 1 :]]
    # Those that overfit are the worst, whether they were stopped or not; the good ones ran to their end.
    odd = [trial for trial in trials.values() if trial["hyperparameters"]["i"] in ("3", "6")]
    assert [value(trial) for trial in odd] == [0.5] * len(odd)
    assert all(value(trial) == pytest.approx(0.87) for trial in trials.values() if trial not in odd)


def test_many_reports_are_kept_in_a_short_curve(tmp_path):
    folder, trials = measured(tmp_path, "too-many-metrics", "--n", "20000", "--how", "print")
    assert trials[1]["finalMetric"] == {"objectiveValue": 0.99995, "trainingStep": "19999"}
    lines = (folder.path / "out/hptune/trials/1/measurements.jsonl").read_text().splitlines()
    assert 500 < len(lines) < 2500


def test_printed_lines_are_read_as_their_list_says(tmp_path, capsys):
    script = (shared_case("stdout", tmp_path).path / "lines.py").read_text()
    assert StdoutSource.__name__ in script
    exec(compile(script, "lines.py", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed
    assert [line for line in printed if not line.startswith("ok")] == []
