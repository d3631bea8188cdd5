"""What holds for a whole job wherever it runs.

A backend's tests derive from `BackendContract` and provide the fixture ``make_job``: it takes a trainer's
body and the tuning part of a job file, and what it returns has ``run()``, which runs the job and returns its
study, ``backend``, ``submission`` and ``results``, the ``trainingOutput`` that the job left.
"""

import pytest

from hptune.errors import JobFailed
from hptune.results.study import JobState, TrialState

GRID = [
    {"parameterName": "x", "type": "INTEGER", "minValue": 0, "maxValue": 1},
    {"parameterName": "optimizer", "type": "CATEGORICAL", "categoricalValues": ["sgd", "adam"]},
]


def assert_complete(study, max_trials, space):
    """A job that ran to its end: all its trials, ids without a gap, every suggestion inside the space."""
    assert [trial.id for trial in study.trials] == list(range(1, max_trials + 1))
    assert all(trial.state.finished for trial in study.trials)
    assert all(space.contains(trial.parameters) for trial in study.trials)
    assert all(trial.start_time <= trial.end_time for trial in study.trials)


def assert_results_of(study, results):
    """ML Engine's answer, best first."""
    assert [entry["trialId"] for entry in results["trials"]] == [str(trial.id) for trial in study.ranked]
    values = [entry["finalMetric"]["objectiveValue"] for entry in results["trials"] if "finalMetric" in entry]
    assert values == sorted(values, reverse=study.goal == "MAXIMIZE")
    succeeded = sum(trial.state is TrialState.SUCCEEDED for trial in study.trials)
    assert results["completedTrialCount"] == str(succeeded)


class BackendContract:
    @pytest.mark.parametrize("goal", ["MAXIMIZE", "MINIMIZE"])
    def test_a_job_returns_all_its_trials_and_the_best_is_the_best(self, make_job, goal):
        job = make_job("print(f'step=7 accuracy={x}')", maxTrials=3, goal=goal)
        study = job.run()
        assert_complete(study, 3, job.submission.job.space)
        assert_results_of(study, job.results)
        assert all(trial.state is TrialState.SUCCEEDED for trial in study.trials)
        assert all((t.final.value, t.final.step) == (t.parameters["x"], 7) for t in study.trials)
        choose = max if goal == "MAXIMIZE" else min
        assert study.best.parameters["x"] == choose(trial.parameters["x"] for trial in study.trials)

    def test_a_run_returns_what_describe_tells_afterwards(self, make_job):
        job = make_job("print(f'step=1 accuracy={x}')\nprint(f'step=2 accuracy={x / 2}')", maxTrials=2)
        status = job.backend.run(job.submission, lambda *_: None)
        assert status.state is JobState.SUCCEEDED
        assert status == job.backend.describe()

    def test_each_trial_has_its_curve(self, make_job):
        body = (
            "for step in (0, 3, 3, 8):\n    print(f'step={step} accuracy={x + step}')\nsys.exit(trial == 2)"
        )
        job = make_job(body, maxTrials=3)
        for trial in job.run().trials:
            x = trial.parameters["x"]
            curve = [(measurement.step, measurement.value) for measurement in trial.measurements]
            assert curve == [(0, x), (3, x + 3), (4, x + 3), (8, x + 8)], trial.id

    def test_a_trial_whose_objective_is_nan_is_never_best_and_fails_no_job(self, make_job):
        body = "print(f'accuracy={\"nan\" if trial == 1 else x}')"
        job = make_job(body, maxTrials=2, goal="MINIMIZE")
        study = job.run()
        assert_complete(study, 2, job.submission.job.space)
        assert_results_of(study, job.results)
        diverged = study.trials[0]
        assert (diverged.final, diverged.message) == (None, "accuracy was nan at step 0")
        assert study.best.id == 2

    def test_a_job_without_any_comparable_objective_fails_and_names_each_trial(self, make_job):
        job = make_job("print('accuracy=inf')", maxTrials=2)
        with pytest.raises(JobFailed) as failure:
            job.run()
        assert "trial 1: accuracy was inf at step 0" in str(failure.value)
        assert "trial 2: accuracy was inf at step 0" in str(failure.value)

    def test_by_default_a_failure_before_any_success_fails_the_job(self, make_job):
        job = make_job("print('no such file: data.npz')\nsys.exit(3)", maxTrials=5)
        with pytest.raises(JobFailed, match="trial 1 exited with code 3") as failure:
            job.run()
        assert "no such file: data.npz" in str(failure.value)
        assert len(job.results["trials"]) == 1

    def test_by_default_failures_after_a_success_do_not_fail_the_job(self, make_job):
        job = make_job("print(f'accuracy={x}')\nsys.exit(trial > 1)", maxTrials=4)
        study = job.run()
        assert_complete(study, 4, job.submission.job.space)
        assert_results_of(study, job.results)
        assert [trial.state for trial in study.trials] == [TrialState.SUCCEEDED] + [TrialState.FAILED] * 3
        assert [trial.final is None for trial in study.trials] == [False, True, True, True]

    def test_max_failed_trials_is_how_many_failures_fail_the_job(self, make_job):
        job = make_job("print(f'accuracy={x}')\nsys.exit(trial % 2)", maxTrials=9, maxFailedTrials=2)
        with pytest.raises(JobFailed, match="trial 3 exited with code 1, and maxFailedTrials is 2"):
            job.run()
        assert len(job.results["trials"]) == 3

    def test_a_grid_smaller_than_max_trials_ends_the_job_when_it_has_been_walked(self, make_job):
        job = make_job(maxTrials=10, algorithm="GRID_SEARCH", space=GRID)
        study = job.run()
        assert_complete(study, 4, job.submission.job.space)
        points = {(trial.parameters["x"], trial.parameters["optimizer"]) for trial in study.trials}
        assert points == {(x, optimizer) for x in (0, 1) for optimizer in ("sgd", "adam")}
