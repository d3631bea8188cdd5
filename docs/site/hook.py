"""Adds to the site what is no page of docs/: README.md and its like, each command's help, the Python names.

The pages' links lead somewhere in a clone. Here they are turned to the site's pages, or to the repository.
"""

from __future__ import annotations

import inspect
import posixpath
import re
from pathlib import Path

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import hptune
from hptune.cli.app import GROUPS, cli

ROOT = Path(__file__).parents[2]
_PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "images/README.md": "images.md",
    "tests/cluster/README.md": "tests/cluster.md",
    "examples/mnist/README.md": "examples/mnist.md",
    "examples/multi_worker/README.md": "examples/multi_worker.md",
    "examples/parameter_server/README.md": "examples/parameter_server.md",
}
_SOURCES = {site: source for source, site in _PAGES.items()}
# [text](target), in a picture too.
_LINK = re.compile(r"(?<!`)\[(?P<text>[^\]\n]*)\]\((?P<target>[^)\s]+)\)")
_WIDTH = 80


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that lie elsewhere, or nowhere."""
    for source, site in _PAGES.items():
        files.append(File.generated(config, site, abs_src_path=str(ROOT / source)))
    files.append(File.generated(config, "commands.md", content=_commands()))
    files.append(File.generated(config, "python.md", content=_python()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turns the links of a page."""
    site = page.file.src_uri
    source = _SOURCES.get(site, f"docs/{site}")

    def turned(match: re.Match[str]) -> str:
        text, target = match["text"], match["target"]
        path, _, anchor = target.partition("#")
        if not path or "://" in path:
            return match[0]
        place = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        there = _PAGES.get(place, place.removeprefix("docs/"))
        if files.get_file_from_path(there):
            relative = posixpath.relpath(there, posixpath.dirname(site) or ".")
            return f"[{text}]({relative}{'#' if anchor else ''}{anchor})"
        if not (ROOT / place).exists():
            # mkdocs tells of it.
            return match[0]
        repository = config.extra["repository"]
        return f"[{text}]({repository}/blob/HEAD/{place})" if repository else text

    return _LINK.sub(turned, markdown)


def _commands() -> str:
    """Returns a page of what each command's --help prints."""
    lines = ["# Commands", "", "What `hptune COMMAND --help` prints.", ""]
    for title, commands in GROUPS.items():
        lines += [f"## {title}", ""]
        for name in commands:
            lines += [f"### hptune {name}", "", "```text", _help(name), "```", ""]
    return "\n".join(lines)


def _help(name: str) -> str:
    context = click.Context(cli, info_name="hptune")
    _, command, _ = cli.resolve_command(context, [name])
    return command.get_help(
        click.Context(command, context, name, terminal_width=_WIDTH, max_content_width=_WIDTH)
    )


def _python() -> str:
    """Returns a page of the names of ``import hptune``, named where they are defined."""
    lines = ["# Python", "", "What `import hptune` has.", ""]
    things = [getattr(hptune, name) for name in hptune.__all__ if not name.startswith("_")]
    for thing in sorted(things, key=_rank):
        lines += [f"::: {thing.__module__}.{thing.__name__}", ""]
    return "\n".join(lines)


def _rank(thing: object) -> int:
    """Puts functions first and errors last."""
    if not inspect.isclass(thing):
        return 0
    return 2 if issubclass(thing, Exception) else 1
