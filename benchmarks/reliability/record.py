"""What was tried and what came of it, as it is kept and as docs/reliability.md shows it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.page import RELIABILITY_PAGE, write_section

KEPT = Path(__file__).resolve().parents[1] / "results" / "reliability.jsonl"
_COLUMNS = "| fault | times | lost | doubled | orphans | tracebacks | how it ended | command |"


@dataclass(frozen=True)
class Row:
    """A kind of fault, tried many times.

    Attributes:
        kind: Its name on the command line.
        fault: What was done, in words.
        tried: How often.
        ended: How it ended, in words.
        command: What makes this row again.
        lost: Trials that had finished and were gone, or others than they had been; None where no job runs.
        doubled: Trials that ran again after they had finished, or twice at once; None where no job runs.
        orphans: Processes that were left; None where none is started.
        tracebacks: Outputs with a traceback of Python.
        unexpected: Endings that are not what is promised, in words.
        date: The day, as YYYY-MM-DD.
    """

    kind: str
    fault: str
    tried: int
    ended: str
    command: str
    lost: int | None = None
    doubled: int | None = None
    orphans: int | None = None
    tracebacks: int = 0
    unexpected: tuple[str, ...] = ()
    date: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())

    @property
    def good(self) -> bool:
        """Whether all of it ended as is promised."""
        return not (self.lost or self.doubled or self.orphans or self.tracebacks or self.unexpected)

    def markdown(self) -> str:
        """Writes the row of the page's table."""
        counts = [self.lost, self.doubled, self.orphans, self.tracebacks]
        ended = (
            f"{self.ended}; **not as promised: {len(self.unexpected)}**" if self.unexpected else self.ended
        )
        cells = [self.fault, f"{self.tried:,}", *map(_count, counts), ended, f"`{self.command}`"]
        return f"| {' | '.join(cells)} |"


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def keep(row: Row, kept: Path = KEPT) -> None:
    """Adds a row to what is kept."""
    kept.parent.mkdir(exist_ok=True)
    with kept.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(row)) + "\n")


def latest(kept: Path = KEPT) -> dict[str, Row]:
    """Reads the last row of each kind, by kind."""
    rows: dict[str, Row] = {}
    for line in kept.read_text(encoding="utf-8").splitlines() if kept.exists() else ():
        content = json.loads(line)
        row = Row(**{**content, "unexpected": tuple(content["unexpected"])})
        rows[row.kind] = row
    return rows


def table(rows: Iterable[Row]) -> str:
    """Writes the table of the page."""
    rows = list(rows)
    days = sorted({row.date for row in rows})
    when = f"Of {days[0]}." if len(days) == 1 else f"Of {days[0]} to {days[-1]}."
    return "\n".join([when, "", _COLUMNS, "|---" * 8 + "|", *(row.markdown() for row in rows), ""])


def write_page(kinds: Iterable[str]) -> None:
    """Writes the last row of each kind that was ever tried to docs/reliability.md, in this order."""
    rows = latest()
    write_section("reliability", table(rows[kind] for kind in kinds if kind in rows), RELIABILITY_PAGE)
