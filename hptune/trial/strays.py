"""What an attempt of a trial has left running, once nobody who would have ended it is there any more.

A trainer ends with its supervisor, and what it started with them: the supervisor, what forks a trainer and
what forks a supervisor each adopt what a process below them leaves. Where all of these are killed at once,
whoever runs the trial next finds the rest: by the trainer's process group, and by a variable that whatever
program it started has inherited.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from hptune.runtimes.processes import Process, all_processes, kill_all, own_line
from hptune.storage.foreign import read_regular
from hptune.storage.job_dir import TrialDir
from hptune.trial.environment import TRIAL_DIR_VARIABLE
from hptune.trial.trainer import signal_group

_MAX_RECORD_BYTES = 64


def record_group(file: IO[str], leader: int) -> None:
    """Writes down a trainer's process group, and what tells it from a later one of its number.

    Args:
        file: What is in it is replaced.
        leader: The trainer's process.
    """
    process = Process.read(leader)
    file.truncate(0)
    file.write(f"{leader} {process.session} {process.started}" if process else f"{leader} 0 0")
    file.flush()


def end_strays(directory: TrialDir) -> None:
    """Kills what attempts of a trial have left running; whoever calls this has the trial to itself.

    Processes that were forked from one of a zygote's, without a program of their own, and have left the
    trainer's group carry no mark; nor can another user's be looked at.
    """
    records = [_read_record(read_regular(path, _MAX_RECORD_BYTES)) for path in directory.trainer_pids]
    if sys.platform != "linux":
        for record in filter(None, records):
            signal_group(record.group, signal.SIGKILL)
        return
    groups = {(each.group, each.session): each.started for each in records if each}
    # A person may have set the variable by hand, to run a trainer alone, and this from the same shell.
    own = own_line()

    def left() -> list[Process]:
        others = (each for each in all_processes() if not each.is_zombie and each.pid not in own)
        return [each for each in others if _is_stray(each, groups, directory)]

    kill_all(left)


class _Record(NamedTuple):
    group: int
    session: int
    started: int


def _read_record(text: bytes) -> _Record | None:
    """Reads what `record_group` wrote; None where there is nothing, or the trainer wrote something else."""
    fields = text.split()
    if len(fields) != len(_Record._fields) or not all(field.isdigit() for field in fields):
        return None
    record = _Record(*map(int, fields))
    return record if record.group > 1 and record.group != os.getpgrp() else None


def _is_stray(process: Process, groups: Mapping[tuple[int, int], int], directory: TrialDir) -> bool:
    started = groups.get((process.group, process.session))
    if started is not None and process.started >= started:
        return True
    place = process.environment().get(os.fsencode(TRIAL_DIR_VARIABLE), b"")
    return bool(place) and _is_same(process, os.fsdecode(place), directory)


def _is_same(process: Process, place: str, directory: TrialDir) -> bool:
    """Returns whether a process means this trial's output, as it sees the file system."""
    with suppress(OSError, ValueError):
        return Path(f"/proc/{process.pid}/root{place}").samefile(directory.output)
    # The trainer has removed it.
    return place == str(directory.output.absolute())
