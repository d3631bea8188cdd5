"""How long a job and its trials have run, as a view shows it: by the monotonic clock.

Their beginnings are known by the wall clock, which is put right while they run, or is another machine's.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hptune.results.study import Study, Trial


class Ages:
    """Follows a job from when it is first seen.

    Args:
        since: When the job began; None for now.
    """

    def __init__(self, since: datetime | None) -> None:
        now = datetime.now(UTC)
        self._since_s = _began_s(since or now, now)
        # By a trial's number and its beginning: a trial may begin again.
        self._trials: dict[tuple[int, datetime], float] = {}

    def of(self, study: Study, now: datetime) -> tuple[datetime, Study]:
        """Returns when the job and its running trials began, by the wall clock as it now is.

        Args:
            study: The job's trials.
            now: The time.
        """
        trials = tuple(trial if trial.state.finished else self._shifted(trial, now) for trial in study.trials)
        return _before(now, self._since_s), replace(study, trials=trials)

    def _shifted(self, trial: Trial, now: datetime) -> Trial:
        if trial.start_time is None:
            return trial
        began_s = self._trials.setdefault((trial.id, trial.start_time), _began_s(trial.start_time, now))
        return replace(trial, start_time=_before(now, began_s))


def _began_s(start: datetime, now: datetime) -> float:
    """Returns the monotonic clock's time of a beginning that is not in the future."""
    return time.monotonic() - max(0.0, (now - start).total_seconds())


def _before(now: datetime, began_s: float) -> datetime:
    return now - timedelta(seconds=time.monotonic() - began_s)
