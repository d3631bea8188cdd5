"""Every line that a page has people type is run, or tests/docs/decisions.py says where, or why not."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from hptune.cli.app import COMMANDS, cli
from tests.docs.decisions import DECISIONS, AnotherTest, DryRun, Run, decision_of
from tests.docs.pages import LANGUAGES, ROOT, Block, all_blocks, blocks_of
from tests.docs.reading import check_readable

TRAINER = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, required=True)
print(f"step=1 accuracy={1 - parser.parse_known_args()[0].lr}")
"""
JOB = """\
trainingInput:
  hyperparameters:
    hyperparameterMetricTag: accuracy
    maxTrials: 1
    params:
    - {parameterName: lr, type: DOUBLE, minValue: 0.1, maxValue: 0.3}
"""
SHELL_BLOCKS = [block for block in all_blocks() if block.language == "sh"]
LINES = sorted({(command, block.page) for block in SHELL_BLOCKS for command in block.commands})
NAMES = [f"{page}: {command}"[:100] for command, page in LINES]
OTHER_TESTS = sorted({each.test for each in DECISIONS.values() if isinstance(each, AnotherTest)})


def decided(command, kind):
    start = decision_of(command)
    return start is not None and isinstance(DECISIONS[start], kind)


def scripts(kind):
    """The commands of each block that are decided so, in their order; those of two blocks once."""
    found = {}
    for block in SHELL_BLOCKS:
        commands = [command for command in block.commands if decided(command, kind)]
        if commands:
            found.setdefault("\n".join(commands), block.place)
    return [pytest.param(script, id=place) for script, place in found.items()]


@pytest.fixture(scope="session")
def clone(tmp_path_factory):
    """A clone's files, a tiny trainer of the user's, and a job of it that has run."""
    path = tmp_path_factory.mktemp("clone")
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/", "benchmarks/results/")):
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, path / name)
    (path / ".venv").symlink_to(sys.prefix)
    cut_the_example_down(path / "examples/mnist/trainer/hptune.yaml")
    (path / "trainer").mkdir()
    (path / "trainer/__init__.py").touch()
    (path / "trainer/task.py").write_text(TRAINER)
    for place in ("hptune.yaml", "trainer/hptune.yaml"):
        (path / place).write_text(JOB)
    run_in(path, "hptune run job --config hptune.yaml --module-name trainer.task --job-dir out/job")
    return path


def cut_the_example_down(job_file):
    job = yaml.safe_load(job_file.read_text())
    tuning = job["trainingInput"]["hyperparameters"]
    tuning["maxTrials"] = 1
    steps = next(each for each in tuning["params"] if each["parameterName"] == "num-steps")
    steps.update(minValue=1, maxValue=3)
    job_file.write_text(yaml.safe_dump(job))


@pytest.fixture
def root(clone, tmp_path):
    """A copy of the clone, to run in; what would reach out of this machine are stand-ins."""
    path = tmp_path / "clone"
    shutil.copytree(clone, path, symlinks=True)
    (tmp_path / "bin").mkdir()
    stand_ins = {"kubectl": "cat > kubectl-was-told", "gcloud": "exit 1", "docker": "exit 1"}
    for name, line in stand_ins.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    return path


def run_in(path, script, **environment):
    """Runs lines as bash does, with hptune on the path unless another one is given."""
    programs = (path.parent / "bin", Path(sys.executable).parent)
    on_path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=path,
        env={**os.environ, "PATH": on_path, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done


@pytest.mark.parametrize("script", scripts(Run))
def test_what_is_typed_runs_as_it_stands(root, script):
    if "hptune run job " in script:
        shutil.rmtree(root / "out/job")
    run_in(root, script)


@pytest.mark.parametrize("script", scripts(DryRun))
def test_what_is_told_to_a_cluster_is_printed_where_it_is_only_tried(root, script):
    assert "\n+ " in run_in(root, script, DRY_RUN="1").stdout


def test_the_python_of_the_readme_runs(root):
    shutil.rmtree(root / "out/job")
    blocks = [block.text for block in blocks_of("README.md") if block.language == "python"]
    assert len(blocks) == 2
    (root / "readme.py").write_text("\n".join(blocks))
    assert "'lr': 0." in run_in(root, "python readme.py").stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_a_commands_help_can_be_read(name):
    _, command, _ = cli.resolve_command(click.Context(cli), [name])
    examples = [each for each in Block("", 0, "sh", command.help).commands if each.startswith("hptune ")]
    assert examples
    for example in examples:
        check_readable(example, "")


def test_the_command_that_a_job_tells_to_watch_it_works_where_it_is_told(root):
    shutil.rmtree(root / "out/job")
    line = ".venv/bin/hptune run job --config hptune.yaml --module-name trainer.task --job-dir out/job"
    told = run_in(root, line, PATH="/usr/bin:/bin").stderr
    watch = next(line.partition("watch: ")[2] for line in told.splitlines() if "watch: " in line)
    assert watch.startswith(".venv/bin/hptune describe ")
    assert "SUCCEEDED" in run_in(root, watch, PATH="/usr/bin:/bin").stdout


@pytest.mark.parametrize(("command", "page"), LINES, ids=NAMES)
def test_a_line_is_decided_and_can_be_read(command, page, monkeypatch):
    monkeypatch.setenv("NS", "kubeflow")
    assert decision_of(command), f"{page}: say in tests/docs/decisions.py what runs: {command}"
    check_readable(command, page)


@pytest.mark.parametrize(
    "command",
    [
        "hptune run job --config hptune.yaml --colour red",
        "hptune descibe out/job",
        "hptune describe out/job --format toml",
        "python -m pipelines run --colour red",
        "python -m benchmarks.suggestions",
        ".venv/bin/python -m benchmarks.suggest --colour red",
        "make rum",
        "kubectl get pods --colour red",
        "docker build --file images/Dockerfile --target trainee .",
        ".venv/bin/pytest tests/pipelines/test_tunnel.py",
        "pip install -r requirements.txt",
        "images/sit-in.sh hptune/standin",
        "echo 'not ended",
    ],
)
def test_a_line_that_cannot_be_read_is_found(command):
    with pytest.raises((AssertionError, click.UsageError)):
        check_readable(command, "README.md")


def test_nothing_is_decided_that_no_page_has():
    used = {decision_of(command) for command, _ in LINES}
    assert set(DECISIONS) - used == set()


@pytest.mark.parametrize("test", OTHER_TESTS)
def test_the_test_that_is_said_to_run_a_line_exists(test):
    path, _, name = test.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_block_is_a_fence_that_says_what_it_is():
    assert [block.place for block in all_blocks() if block.language not in LANGUAGES] == []


def test_code_on_the_pages_is_code():
    for block in all_blocks():
        if block.language == "python":
            compile(block.text, block.place, "exec")
        if block.language == "yaml":
            assert yaml.safe_load(block.text), block.place
