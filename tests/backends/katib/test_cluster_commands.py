"""The command line for a cluster's jobs, with a kubeconfig that names the stand-in."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from kubernetes_stand_in import NAMESPACE, failing
from tiny_jobs import PRELUDE, job_text

from tests.entry_point import call

HPTUNE = str(Path(sys.executable).with_name("hptune"))
CONFIG = """\
apiVersion: config.kubeflow.org/v1beta1
kind: KatibConfig
runtime:
  suggestions:
    # Everybody's.
    - algorithmName: random
      image: docker.io/kubeflowkatib/suggestion-hyperopt:v0.19.0
"""


class Commands:
    """The commands about one job."""

    def __init__(self, folder, kubeconfig, katib):
        self.katib = katib
        self.volume = folder / "volume"
        self.volume.mkdir()
        self.folder = folder
        self._kubeconfig = kubeconfig
        self.package = folder / "src" / "trainer"
        self.package.mkdir(parents=True)
        (self.package / "__init__.py").touch()
        self.config = folder / "hptune.yaml"

    def write(self, body="print(f'accuracy={x}')", **tuning):
        self.config.write_text(job_text(**tuning))
        (self.package / "task.py").write_text(PRELUDE + body)

    @property
    def starts(self):
        path = self.package / "starts"
        return list(map(int, path.read_text().split())) if path.exists() else []

    @property
    def submit_line(self):
        place = f"--namespace {NAMESPACE} --volume-claim jobs --mount-path {self.volume}"
        job = f"--config {self.config} --module-name trainer.task --job-dir {self.volume / 'mine'}"
        return f"submit mine {job} {place}"

    def start(self, line):
        """The command in a process of its own."""
        return subprocess.Popen(
            [HPTUNE, *line.split()],
            env={**os.environ, "KUBECONFIG": str(self._kubeconfig)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def succeeded(self):
        return sum(
            any(c["type"] == "Succeeded" and c["status"] == "True" for c in trial["status"]["conditions"])
            for trial in self.katib.server.all("trials")
        )


@pytest.fixture
def commands(tmp_path, kubeconfig, katib, monkeypatch):
    commands = Commands(tmp_path, kubeconfig, katib)
    # As if the image had the trainer installed.
    monkeypatch.setenv("PYTHONPATH", str(commands.package.parent))
    commands.write(maxTrials=2)
    return commands


def test_a_job_is_submitted_watched_and_described(commands):
    result = call(commands.submit_line)
    assert result.code == 0, result.err
    assert "trial 1/2 runs: x=" in result.err
    assert "trial 2/2 SUCCEEDED" in result.err
    assert "best: trial" in result.out
    root = commands.volume / "mine"
    assert f"report:  {root}/report.html" in result.out
    assert "<html" in (root / "report.html").read_text()
    described = call(f"describe mine --namespace {NAMESPACE} --format json")
    output = json.loads(described.out)
    assert (output["jobId"], output["state"]) == ("mine", "SUCCEEDED")
    assert output["trainingOutput"] == json.loads((root / "results.json").read_text())["trainingOutput"]
    # The directory tells the same when the cluster does not any more.
    assert call(f"describe {root} --format json").out == described.out


def test_a_job_that_nobody_waits_for_is_shown_later(commands):
    result = call(f"{commands.submit_line} --async")
    assert (result.code, result.err) == (0, _warnings(result.err))
    assert re.search(rf"status: \S*hptune describe mine --namespace {NAMESPACE}$", result.out, re.MULTILINE)
    logs = call(f"stream-logs mine --namespace {NAMESPACE}")
    lines = [line.split("\t")[3:] for line in logs.out.splitlines()]
    values = {trial_id: float(text.removeprefix("accuracy=")) for trial_id, text in lines}
    assert values == {trial["trialId"]: float(trial["hyperparameters"]["x"]) for trial in results()}


def _warnings(text):
    return "".join(line for line in text.splitlines(keepends=True) if line.startswith("hptune: warning: "))


def results():
    described = call(f"describe mine --namespace {NAMESPACE} --format json")
    return json.loads(described.out)["trainingOutput"]["trials"]


def test_a_package_of_this_machine_is_brought_to_the_trials(commands, monkeypatch):
    monkeypatch.delenv("PYTHONPATH")
    commands.write("print(f'accuracy={x}')\nprint('from', os.path.dirname(__file__))", maxTrials=1)
    line = f"{commands.submit_line} --package-path {commands.package}"
    result = call(line)
    assert result.code == 0, result.err
    logs = call(f"stream-logs mine --namespace {NAMESPACE}").out
    assert "from " in logs
    assert str(commands.package) not in logs
    [archive] = (commands.volume / "mine" / "hptune" / "packages").iterdir()
    assert archive.name.startswith("trainer-")
    assert call(line).code == 0, "the same content is the same job"
    commands.write("print('other')", maxTrials=1)
    changed = call(line)
    assert changed.code == 2
    assert "packages: [" in changed.err


def test_trials_that_katib_named_at_random_are_told_which_is_which(commands):
    names = ["x8k2", "b4q9"]
    commands.katib.names = lambda experiment, number: f"{experiment}-{names[number - 1]}"
    (commands.package / "task.py").write_text("print('accuracy=1')")
    assert call(commands.submit_line).code == 0
    told = [
        line
        for line in call(f"describe mine --namespace {NAMESPACE}").out.splitlines()
        if " is mine-" in line
    ]
    assert [line.rpartition("-")[2] for line in told] in (names, sorted(names))
    assert (commands.volume / "mine" / "hptune" / "trials" / "x8k2" / "log.txt").is_file()


def test_logs_are_shown_while_a_job_runs(commands):
    result = call(f"{commands.submit_line} --stream-logs")
    assert result.code == 0, result.err
    assert [line.split("\t")[3] for line in result.out.splitlines() if line.startswith("INFO")] == ["1", "2"]


def test_a_failed_job_ends_with_1_and_the_last_lines_of_its_trial(commands):
    commands.write("print('no such file: data.npz')\nsys.exit(3)", maxTrials=2)
    result = call(commands.submit_line)
    assert result.code == 1
    cause = "trial 1 exited with code 3: no such file: data.npz, and no trial has succeeded before it"
    assert f"hptune: {cause}" in result.err
    assert "no such file: data.npz" in result.err


def test_commands_are_shown_with_the_cluster_that_they_are_for(commands):
    result = call(f"{commands.submit_line} --async --context there")
    for command in ("describe", "stream-logs", "cancel"):
        assert f"hptune {command} mine --namespace {NAMESPACE} --context there" in result.out


@pytest.mark.usefixtures("commands")
def test_a_job_of_a_context_is_in_the_namespace_that_it_was_submitted_to_by_default():
    assert "no namespace 'kubeflow'" in call("describe mine --context there").err


def test_faults_are_told_without_a_cluster(commands, kubeconfig):
    kubeconfig.unlink()
    result = call(f"{commands.submit_line} --gpus -1 --cpu nan")
    assert result.code == 2
    assert "--gpus: is -1" in result.err
    assert "--cpu: is nan" in result.err
    assert "kubeconfig" not in result.err


def test_all_faults_are_told_at_once(commands):
    commands.config.write_text(job_text(maxTrials=-1))
    result = call(f"submit 7up --config {commands.config} --job-dir ftp://x/y")
    assert result.code == 2
    assert all(part in result.err for part in ("'7up'", "ftp://x/y", "maxTrials"))


def test_a_watcher_that_is_killed_loses_nothing_and_the_same_command_goes_on(commands):
    commands.write("time.sleep(0.5)\nprint(f'accuracy={x}')", maxTrials=4)
    deadline = time.monotonic() + 60
    for kills in range(3):
        with commands.start(commands.submit_line) as process:
            while commands.succeeded() <= kills and process.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.kill()
    result = call(commands.submit_line)
    assert result.code == 0, result.err
    assert commands.starts == [1, 2, 3, 4]
    assert [trial["state"] for trial in results()] == ["SUCCEEDED"] * 4


def test_ctrl_c_ends_the_command_with_130_and_the_job_goes_on(commands):
    commands.write("time.sleep(1)\nprint(f'accuracy={x}')", maxTrials=2)
    with commands.start(commands.submit_line) as process:
        while "trial 1/2 runs" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert f"hptune cancel mine --namespace {NAMESPACE}' stops it" in err
    assert call(commands.submit_line).code == 0
    assert commands.starts == [1, 2]


def test_a_cancelled_job_is_gone_from_the_cluster_and_kept_in_its_directory(commands):
    call(commands.submit_line)
    assert call(f"cancel mine --namespace {NAMESPACE}").code == 0
    assert commands.katib.server.all("experiments") == []
    assert "SUCCEEDED" in call(f"describe {commands.volume / 'mine'}").out
    again = call(f"cancel mine --namespace {NAMESPACE}")
    assert (again.code, again.err) == (2, again.err)
    assert "'mine' in namespace 'team': there is no such job" in again.err


def register(commands, text=CONFIG):
    commands.katib.server.put(
        "configmaps", {"metadata": {"name": "katib-config"}, "data": {"katib-config.yaml": text}}
    )
    return call(f"katib-register --image registry.test/trainer:1 --config-namespace {NAMESPACE}")


def test_our_algorithm_is_registered_beside_the_others_and_taken_out_again(commands):
    def text():
        return commands.katib.server.get("configmaps", "katib-config")["data"]["katib-config.yaml"]

    assert register(commands).out == "gp-bandit: registered\n"
    names = [each["algorithmName"] for each in yaml.safe_load(text())["runtime"]["suggestions"]]
    assert names == ["random", "gp-bandit"]
    again = call(f"katib-register --image registry.test/trainer:1 --config-namespace {NAMESPACE}")
    assert again.out == "gp-bandit: was registered already\n"
    assert call(f"katib-register --remove --config-namespace {NAMESPACE}").out == "gp-bandit: removed\n"
    assert text() == CONFIG


def test_what_somebody_else_registers_meanwhile_stays(commands):
    def write(text):
        commands.katib.server.change(
            "configmaps", "katib-config", lambda item: item["data"].update({"katib-config.yaml": text})
        )

    theirs = CONFIG + "    - algorithmName: theirs\n      image: theirs:1\n"
    commands.katib.server.faults.append(failing("PUT", only_before=True, before=lambda: write(theirs)))
    assert register(commands).code == 0
    text = commands.katib.server.get("configmaps", "katib-config")["data"]["katib-config.yaml"]
    names = [each["algorithmName"] for each in yaml.safe_load(text)["runtime"]["suggestions"]]
    assert names == ["random", "theirs", "gp-bandit"]


def test_a_configuration_that_is_none_is_left_alone(commands):
    result = register(commands, "- not\n- ours\n")
    assert (result.code, "katib-config.yaml" in result.err) == (2, True)


def test_either_an_image_or_removal_is_asked_for():
    assert call("katib-register").code == 2
