import json
import math
import threading
import time

import hypertune
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from hptune.results.study import Measurement
from hptune.trial.metrics.sources import (
    FinalReport,
    HypertuneSource,
    Report,
    Source,
    StdoutSource,
    SummarySource,
)


def printed(metric, line):
    """Value and step of each report of the objective in a printed line."""
    reports = StdoutSource(metric).read_line(line)
    return [(r.measurement.value, r.measurement.step) for r in reports if r.tag == metric]


def write_summary(path, tag, value, step=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        event = Event(step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)]))
        RecordWriter(file).write(event.SerializeToString())


def values(source, tag="accuracy"):
    return [report.measurement.value for report in source.read_new() if report.tag == tag]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("accuracy=0.5", 0.5),
        ("accuracy = 0.5", 0.5),
        ("accuracy=.5", 0.5),
        ("accuracy=1.", 1.0),
        ("accuracy=-3", -3.0),
        ("accuracy=+1e-3", 0.001),
        ("accuracy=1.5E+02", 150.0),
        ("accuracy=inf", math.inf),
        ("accuracy=-Infinity", -math.inf),
        ("done: loss=1.0, accuracy=0.5, val_accuracy=0.7", 0.5),
        ("the accuracy=0.5.", 0.5),
        ("{accuracy=0.5}", 0.5),
    ],
)
def test_the_objective_is_read_from_a_printed_line(text, value):
    assert printed("accuracy", text) == [(value, 0)]


def test_a_printed_nan_is_a_measurement():
    [(value, _)] = printed("loss", "loss=NaN")
    assert math.isnan(value)


@pytest.mark.parametrize(
    "text",
    [
        "val_accuracy=0.5",
        "val/accuracy=0.5",
        "top-accuracy=0.5",
        "--accuracy=0.5",
        "Accuracy=0.5",
        "accuracy_top5=0.5",
        "accuracy: 0.5",
        "accuracy=high",
        "accuracy=0.5x",
        "accuracy=1.2.3",
        "accuracy=\u0131nf",
        "accuracy=",
        "accuracy",
        "",
    ],
)
def test_what_only_resembles_the_objective_is_not_read(text):
    assert printed("accuracy", text) == []


@pytest.mark.parametrize(
    "tag", ["training/hptuning/metric", "mean squared error", "val-loss", "top-5 acc. (%)", "f1|macro", "a+b"]
)
def test_tags_are_taken_literally(tag):
    assert printed(tag, f"step=3 {tag}=0.25") == [(0.25, 3)]
    assert printed(tag, f"step=3 x{tag}=0.25") == []


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("step=100 loss=1", 100),
        ("loss=1 step = 100", 100),
        ("global_step=7 loss=1", 7),
        ("epoch=3/10 loss=1", 3),
        ("epoch=3 step=100 loss=1", 100),
        ("step=1 global_step=100 loss=1", 100),
        ("steps=5 last_step=6 loss=1", 0),
        ("step=1.5 loss=1", 0),
        ("step=" + "9" * 5000 + " loss=1", 0),
    ],
)
def test_the_step_is_read_beside_the_objective(line, step):
    assert printed("loss", line) == [(1.0, step)]


def test_other_tags_in_a_line_are_reported_for_a_message_to_name():
    reports = StdoutSource("accuracy").read_line("lr=0.1 val_loss=2 name=mlp")
    assert {report.tag for report in reports} == {"lr", "val_loss"}


@pytest.mark.parametrize(
    "line",
    ["a" * 10**6, "1" * 10**6, "accuracy=" + "1" * 10**6 + "x", "accuracy" + " " * 10**6, "step=" * 10**5],
)
def test_a_megabyte_in_one_line_is_read_within_seconds(line):
    start = time.process_time()
    assert printed("accuracy", line) == []
    assert time.process_time() - start < 5


def test_summaries_below_the_directory_are_read_as_they_are_written(tmp_path):
    source = SummarySource(tmp_path)
    assert values(source) == []
    write_summary(tmp_path / "events.out.tfevents.1", "accuracy", 0.25)
    write_summary(tmp_path / "deep/er/events.out.tfevents.1", "accuracy", 0.5)
    assert sorted(values(source)) == [0.25, 0.5]
    assert values(source) == []


def test_summaries_that_an_earlier_attempt_left_are_not_read(tmp_path):
    write_summary(tmp_path / "eval/events.out.tfevents.1", "accuracy", 0.9)
    source = SummarySource(tmp_path)
    write_summary(tmp_path / "eval/events.out.tfevents.2", "accuracy", 0.5)
    assert values(source) == [0.5]


