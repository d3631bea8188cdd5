"""Kills at random moments, of one kind of process each; each job is taken up until it ends."""

from __future__ import annotations

import random
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.reliability.job import Job, Tally
from benchmarks.reliability.processes import Family
from hptune.runtimes.processes import Process

TRIALS = 12
SEED = 20180509

SIGNALS = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGPIPE,
    signal.SIGUSR1,
    signal.SIGALRM,
    signal.SIGKILL,
)
"""The eight signals that are sent to hptune."""

SIGNALS_WAIT_S = (0.3, 2.5)
"""From when to when after the last one, in seconds."""

# These stop a job in order once there is one; each other ends it as it ends any program, or is ignored.
_STOPS = (signal.SIGINT, signal.SIGTERM)
_STOPPED = 130
_GOES_ON = (signal.SIGPIPE,)
_STOPS_WITHIN_S = 60.0

Break = Callable[[Job, subprocess.Popen[bytes], random.Random], bool]
"""Breaks something of a job that runs; returns whether it was there."""


def of_role(role: Callable[[Family], Sequence[Process]]) -> Break:
    """Returns what kills one of the job's processes in a role."""

    def kill(job: Job, hptune: subprocess.Popen[bytes], rng: random.Random) -> bool:
        found = role(job.family(hptune.pid))
        if found:
            rng.choice(found).kill()
        return bool(found)

    return kill


def hptune_alone(job: Job, hptune: subprocess.Popen[bytes], rng: random.Random) -> bool:
    """Kills the process that runs the job."""
    del job, rng
    hptune.kill()
    return hptune.wait() == -signal.SIGKILL


def hptune_and_supervisors(job: Job, hptune: subprocess.Popen[bytes], rng: random.Random) -> bool:
    """Kills the process that runs the job together with all that run a trial, in a random order."""
    supervisors = job.family(hptune.pid).supervisors
    if not supervisors:
        return False
    victims = [hptune.kill, *(each.kill for each in supervisors)]
    rng.shuffle(victims)
    for kill in victims:
        kill()
    return hptune.wait() == -signal.SIGKILL


class Signals:
    """Sends hptune one signal after another."""

    def __init__(self) -> None:
        self._turn = 0

    def __call__(self, job: Job, hptune: subprocess.Popen[bytes], rng: random.Random) -> bool:
        """Sends the next one. See `Break`."""
        del rng
        number = SIGNALS[self._turn % len(SIGNALS)]
        hptune.send_signal(number)
        self._turn += 1
        if number in _GOES_ON:
            return True
        try:
            code = hptune.wait(_STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            job.tally.unexpected.append(f"still runs {_STOPS_WITHIN_S} s after {number.name}")
            return True
        # It may have ended by itself a moment before.
        if code not in (0, -number, *([_STOPPED] if number in _STOPS else [])):
            job.tally.unexpected.append(f"exit code {code} after {number.name}")
        return True


ROLES: dict[str, tuple[str, Break, tuple[float, float]]] = {
    "hptune": ("`kill -9` of hptune", hptune_alone, (0.3, 3.0)),
    "supervisor": (
        "`kill -9` of the process that runs a trial",
        of_role(lambda family: family.supervisors),
        (0.0, 0.4),
    ),
    "trainer": ("`kill -9` of a trainer", of_role(lambda family: family.trainers), (0.0, 0.4)),
    "both": (
        "`kill -9` of hptune and of those that run its trials, together",
        hptune_and_supervisors,
        (0.3, 3.0),
    ),
    "zygote": (
        "`kill -9` of the process that trainers are forked from",
        of_role(lambda family: family.zygotes),
        (0.0, 1.0),
    ),
}
"""What is killed, by kind: in words, what kills it, and from when to when after the last time, in seconds."""


def plain_job(folder: Path, tally: Tally) -> Job:
    """Makes a job that needs nothing installed."""
    return Job(folder, tally, trials=TRIALS)


def run(
    break_it: Break,
    wait_s: tuple[float, float],
    times: int,
    folder: Path,
    tally: Tally,
    make_job: Callable[[Path, Tally], Job] = plain_job,
) -> int:
    """Runs jobs to their ends, broken until it was done so often; returns how often it was.

    Args:
        break_it: Breaks something of a job that runs.
        wait_s: After how many seconds at least, and at most.
        times: How often.
        folder: For the jobs.
        tally: Gets what goes wrong.
        make_job: Makes a job in a new folder.
    """
    rng, done = random.Random(SEED), 0  # noqa: S311  (no secrets)
    while done < times:
        job = make_job(folder / str(tally.jobs), tally)
        process = job.start()
        while done < times and not _has_ended(process, rng.uniform(*wait_s)):
            done += break_it(job, process, rng)
            if process.poll() is not None:
                job.look()
                process = job.start()
        job.end(process)
    return done


def _has_ended(process: subprocess.Popen[bytes], within_s: float) -> bool:
    with suppress(subprocess.TimeoutExpired):
        process.wait(within_s)
    return process.poll() is not None
