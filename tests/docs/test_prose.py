"""Commands, options and targets that the pages name in their prose exist."""

import re

import click
import pytest
from markdown_it import MarkdownIt

from hptune.cli.app import COMMANDS, cli
from pipelines.__main__ import cli as pipelines
from tests.docs.pages import ROOT, page_names

# Stand for several; and an option that every trainer may have.
BEGINNINGS = {"--worker-", "--parameter-server-", "--lr"}


def words_in_code(name):
    """What stands between backticks in a page's prose."""
    parser = MarkdownIt("commonmark").enable("table")
    for token in parser.parse((ROOT / name).read_text(encoding="utf-8")):
        yield from (child.content for child in token.children or () if child.type == "code_inline")


def known_options():
    commands = [(cli, name) for name in COMMANDS] + [(pipelines, name) for name in pipelines.commands]
    found = [group.get_command(click.Context(group), name) for group, name in commands]
    return {option for command in found for param in command.params for option in (*param.opts, "--help")}


def options_of_other_programs():
    """Options that the measurements, the example and the tests' cluster declare."""
    sources = [
        path
        for folder in ("benchmarks", "examples", "tests/cluster")
        for path in (ROOT / folder).rglob("*.py")
    ]
    texts = (path.read_text(encoding="utf-8") for path in sources)
    return {option for text in texts for option in re.findall(r"add_argument\(\s*\"(--[a-z-]+)\"", text)}


OPTIONS = known_options() | options_of_other_programs() | BEGINNINGS
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def faults_of(code):
    if match := re.match(r"(?:\.venv/bin/)?hptune ([a-z]\S*)", code):
        yield from {match[1]} - set(COMMANDS)
        yield from set(re.findall(r"(?<!\S)--[a-z-]+", code.partition(" -- ")[0])) - OPTIONS
    if match := re.match(r"make ([a-z-]+)", code):
        yield from {match[1]} - TARGETS
    if match := re.match(r"(--[a-z-]+)", code):
        yield from {match[1]} - OPTIONS


@pytest.mark.parametrize("name", page_names())
def test_what_the_prose_names_exists(name):
    assert [fault for code in words_in_code(name) for fault in faults_of(code)] == []


@pytest.mark.parametrize("code", ["hptune descibe JOB", "hptune run --colour", "make rum", "--colour red"])
def test_what_does_not_exist_is_found(code):
    assert list(faults_of(code))
