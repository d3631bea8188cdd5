"""The shared inputs that are about what a trial measured have the values that their authors state."""

import json
import sys
from contextlib import chdir

import pytest

from hptune.results.study import Measurement
from hptune.trial.metrics.curve import CurveWriter, read_curve
from hptune.trial.metrics.objective import Objective
from hptune.trial.metrics.printed import StdoutSource
from hptune.trial.metrics.report import Report, Source
from hptune.trial.outcome import Outcome
from hptune.trial.pod.collector import CollectorFile
from tests.cases.side_by_side import collected, followed
from tests.cases.small_jobs import SHARED, needs_shared, shared_case

pytestmark = needs_shared


def run(folder, *user_args, config="hptune.yaml"):
    with chdir(folder.path):
        ended = folder.run("c", "--", *user_args, config=config)
    assert ended.code == 0, ended.err
    return folder, folder.trials()


def measured(place, name, *user_args, config="hptune.yaml"):
    return run(shared_case(name, place), *user_args, config=config)


def value(trial):
    return trial["finalMetric"]["objectiveValue"]


def test_what_add_hparams_reports_last_counts(tmp_path):
    _, trials = measured(tmp_path, "add-hparams-last")
    assert value(trials[1]) == 5.0


def test_the_mean_over_folds_that_is_reported_last_counts(tmp_path):
    _, trials = measured(tmp_path, "folds")
    assert trials[1]["finalMetric"] == {"objectiveValue": pytest.approx(0.55), "trainingStep": "11"}


@pytest.mark.parametrize(
    "pair",
    [
        ("eval", "train"),
        ("validation", "."),
        ("tests/eval", "tests/train"),
        ("test_hp/eval", "test_hp/train"),
        ("val", "train"),
        ("valid", "training"),
        ("dev", "."),
        ("holdout", "fit"),
        ("cv", "."),
        ("loss_eval", "loss_train"),
        ("lr0.1-eval", "lr0.1-train"),
        ("train/test", "train"),
    ],
)
def test_evaluation_is_told_from_training(tmp_path, monkeypatch, pair):
    script = shared_case("evaluation-dirs", tmp_path).path / "trainer" / "task.py"
    evaluation, training = pair
    monkeypatch.setattr(sys, "argv", [str(script), "--evaluation", evaluation, "--training", training])
    objective, curve = followed(tmp_path, script, "loss")
    assert (objective.measurement, curve) == (Measurement(5.0, 3), [2.0, 3.0, 4.0, 5.0])


def test_a_job_whose_trainer_writes_both_is_judged_by_the_evaluation(tmp_path):
    _, trials = measured(
        tmp_path, "evaluation-dirs", "--evaluation", "tests/eval", "--training", "tests/train"
    )
    assert value(trials[1]) == 5.0


def test_the_recorded_trial_has_one_curve_here_and_in_a_pod(tmp_path):
    recorded = SHARED / "collector"
    reports = [json.loads(line) for line in (recorded / "c.json").read_text().splitlines()]
    final = Outcome.parse((recorded / "m.json").read_text()).final
    here, pod = tmp_path / "here.jsonl", tmp_path / "pod.jsonl"
    with here.open("w") as file, CollectorFile(pod, "epoch_accuracy") as collector:
        objective = Objective([CurveWriter(file), collector])
        for time_s, each in enumerate(reports, start=1):
            measurement = Measurement(float(each["epoch_accuracy"]), int(each["hptune-training-step"]))
            # The first two were the training's.
            source = Source.TRAINING_SUMMARY if measurement.value > 0.9 else Source.EVALUATION_SUMMARY
            objective.add(Report("epoch_accuracy", measurement, source, time_s))
        objective.finish()
        collector.finish(objective.measurement)
    assert objective.measurement == final
    curve = [each.value for each in read_curve(here)]
    assert collected(pod, "epoch_accuracy") == curve == [0.5] * 8


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
    folder = shared_case("early-stopping-keras", tmp_path)
    task = folder.path / "trainer" / "task.py"
    # It is waiting that takes its time.
    task.write_text(task.read_text().replace("time.sleep(0.4)", "time.sleep(0.15)"))
    folder, trials = run(folder)
    for number in trials:
        lines = (folder.path / f"out/hptune/trials/{number}/measurements.jsonl").read_text().splitlines()
        start = lines.index('{"source": "EVALUATION_SUMMARY"}')
        assert 0.99 not in [round(json.loads(line)["value"], 2) for line in lines[start + 1 :]]
    # Those that overfit are the worst, whether they were stopped or not; the good ones ran to their end.
    odd = [trial for trial in trials.values() if trial["hyperparameters"]["i"] in ("3", "6")]
    assert [value(trial) for trial in odd] == [0.5] * len(odd)
    assert all(value(trial) == pytest.approx(0.87) for trial in trials.values() if trial not in odd)


@pytest.mark.parametrize(
    ("config", "how", "count"), [("hptune.yaml", "summary", 1), ("two.yaml", "print", 4)]
)
def test_many_reports_are_kept_in_a_short_curve(tmp_path, config, how, count):
    folder, trials = measured(tmp_path, "too-many-metrics", "--n", "20000", "--how", how, config=config)
    assert len(trials) == count
    for number, trial in trials.items():
        assert trial["finalMetric"] == {"objectiveValue": pytest.approx(0.99995), "trainingStep": "19999"}
        path = folder.path / "out" / "hptune" / "trials" / str(number) / "measurements.jsonl"
        assert 500 < len(path.read_text().splitlines()) < 2500


def test_printed_lines_are_read_as_their_list_says(tmp_path, capsys):
    script = (shared_case("stdout", tmp_path).path / "lines.py").read_text()
    # It was written when a package above gave it this name.
    script = script.replace("hptune.trial.metrics import", f"{StdoutSource.__module__} import")
    exec(compile(script, "lines.py", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed
    assert [line for line in printed if not line.startswith("ok")] == []
