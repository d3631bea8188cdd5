import subprocess
import sys
import time

import pytest

from hptune.trial.metrics.elsewhere import Elsewhere
from hptune.trial.metrics.summaries import SummarySource
from tests.trial.metrics.test_summaries import write_summary

HOLD = """
import sys, time
file = open(sys.argv[1], "ab")
print("open", flush=True)
time.sleep(60)
"""
EVENTS = "events.out.tfevents.1"


def source_of(tmp_path, *args, alone=True):
    (tmp_path / "own").mkdir(exist_ok=True)
    elsewhere = Elsewhere(["python", *args], tmp_path / "own" / "work", "3", alone=alone)
    return SummarySource(tmp_path / "own", elsewhere)


def read(source):
    return [report.measurement.value for report in source.read_new(at_once=True)]


@pytest.mark.parametrize("form", [["--output_dir", "{}"], ["--output_dir={}"], ["{}"]])
def test_summaries_below_a_directory_that_an_argument_names_are_read(tmp_path, form):
    source = source_of(tmp_path, *(part.format(tmp_path / "model") for part in form))
    write_summary(tmp_path / "model" / "eval" / EVENTS, "rmse", 0.5)
    assert read(source) == [0.5]


def test_of_trials_side_by_side_each_reads_its_own_number(tmp_path):
    source = source_of(tmp_path, "--output_dir", str(tmp_path / "model"), alone=False)
    write_summary(tmp_path / "model" / "2" / EVENTS, "rmse", 0.125)
    write_summary(tmp_path / "model" / EVENTS, "rmse", 0.0625)
    write_summary(tmp_path / "model" / "3" / "eval" / EVENTS, "rmse", 0.25)
    assert read(source) == [0.25]


def test_of_trials_side_by_side_each_reads_what_it_writes_in_its_working_directory(tmp_path):
    source = source_of(tmp_path, "--output_dir", "model", alone=False)
    write_summary(tmp_path / "own" / "work" / "model" / "eval" / EVENTS, "rmse", 0.5)
    assert read(source) == [0.5]


def test_a_word_that_is_too_long_for_a_name_names_nothing(tmp_path):
    script = "print(1 / 2)\n" * 100
    assert Elsewhere(["python", "-c", script], tmp_path, "1", alone=True).files(None) == {}


def test_what_lay_there_is_not_this_trials(tmp_path):
    write_summary(tmp_path / "model" / EVENTS, "rmse", 0.9)
    source = source_of(tmp_path, f"--output_dir={tmp_path / 'model'}")
    assert read(source) == []


def test_a_file_in_its_own_directory_is_read_once(tmp_path):
    source = source_of(tmp_path, "--job-dir", str(tmp_path / "own"))
    write_summary(tmp_path / "own" / "3" / EVENTS, "rmse", 0.5)
    assert read(source) == [0.5]


def test_words_that_are_no_directories_name_none(tmp_path):
    args = ["--lr", "0.1", "--data=gs://b/x", "/", "--file", __file__, "a\0/b"]
    assert Elsewhere(["python", *args], tmp_path, "1", alone=False).roots == (tmp_path,)


def test_a_large_directory_is_not_looked_through_to_its_end(tmp_path):
    for i in range(60):
        (tmp_path / "data" / str(i)).mkdir(parents=True)
        for j in range(120):
            (tmp_path / "data" / str(i) / f"{j}.csv").touch()
    source = source_of(tmp_path, "--data", str(tmp_path / "data"))
    start = time.monotonic()
    assert read(source) == []
    assert time.monotonic() - start < 2


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells in /proc which files are open")
def test_an_event_file_that_the_trainer_holds_open_is_its_own_wherever_it_lies(tmp_path):
    file = tmp_path / "nobody" / "named" / "eval" / EVENTS
    source = source_of(tmp_path, "--lr", "0.1", alone=False)
    write_summary(file, "rmse", 0.5)
    command = [sys.executable, "-c", HOLD, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, process_group=0) as process:
        process.stdout.readline()
        assert [report.measurement.value for report in source.read_new([process.pid])] == [0.5]
        process.kill()
    write_summary(file, "rmse", 0.25)
    assert read(source) == [0.25]
