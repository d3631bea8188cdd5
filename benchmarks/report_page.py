"""What the report costs: seconds to make a job's page, in a process of its own, and the page's size.

    .venv/bin/python -m benchmarks.report_page

The studies are made in memory by the tests' module of studies: 10 trials of 2 parameters, 500 of 8.
"""

from __future__ import annotations

import subprocess
import sys

STUDIES = ("digits", "five_hundred")

_MEASURED = """
import time
start_s = time.perf_counter()
from hptune.results.report.page import render
loaded_s = time.perf_counter() - start_s
from tests.results.studies import STUDIES
status, space = STUDIES[{name!r}]()
start_s = time.perf_counter()
page = render(status, space)
seconds = loaded_s + time.perf_counter() - start_s
size_mb = len(page.encode()) / 1e6
print(f"| {{len(status.study.trials)}} | {{len(space)}} | {{seconds:.1f}} s | {{size_mb:.2f}} MB |")
"""


def main() -> None:
    """Prints a table."""
    print("| trials | parameters | time | size |\n|---|---|---|---|", flush=True)
    for name in STUDIES:
        subprocess.run([sys.executable, "-c", _MEASURED.format(name=name)], check=True)


if __name__ == "__main__":
    main()