@pytest.mark.parametrize(
    ("directory", "source"),
    [
        (".", Source.SUMMARY),
        ("train", Source.SUMMARY),
        ("eval", Source.EVALUATION_SUMMARY),
        ("eval_holdout", Source.EVALUATION_SUMMARY),
        ("validation", Source.EVALUATION_SUMMARY),
        ("logs/val", Source.EVALUATION_SUMMARY),
    ],
)
def test_summaries_of_an_evaluation_are_told_from_those_of_training(tmp_path, directory, source):
    # The trial's own directory says nothing, whatever it is called.
    root = tmp_path / "eval"
    reader = SummarySource(root)
    write_summary(root / directory / "events.out.tfevents.1", "accuracy", 0.5)
    [report] = reader.read_new()
    assert report.source is source


def test_directories_that_come_and_go_do_not_disturb_the_reading(tmp_path):
    source = SummarySource(tmp_path)
    stop = threading.Event()

    def move_checkpoints():
        while not stop.is_set():
            for i in range(20):
                (tmp_path / f"tmp-{i}" / "variables").mkdir(parents=True)
            for i in range(20):
                (tmp_path / f"tmp-{i}" / "variables").rmdir()
                (tmp_path / f"tmp-{i}").rmdir()

    mover = threading.Thread(target=move_checkpoints)
    mover.start()
    try:
        for _ in range(300):
            assert values(source) == []
    finally:
        stop.set()
        mover.join()


@pytest.fixture
def hypertune_file(tmp_path, monkeypatch):
    path = tmp_path / "hypertune" / "output.metrics"
    monkeypatch.setenv("CLOUD_ML_HP_METRIC_FILE", str(path))
    monkeypatch.setenv("CLOUD_ML_TRIAL_ID", "3")
    return path


def report_metric(reporter, value, step, tag="accuracy"):
    reporter.report_hyperparameter_tuning_metric(
        hyperparameter_metric_tag=tag, metric_value=value, global_step=step
    )


def test_every_report_of_cloudml_hypertune_is_read_once(hypertune_file):
    source, reporter = HypertuneSource(hypertune_file), hypertune.HyperTune()
    assert list(source.read_new()) == []
    seen = []
    for step in range(250):
        report_metric(reporter, step / 1000, step)
        if step % 60 == 0:
            seen += source.read_new()
    seen += source.read_new()
    assert seen == [Report("accuracy", Measurement(s / 1000, s), Source.HYPERTUNE) for s in range(250)]


def test_reports_are_read_once_even_while_the_file_is_being_rewritten(hypertune_file):
    source, reporter = HypertuneSource(hypertune_file), hypertune.HyperTune()
    for step in range(100):
        report_metric(reporter, step, step)
    assert values(source) == list(map(float, range(100)))
    report_metric(reporter, 100, 100)
    complete = hypertune_file.read_bytes()
    for size in (0, 1, 8192, len(complete) - 1):
        hypertune_file.write_bytes(complete[:size])
        assert values(source) == []
    hypertune_file.write_bytes(complete)
    assert values(source) == [100.0]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_hypertune_reports_that_are_not_finite_are_measurements(hypertune_file, value):
    report_metric(hypertune.HyperTune(), value, 5)
    [report] = HypertuneSource(hypertune_file).read_new()
    assert (str(report.measurement.value), report.measurement.step) == (str(value), 5)


def test_lines_that_are_no_reports_are_passed_over(hypertune_file):
    hypertune_file.parent.mkdir()
    lines = [
        "",
        "not json",
        "[1]",
        '{"accuracy": "high"}',
        '{"accuracy": null}',
        '{"accuracy": 1' + "0" * 400 + "}",
    ]
    good = json.dumps({"accuracy": 0.5, "global_step": "nan", "timestamp": 1.0, "trial": "1"})
    hypertune_file.write_text("\n".join([*lines, good]) + "\n")
    assert list(HypertuneSource(hypertune_file).read_new()) == [
        Report("accuracy", Measurement(0.5, 0), Source.HYPERTUNE)
    ]


def judged(*reports):
    final = FinalReport()
    for source, value in reports:
        final.add(Report("accuracy", Measurement(value, 0), source))
    return final.measurement.value if final.measurement else None


def test_a_trial_is_judged_by_the_last_report_of_the_most_deliberate_source():
    assert judged() is None
    assert judged((Source.STDOUT, 0.1), (Source.STDOUT, 0.2)) == 0.2
    assert judged((Source.EVALUATION_SUMMARY, 0.5), (Source.SUMMARY, 0.9), (Source.STDOUT, 0.8)) == 0.5
    assert (
        judged((Source.SUMMARY, 0.9), (Source.EVALUATION_SUMMARY, 0.5), (Source.EVALUATION_SUMMARY, 0.4))
        == 0.4
    )
    assert judged((Source.HYPERTUNE, 0.3), (Source.EVALUATION_SUMMARY, 0.5)) == 0.3
