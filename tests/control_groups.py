"""A control group with little memory, in which the kernel really ends what takes more."""

import os
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

LIMIT_BYTES = 160 * 2**20
HOARDS = "hoard = []\nwhile True:\n    hoard.append(bytearray(b'x' * 2**20))\n"
"""A trainer that takes more and more."""
_ROOT = Path("/sys/fs/cgroup")


@contextmanager
def control_group():
    """One of whichever version this machine has; the test skips where none can be made."""
    version_1 = (_ROOT / "memory").is_dir()
    group = _ROOT / ("memory" if version_1 else "") / f"hptune-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        limit = group / ("memory.limit_in_bytes" if version_1 else "memory.max")
        if not limit.exists():
            pytest.skip("control groups have no memory controller here")
        limit.write_text(str(LIMIT_BYTES))
        yield group
    finally:
        with suppress(OSError):
            group.rmdir()
