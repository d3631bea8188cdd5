from datetime import UTC, datetime, timedelta

import pytest

from hptune.console.ages import Ages
from hptune.results.progress import measure_progress
from hptune.results.study import Goal, Study, Trial, TrialState

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("step", [HOUR, -HOUR, timedelta(0)], ids=["ahead", "back", "right"])
def test_a_step_of_the_clock_makes_no_job_or_trial_older(step):
    now = datetime.now(UTC)
    since, begun = now - timedelta(seconds=100), now - timedelta(seconds=40)
    study = Study("job", "accuracy", Goal.MAXIMIZE, 2, (Trial(1, {}, TrialState.RUNNING, start_time=begun),))
    ages = Ages(since)
    for moment in (now, now + step):
        shown_since, shown = ages.of(study, moment)
        assert measure_progress(shown, shown_since, moment).elapsed_s == pytest.approx(100, abs=30)
        assert (moment - shown.trials[0].start_time).total_seconds() == pytest.approx(40, abs=30)


def test_a_beginning_in_the_future_is_now():
    now = datetime.now(UTC)
    since, _ = Ages(now + HOUR).of(Study("job", "accuracy", Goal.MAXIMIZE, 1), now)
    assert (now - since).total_seconds() < 30
