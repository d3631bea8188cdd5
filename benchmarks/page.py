"""The pages of measurements: each benchmark writes its own section of one and leaves the others alone."""

from __future__ import annotations

import re
from pathlib import Path

_DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = _DOCS / "benchmarks.md"
RELIABILITY_PAGE = _DOCS / "reliability.md"
PICTURES = PAGE.with_suffix("")


def write_section(name: str, text: str, page: Path = PAGE) -> None:
    """Replaces what stands between ``<!-- NAME -->`` and ``<!-- /NAME -->`` of a page.

    Raises:
        ValueError: The page has no such section.
    """
    before = page.read_text(encoding="utf-8")
    section = re.compile(rf"(<!-- {name} -->\n).*(<!-- /{name} -->)", re.DOTALL)
    if not section.search(before):
        raise ValueError(f"{page} has no section {name}")
    page.write_text(section.sub(lambda match: match[1] + text + match[2], before), encoding="utf-8")
