"""Fuzzes one reader with libFuzzer, by atheris: ``python -m tests.fuzz TARGET [libFuzzer's options]``.

New inputs go to a temporary directory; the committed corpus is only read. A fault is left as ``crash-*`` in
the working directory: add it to the corpus with its mend.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["hptune"]):
    from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).with_name("corpus")


def main() -> None:
    """Runs the target that the command line names until it is told to stop, or finds a fault."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz {'|'.join(TARGETS)} [-max_total_time=SECONDS ...]")
    _, name, *options = sys.argv
    bounds = ["-max_len=200000", "-timeout=10", "-rss_limit_mb=2048"]
    with tempfile.TemporaryDirectory() as found:
        atheris.Setup([sys.argv[0], *bounds, *options, found, str(CORPUS / name)], TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
