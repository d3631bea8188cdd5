"""Copies the event files that a trainer writes to a bucket, so that they are read as others are."""

from __future__ import annotations

import sys
import threading
from pathlib import Path, PurePosixPath

from hptune.errors import HptuneError, StorageError
from hptune.retry import UPLOAD
from hptune.storage import transfer
from hptune.storage.remote import redacted

# Listing a bucket costs a request, and what is written there comes in whole files.
_POLL_S = 10.0
_LAST_WAIT_S = 60.0


class Mirror:
    """Keeps a copy of the event files below an address in a directory.

    What `look` finds there is another's, or an attempt's that was cut off: it is left.
    Where the bucket does not answer, the trainer runs all the same; `problem` says what is wrong.

    Attributes:
        address: Where the trainer writes.
        directory: Where the copies are.
        problem: Why event files are not read; empty where they are.
    """

    def __init__(self, address: str, directory: Path) -> None:
        self.address = address
        self.directory = directory
        self.problem = ""
        self._sizes: dict[str, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="mirror", daemon=True)

    def look(self) -> None:
        """Looks at what is there already, before the trainer starts."""
        try:
            self._sizes = self._event_files()
        except HptuneError as error:
            self._note(error)

    def start(self) -> None:
        """Begins to copy what comes."""
        self._thread.start()

    def finish(self) -> None:
        """Copies what a trainer that has ended left; tries several times."""
        self._ended.set()
        self._thread.join(_LAST_WAIT_S)
        try:
            UPLOAD.retrying(lambda error: isinstance(error, StorageError))(self._copy_new)
        except (HptuneError, OSError) as error:
            self._note(error)

    def _follow(self) -> None:
        while not self._ended.wait(_POLL_S):
            try:
                self._copy_new()
            except (HptuneError, OSError) as error:
                # It may pass; the last look, at the end, is what counts.
                self._note(error)

    def _copy_new(self) -> None:
        for name, size in self._event_files().items():
            # A bucket's files are replaced as a whole, and an event file only grows.
            if self._sizes.get(name) != size:
                transfer.fetch(f"{self.address}/{name}", self.directory / name)
                self._sizes[name] = size
        self.problem = ""

    def _event_files(self) -> dict[str, int]:
        found = transfer.bucket_files(self.address)
        return {name: size for name, size in found.items() if "tfevents" in PurePosixPath(name).name}

    def _note(self, error: Exception) -> None:
        problem = f"event files below {redacted(self.address)} cannot be read: {error}"
        if problem != self.problem:
            self.problem = problem
            print(f"hptune: {problem}", file=sys.stderr, flush=True)
