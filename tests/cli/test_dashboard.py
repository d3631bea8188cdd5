"""``hptune dashboard``: the real optuna-dashboard, asked over HTTP as a browser would."""

import json
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from hptune.results.optuna_copy import OptunaCopy
from hptune.results.study import Goal, Measurement, Study, Trial, TrialState
from hptune.search.space import Double, SearchSpace
from tests.entry_point import call

JOB = Path(__file__).parents[1] / "fixtures" / "format-1" / "failed"


@pytest.fixture
def served(tmp_path):
    job = shutil.copytree(JOB, tmp_path / "job")
    command = [sys.executable, "-m", "hptune", "dashboard", str(job), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            address = re.match(r"http://localhost:\d+", process.stdout.readline())[0]
            yield process, address
        finally:
            process.kill()


def get(address):
    with urllib.request.urlopen(address, timeout=60) as answer:
        return json.load(answer)


def test_the_dashboard_has_the_job_by_its_name_with_metric_and_messages(served):
    process, address = served
    (summary,) = get(f"{address}/api/studies")["study_summaries"]
    job = json.loads(call(f"describe {JOB} --format json").out)
    assert summary["study_name"] == job["jobId"]
    detail = get(f"{address}/api/studies/{summary['study_id']}")
    assert detail["objective_names"] == [job["trainingOutput"]["hyperparameterMetricTag"]]
    messages = [
        attribute["value"]
        for trial in detail["trials"]
        for attribute in trial["user_attrs"]
        if attribute["key"] == "message"
    ]
    assert any("exited with code" in message for message in messages)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert process.stderr.read() == ""


def test_an_address_that_cannot_be_listened_at_is_told():
    result = call(f"dashboard {JOB} --host 192.0.2.1")
    assert result.code == 2
    assert "--host 192.0.2.1 --port 8080: cannot be listened at" in result.err


def test_the_copy_follows_a_study_that_goes_on():
    running = Trial(1, {"x": 0.5}, TrialState.RUNNING, (Measurement(0.1, 1),))
    study = Study("j", "loss", Goal.MINIMIZE, 3, (running,))
    copy = OptunaCopy(study, SearchSpace((Double("x", 0.0, 1.0),)))
    grown = replace(running, measurements=(Measurement(0.1, 1), Measurement(0.05, 2)))
    copy.update(replace(study, trials=(grown,)))
    done = replace(grown, state=TrialState.SUCCEEDED, final=Measurement(0.05, 2))
    stopped = Trial(2, {"x": 0.9}, TrialState.SUCCEEDED, final=Measurement(2.0, 1), stopped_early=True)
    failed = Trial(3, {"x": 0.7}, TrialState.FAILED, message="exited with code 1: KeyError: 'x'")
    for _ in range(2):
        copy.update(replace(study, trials=(done, stopped, failed)))
    trials = copy.storage.get_all_trials(0)
    assert [trial.state.name for trial in trials] == ["COMPLETE", "PRUNED", "FAIL"]
    assert [trial.value for trial in trials] == [0.05, 2.0, None]
    assert trials[0].intermediate_values == {1: 0.1, 2: 0.05}
    assert trials[2].user_attrs["message"] == "exited with code 1: KeyError: 'x'"
