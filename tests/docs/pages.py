"""The pages that people read, as blocks: fences of what is typed, of code and of what is printed."""

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
LANGUAGES = {"sh", "python", "yaml", "text"}
"""What is typed, code, files, and all else: what is printed, trees of files."""


@dataclass(frozen=True)
class Block:
    """A block of a page that is no prose.

    Attributes:
        page: The page, from the repository's root.
        line: The number of its first line.
        language: What the fence says; empty for an indented block.
        text: What is in it.
    """

    page: str
    line: int
    language: str
    text: str

    @property
    def place(self):
        return f"{self.page}:{self.line}"

    @property
    def commands(self):
        """The commands of a block of sh: continued lines as one, without comments, words one blank apart."""
        lines = self.text.replace("\\\n", " ").splitlines()
        without_comments = (f" {line}".partition(" #")[0] for line in lines)
        return tuple(" ".join(line.split()) for line in without_comments if line.strip())


def page_names():
    """All pages of the repository, committed or about to be."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(name for name in names if (ROOT / name).is_file())


def blocks_of(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    return [
        Block(name, token.map[0] + 1, token.info.strip(), token.content)
        for token in MarkdownIt().parse(text)
        if token.type in ("fence", "code_block")
    ]


@cache
def all_blocks():
    return tuple(block for name in page_names() for block in blocks_of(name))


def block_after(name, text):
    """What is in the first block of a page that stands behind a text of it."""
    page = (ROOT / name).read_text(encoding="utf-8")
    assert text in page, f"{name} does not say {text!r}"
    line = page[: page.index(text)].count("\n") + 1
    return next(block.text for block in blocks_of(name) if block.line > line)
