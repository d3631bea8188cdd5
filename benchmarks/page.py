"""docs/benchmarks.md: each benchmark writes its own section of it and leaves the others alone."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
PICTURES = PAGE.with_suffix("")


def write_section(name: str, text: str) -> None:
    """Replaces what stands between ``<!-- NAME -->`` and ``<!-- /NAME -->``.

    Raises:
        ValueError: The page has no such section.
    """
    page = PAGE.read_text(encoding="utf-8")
    section = re.compile(rf"(<!-- {name} -->\n).*(<!-- /{name} -->)", re.DOTALL)
    if not section.search(page):
        raise ValueError(f"{PAGE} has no section {name}")
    PAGE.write_text(section.sub(lambda match: match[1] + text + match[2], page), encoding="utf-8")
