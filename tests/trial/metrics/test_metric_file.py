import json
import math
import os

import hypertune
import pytest

from hptune.results.study import Measurement
from hptune.trial.metrics.metric_file import HypertuneSource
from hptune.trial.metrics.report import Report, Source


def values(source, tag="accuracy"):
    return [report.measurement.value for report in source.read_new() if report.tag == tag]


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
    for size in (0, 1, 8192, len(complete) - 2):
        hypertune_file.write_bytes(complete[:size])
        assert values(source) == []
    hypertune_file.write_bytes(complete)
    assert values(source) == [100.0]


def test_a_file_that_was_not_written_to_is_left_alone_where_that_is_asked_for(hypertune_file):
    source, same_time = HypertuneSource(hypertune_file), (10**18, 10**18)
    report_metric(hypertune.HyperTune(), 0.5, 1)
    assert len(list(source.read_new(if_changed=True))) == 1
    report_metric(hypertune.HyperTune(), 0.75, 2)
    os.utime(hypertune_file, ns=same_time)
    assert [each.measurement.step for each in source.read_new(if_changed=True)] == [2]
    hypertune_file.write_text(hypertune_file.read_text().replace("0.75", "0.25"))
    os.utime(hypertune_file, ns=same_time)
    assert list(source.read_new(if_changed=True)) == []
    assert [each.measurement.value for each in source.read_new()] == [0.25]


def test_a_file_that_grows_faster_than_it_can_be_read_has_its_end_read_and_says_so(tmp_path):
    path = tmp_path / "metrics"
    source = HypertuneSource(path)
    path.write_text('{"accuracy": 1.0}\n')
    assert values(source) == [1.0]
    with path.open("a") as file:
        for number in range(40):
            file.write(f'{{"accuracy": {number}.5, "padding": "{"z" * 1000}"}}\n' * 1000)
    read = values(source)
    assert 1000 < len(read) < 10_000
    assert read[-1] == 39.5
    assert "faster than it could be read: 37 MB" in source.note
    with path.open("a") as file:
        file.write('{"accuracy": 2.0}\n')
    assert values(source) == [2.0]


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
        '{"accuracy": high}',
    ]
    good = json.dumps({"accuracy": 0.5, "global_step": "nan", "timestamp": 1.0, "trial": "1"})
    hypertune_file.write_text("\n".join([*lines, good]) + "\n")
    assert list(HypertuneSource(hypertune_file).read_new()) == [
        Report("accuracy", Measurement(0.5, 0), Source.HYPERTUNE)
    ]


def appended(path, *texts):
    """What a source reads after each text was appended to a file."""
    source = HypertuneSource(path)
    read = []
    for text in texts:
        with path.open("a") as file:
            file.write(text)
        read.append(values(source))
    return read


@pytest.mark.parametrize(
    ("texts", "read"),
    [
        (['{"accuracy": 0.9}'], [[0.9]]),
        (['{"accuracy": 0.9', "}"], [[], [0.9]]),
        (['{"accuracy": 0.1}\n{"accuracy": 0.9}'], [[0.1, 0.9]]),
        (['{"accuracy": 0.1}', '\n{"accuracy": 0.9}'], [[0.1], [0.9]]),
        (['{"accuracy": 0.5}\n', '{"accuracy": 0.9}\n', '{"accuracy": 0.5}\n'], [[0.5], [0.9], [0.5]]),
        (['{"accuracy": 0.5}\n{"accuracy": 0.5}\n'], [[0.5, 0.5]]),
        ([json.dumps({"accuracy": 0.9, "global_step": 5}, indent=2)], [[0.9]]),
        (['{\n "accuracy": 0.5\n', "}\n", '{\n "accuracy": 0.9 }'], [[], [0.5], [0.9]]),
        (['[{"accuracy": 0.5},\r\n {"accuracy": 0.9}]\n'], [[0.5, 0.9]]),
        (['{"accuracy": 0.5}{"accuracy": 0.9}'], [[0.5, 0.9]]),
        (["wrote\n", '{"accuracy": 0.9}'], [[], [0.9]]),
        (['{"accuracy": oops}\n', '{"accuracy": 0.9}'], [[], [0.9]]),
    ],
)
def test_the_file_is_read_as_other_programs_write_it(tmp_path, texts, read):
    assert appended(tmp_path / "file", *texts) == read


def test_a_file_that_is_written_anew_with_each_value_is_read_each_time(tmp_path):
    path = tmp_path / "file"
    source = HypertuneSource(path)
    read = []
    for value in (0.5, 0.9, 0.7):
        path.write_text(json.dumps({"accuracy": value}))
        read.append(values(source))
    assert read == [[0.5], [0.9], [0.7]]


def test_an_old_value_that_takes_the_place_of_newer_ones_is_new(tmp_path):
    path = tmp_path / "file"
    source = HypertuneSource(path)
    path.write_text('{"accuracy": 0.5}\n{"accuracy": 0.9}\n')
    assert values(source) == [0.5, 0.9]
    path.write_text('{"accuracy": 0.5}\n')
    # It could be in the middle of being rewritten.
    assert values(source) == []
    assert values(source) == [0.5]
    assert values(source) == []


def test_a_long_file_is_read_once(tmp_path):
    path = tmp_path / "file"
    source = HypertuneSource(path)
    read = []
    with path.open("w") as file:
        for i in range(20_000):
            file.write(json.dumps({"accuracy": i}) + "\n")
            if i % 3000 == 0:
                file.flush()
                read += values(source)
    assert read + values(source) == [*range(20_000)]


def test_a_large_file_is_read_in_pieces_and_each_entry_once(tmp_path):
    path = tmp_path / "metrics"
    lines = [json.dumps({"accuracy": n, "note": "x" * 1000}) + "\n" for n in range(5000)]
    path.write_text("".join(lines[:4000]))
    source = HypertuneSource(path)
    assert values(source) == list(map(float, range(4000)))
    with path.open("a") as file:
        file.writelines(lines[4000:])
    assert values(source) == list(map(float, range(4000, 5000)))
    assert values(source) == []


@pytest.mark.parametrize(
    ("junk", "repeats"),
    [('{"accuracy": "', 3000), ("[" * 2000, 50), ("\0", 3000)],
    ids=["half", "deep", "NUL"],
)
def test_megabytes_that_are_no_entry_are_passed_over(tmp_path, junk, repeats):
    path = tmp_path / "metrics"
    path.write_text('{"accuracy": 1}\n' + (junk * 50 + "x" * 1000) * repeats + '\n{"accuracy": 2}\n')
    assert values(HypertuneSource(path)) == [1.0, 2.0]
