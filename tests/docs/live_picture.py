"""The README's picture of a job at work, a terminal's view of one that is made up.

Written by: python -m tests.docs.live_picture
"""

import io
import math
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import rich._export_format as rich_export
from rich.console import Console
from rich.terminal_theme import TerminalTheme

from hptune.console.view import Screen, view_lines
from hptune.results.study import Goal, Measurement, Study, Trial, TrialState

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "live.svg"
WIDTH = 90
NOW = datetime(2026, 5, 9, 12, 1, 23, tzinfo=UTC)
SINCE = NOW - timedelta(seconds=83)
THEME = TerminalTheme(
    (24, 26, 31),
    (214, 218, 224),
    [
        *((70, 75, 85), (240, 113, 120), (126, 201, 125), (229, 192, 123)),
        *((97, 175, 239), (198, 146, 233), (86, 194, 214), (214, 218, 224)),
    ],
)
# Without fonts that a browser would have to fetch.
FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", rich_export.CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code,", "ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono,"
)


def curve(best, steps, reports=12):
    """Measurements that approach the best one, and waver as a trainer's do."""

    def value(n):
        return best * (1 - 0.2 * math.exp(-n / 3)) - 0.06 * abs(math.sin(n * steps)) * (12 - n) / 12

    return tuple(Measurement(round(value(n), 6), n * steps // 12) for n in range(1, reports + 1))


def trial(number, steps, lr, best, *, begun_s, took_s=None, reports=12):
    begun = SINCE + timedelta(seconds=begun_s)
    times = {"start_time": begun, "end_time": None if took_s is None else begun + timedelta(seconds=took_s)}
    parameters = {"num-steps": steps, "lr": lr}
    measured = curve(best, steps, reports)
    if took_s is None:
        return Trial(number, parameters, TrialState.RUNNING, measurements=measured, **times)
    return Trial(number, parameters, TrialState.SUCCEEDED, measurements=measured, final=measured[-1], **times)


def job_at_work():
    """Ten trials, two at once: six have ended, one has failed, two run."""
    failed = Trial(
        7,
        {"num-steps": 9120, "lr": 0.0988},
        TrialState.FAILED,
        message="exited with code 1: FloatingPointError: the loss is nan at step 512",
        start_time=SINCE + timedelta(seconds=51),
        end_time=SINCE + timedelta(seconds=55),
    )
    ended = (
        trial(1, 5100, 0.01, 0.9613, begun_s=0, took_s=12.1),
        trial(2, 1210, 0.001704, 0.9588, begun_s=0, took_s=4.3),
        trial(3, 8232, 0.05106, 0.965, begun_s=5, took_s=20.7),
        trial(4, 10000, 0.1, 0.9588, begun_s=13, took_s=23.4),
        trial(5, 7378, 0.04225, 0.9638, begun_s=26, took_s=19.9),
        trial(6, 8299, 0.01619, 0.9613, begun_s=37, took_s=21.2),
    )
    running = (
        trial(8, 7674, 0.05096, 0.966, begun_s=56, reports=10),
        trial(9, 8512, 0.04276, 0.962, begun_s=60, reports=8),
    )
    return Study("digits", "accuracy", Goal.MAXIMIZE, 10, (*ended, failed, *running))


def draw():
    """Returns the picture as SVG; the same each time."""
    screen = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    for line in view_lines(job_at_work(), SINCE, NOW, Screen(WIDTH)):
        screen.print(line, no_wrap=True, highlight=False)
    title = "hptune run digits --config hptune.yaml --package-path trainer ..."
    return screen.export_svg(title=title, theme=THEME, code_format=FORMAT, unique_id="hptune")


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
    print(PICTURE)
