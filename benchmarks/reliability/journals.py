"""Damages the journal of a job, of which there is a copy: no trial is lost, and none changed in silence."""

from __future__ import annotations

import json
import random
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.reliability.job import Job, Tally
from benchmarks.reliability.kills import SEED
from hptune.backends.local.backend import LocalBackend
from hptune.errors import HptuneError
from hptune.results.study import Trial
from hptune.storage.job_dir import JobDir

TRIALS = 12
_RECORDS = 8
# As often as the job is taken up by the command line, in place of being read in this process.
_EVERY = 500

CHANGES_A_TIME = 20
"""Places that are changed for each time that is asked for."""

# Optuna's number of the operation that ends a trial, of a state that is an end.
_SET_STATE = 6


@dataclass(frozen=True)
class Damage:
    """A journal and its copy, not as they were written.

    Attributes:
        journal: The bytes of the journal.
        copy: Those of its copy.
        ended: The trials whose end is told by what is left, by number from 1.
    """

    journal: bytes
    copy: bytes
    ended: frozenset[int]


def cuts(written: bytes) -> Iterator[Damage]:
    """Cuts at every byte of the last records: the journal, it while it was written to, both."""
    every = _ended(written)
    starts = [0, *(place + 1 for place, byte in enumerate(written) if byte == ord("\n"))]
    for start, end in pairwise(starts[-_RECORDS - 1 :]):
        before = _ended(written[:start])
        for cut in range(start, end):
            yield Damage(written[:cut], written, every)
            yield Damage(written[:cut], written[:start], before)
            yield Damage(written[:cut], written[:cut], before)


def changes(written: bytes, times: int) -> Iterator[Damage]:
    """Changes one byte each time, at random, of the journal or of its copy."""
    rng, every = random.Random(SEED), _ended(written)  # noqa: S311  (no secrets)
    for _ in range(times):
        place = rng.randrange(len(written))
        byte = (written[place] + rng.randrange(1, 256)) % 256
        changed = written[:place] + bytes([byte]) + written[place + 1 :]
        yield Damage(changed, written, every) if rng.random() < 0.5 else Damage(written, changed, every)


def _ended(lines: bytes) -> frozenset[int]:
    records = [json.loads(line) for line in lines.splitlines() if line.endswith(b"}")]
    return frozenset(each["trial_id"] + 1 for each in records if each["op_code"] == _SET_STATE)


def try_all(folder: Path, tally: Tally, damages: Callable[[bytes], Iterable[Damage]]) -> int:
    """Reads a job that has ended after each damage, and now and then takes it up.

    Args:
        folder: A new folder.
        tally: Gets what goes wrong.
        damages: Returns what is to become of a journal, given its bytes.

    Returns:
        How many damages there were.
    """
    job = Job(folder, tally, trials=TRIALS)
    job.end(job.start())
    directory = JobDir(job.root)
    whole = {trial.id: trial for trial in LocalBackend(job.root).describe().study.trials}
    tried = 0
    for damage in damages(directory.journal.read_bytes()):
        tried += 1
        directory.journal.write_bytes(damage.journal)
        directory.journal_copy.write_bytes(damage.copy)
        if _is_read(job, damage, whole) and tried % _EVERY == 0:
            job.take_stock()
            job.end(job.start())
    return tried


def _is_read(job: Job, damage: Damage, whole: dict[int, Trial]) -> bool:
    try:
        study = LocalBackend(job.root).describe().study
    except HptuneError as error:
        job.tally.unexpected.append(str(error))
        return False
    except Exception:
        traceback.print_exc()
        job.tally.tracebacks += 1
        return False
    now = {trial.id: trial for trial in study.trials}
    job.tally.lost += sum(now.get(number) != whole[number] for number in damage.ended)
    return True
