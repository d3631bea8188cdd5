"""What is made of an Experiment and its trials; the same trials of a local job are the yardstick."""

import json
import random
from dataclasses import replace
from itertools import pairwise, permutations

import pytest
from cluster_objects import condition, ended_with, experiment_of, pod_of, trial_of, view_of
from submissions import LR, submission

from hptune.backends.katib.status import status_of, study_of
from hptune.errors import ClusterError
from hptune.results.ml_engine import job_output, to_json, training_output
from hptune.results.study import JobState, Measurement, TrialState
from hptune.storage.job_dir import JobDir
from hptune.trial.outcome import Outcome
from hptune.trial.pod.collector import STEP_METRIC
from hptune.trial.pod.encoding import encode_value

RUNNING = condition("Running")
WAS_RUNNING = condition("Running", "False")
ENDINGS = {0: "Succeeded", 3: "Failed"}
BODY = """
if trial == 2:
    print("accuracy=0.5")
    sys.exit(3)
if trial == 4:
    print("other=1")
elif trial == 5:
    print("accuracy=nan")
else:
    for step in (1, 9):
        print(f"step={step} accuracy={x / step}")
"""


def one_trial(*conditions, pods=(), observed=(), job=None, name="job-1"):
    """The study's only trial."""
    job = job or submission()
    trial = trial_of(job, name, {"lr": 0.01}, *conditions, observed=observed)
    [found] = study_of(job, view_of(experiment_of(job, RUNNING), [trial], pods)).trials
    return found


def outcome(final=None, code=0, message="", **more):
    return Outcome(code, final, message, 1000.0, 1042.5, **more)


def cluster_view_of(job, backend_root, study):
    """The objects that a cluster would have of the trials of a local job."""
    name = experiment_of(job)["metadata"]["name"]
    trials, pods = [], []
    for trial in study.trials:
        ended = Outcome.load(JobDir(backend_root).trial(trial.id).outcome)
        silent = ended.succeeded and not (ended.final and ended.final.finite)
        ending = "Failed" if not ended.succeeded else "MetricsUnavailable" if silent else "Succeeded"
        final = ended.final
        observed = (
            [] if silent or not final else [("accuracy", repr(final.value)), (STEP_METRIC, str(final.step))]
        )
        each = f"{name}-{trial.id}"
        trials.append(
            trial_of(job, each, trial.parameters, WAS_RUNNING, condition(ending), observed=observed)
        )
        pods.append(pod_of(each, ended_with(ended)))
    random.Random(1).shuffle(trials)
    return view_of(experiment_of(job, condition("Succeeded")), trials, pods)


@pytest.mark.parametrize(
    ("name", "told"), [("bayesianoptimization", "bayesianoptimization"), ("gp-bandit", ""), ("random", "")]
)
def test_an_algorithm_of_katibs_own_is_named(name, told):
    experiment = {**experiment_of(submission(), RUNNING), "spec": {"algorithm": {"algorithmName": name}}}
    assert status_of(submission(), view_of(experiment, [])).suggested_by == told


def test_the_same_trials_are_told_as_a_local_jobs_byte_for_byte(make_job):
    space = [
        {"parameterName": "x", "type": "DOUBLE", "minValue": 0, "maxValue": 1},
        {"parameterName": "units", "type": "INTEGER", "minValue": 1, "maxValue": 9},
        {"parameterName": "rate", "type": "DISCRETE", "discreteValues": [0.1, 0.25, 4]},
        {"parameterName": "kind", "type": "CATEGORICAL", "categoricalValues": ["a b", "q'\"", "ü$", ""]},
    ]
    local = make_job(BODY, maxTrials=6, maxFailedTrials=6, space=space)
    study = local.run()
    view = cluster_view_of(local.submission, local.root, study)
    for item in view.trials:
        for assignment in item["spec"]["parameterAssignments"]:
            if assignment["name"] == "kind":
                assignment["value"] = encode_value(assignment["value"])
    status = status_of(local.submission, view)
    here = local.backend.describe()
    assert to_json(training_output(status.study)) == to_json(training_output(study))
    same_times = replace(status, create_time=here.create_time, end_time=here.end_time)
    assert to_json(job_output(same_times)) == to_json(job_output(here))
    messages = [trial.message for trial in study.trials]
    assert messages[1] == "exited with code 3"
    assert messages[4] == "accuracy was nan at step 0"


@pytest.mark.parametrize(
    ("conditions", "state"),
    [
        ([], TrialState.QUEUED),
        ([RUNNING], TrialState.PREPARING),
        ([WAS_RUNNING, condition("Succeeded")], TrialState.SUCCEEDED),
        ([WAS_RUNNING, condition("Failed")], TrialState.FAILED),
        ([WAS_RUNNING, condition("Killed")], TrialState.FAILED),
        ([WAS_RUNNING, condition("EarlyStopped")], TrialState.SUCCEEDED),
        ([WAS_RUNNING, condition("MetricsUnavailable")], TrialState.FAILED),
        ([RUNNING, condition("Succeeded", "False")], TrialState.PREPARING),
    ],
)
def test_conditions_are_states(conditions, state):
    unavailable = any(each["type"] == "MetricsUnavailable" for each in conditions)
    observed = [] if unavailable else [("accuracy", "0.75")]
    assert one_trial(*conditions, observed=observed).state is state


def test_a_trial_runs_only_once_its_trainer_does():
    started = {"running": {"startedAt": "2026-11-24T08:00:40Z"}}
    waiting = one_trial(RUNNING, pods=[pod_of("job-1", {"waiting": {"reason": "ContainerCreating"}})])
    running = one_trial(RUNNING, pods=[pod_of("job-1", started)])
    assert (waiting.state, waiting.start_time) == (TrialState.PREPARING, None)
    assert (running.state, running.start_time.isoformat()) == (
        TrialState.RUNNING,
        "2026-11-24T08:00:40+00:00",
    )
    assert (running.end_time, running.message, running.final) == (None, "", None)


def test_the_trainers_own_word_goes_before_katibs():
    said = outcome(Measurement(float("nan"), 7), message="accuracy was nan at step 7")
    observed = [("accuracy", "0.75"), (STEP_METRIC, "3")]
    trial = one_trial(condition("Succeeded"), pods=[pod_of("job-1", ended_with(said))], observed=observed)
    assert (trial.state, trial.final, trial.message) == (TrialState.FAILED, None, said.message)
    assert trial.duration_s == 42.5


def test_without_a_pod_katibs_observation_counts():
    trial = one_trial(condition("Succeeded"), observed=[("accuracy", "0.75"), (STEP_METRIC, "3.0")])
    assert trial.final == Measurement(0.75, 3)
    assert trial.duration_s == 59
    assert trial.message == ""


@pytest.mark.parametrize("latest", ["unavailable", "", "high", "nan"])
def test_an_observation_that_is_none_is_no_objective(latest):
    trial = one_trial(condition("Succeeded"), observed=[("accuracy", latest)])
    assert (trial.state, trial.final) == (TrialState.FAILED, None)


def test_a_step_that_was_not_observed_is_0():
    assert one_trial(condition("Succeeded"), observed=[("accuracy", "1e-3")]).final == Measurement(0.001, 0)


def test_a_trial_that_was_stopped_early_has_the_last_value_that_was_seen():
    trial = one_trial(condition("EarlyStopped"), observed=[("accuracy", "0.5"), (STEP_METRIC, "4")])
    assert (trial.stopped_early, trial.final, trial.message) == (True, Measurement(0.5, 4), "")


def test_a_message_of_something_else_is_no_outcome():
    pod = pod_of("job-1", {"terminated": {"exitCode": 127, "message": "sh: python: not found"}})
    assert one_trial(condition("Failed"), pods=[pod]).message == "exited with code 127"


@pytest.mark.parametrize(
    ("state", "status", "message"),
    [
        (
            {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
            {},
            "out of memory: its container was ended when its node had no more; --memory gives",
        ),
        (None, {"reason": "Evicted", "message": "disk pressure"}, "lost its pod: Evicted: disk pressure"),
        ({"terminated": {"exitCode": 0}}, {}, "failed, and Katib does not say why (Job has failed)"),
    ],
)
def test_what_a_trainer_could_not_say_the_cluster_does(state, status, message):
    reason = condition("Failed", message="Trial has failed. Job message: Job has failed")
    assert one_trial(reason, pods=[pod_of("job-1", state, **status)]).message.startswith(message)


def test_a_container_that_ran_out_of_memory_is_told_with_what_it_had():
    pod = pod_of("job-1", {"terminated": {"exitCode": 137, "reason": "OOMKilled"}})
    others = {"name": "sidecar", "resources": {"limits": {"memory": "1Mi"}}}
    trainer = {"name": "trainer", "resources": {"limits": {"memory": "200Mi"}}}
    pod["spec"] = {"containers": [others, trainer]}
    message = one_trial(condition("Failed"), pods=[pod]).message
    assert message.startswith("out of memory: its container was ended at its limit of 200Mi; --memory")


def test_a_trial_that_is_being_stopped_early_is_told_when_its_trainer_has_ended():
    observed = [("accuracy", "0.5")]
    running = pod_of("job-1", {"running": {"startedAt": "2026-11-24T08:00:40Z"}})
    before = one_trial(condition("EarlyStopped"), pods=[running])
    assert (before.state, before.message, before.stopped_early) == (TrialState.RUNNING, "", False)
    ended = pod_of("job-1", ended_with(outcome(Measurement(0.5, 4))))
    after = one_trial(condition("EarlyStopped"), pods=[ended], observed=observed)
    assert (after.state, after.final, after.message) == (TrialState.SUCCEEDED, Measurement(0.5, 4), "")
    lost = one_trial(condition("EarlyStopped"))
    assert lost.message == "was stopped early, and Katib has no 'accuracy' of it"


def test_a_trial_that_is_being_stopped_keeps_a_view_from_being_settled():
    job, pod = submission(), pod_of("t1", {"running": {"startedAt": "2026-11-24T08:00:40Z"}})
    trials = [trial_of(job, "t1", {"lr": 0.1}, condition("EarlyStopped"))]
    ending = experiment_of(job, condition("Succeeded"))
    assert not view_of(ending, trials, [pod]).settled
    assert view_of(ending, trials, [pod_of("t1", ended_with(outcome(Measurement(0.5, 4))))]).settled
    assert view_of(ending, trials).settled


def test_a_collector_that_failed_is_named_though_the_trainer_is_content():
    pod = pod_of("job-1", ended_with(outcome(Measurement(0.9, 1))))
    ended = {"terminated": {"exitCode": 1, "message": "cannot reach katib-db-manager\n"}}
    pod["status"]["containerStatuses"][0]["state"] = ended
    trial = one_trial(condition("Failed", message="Trial has failed. Job message: no"), pods=[pod])
    assert trial.state is TrialState.FAILED
    assert trial.message == (
        "has no measurements: its container metrics-logger-and-collector exited with code 1: "
        "cannot reach katib-db-manager"
    )


def test_a_pod_that_was_deleted_is_told_as_that_and_what_never_started_has_no_duration():
    reason = "Trial has failed. Job message: Job has reached the specified backoff limit"
    trial = one_trial(condition("Failed", message=reason))
    assert trial.message == "lost its pod: it was deleted, or went with its node"
    assert (trial.start_time, trial.duration_s) == (None, None)


def test_a_trial_whose_trainer_could_not_be_prepared_has_no_duration():
    refused = Outcome(1, None, "could not be prepared: no such package", None, 1042.5)
    started = {"startedAt": "2026-11-24T08:00:05Z", "finishedAt": "2026-11-24T08:00:09Z"}
    pod = pod_of("job-1", ended_with(refused, **started))
    trial = one_trial(condition("Failed", message="Trial has failed"), pods=[pod])
    assert trial.message == "could not be prepared: no such package"
    assert (trial.start_time, trial.duration_s) == (None, None)


def test_of_several_pods_the_last_one_counts():
    # A node was taken away, and the job made another pod.
    lost = pod_of("job-1", None, created="2026-11-24T08:00:02Z", reason="Evicted")
    said = outcome(Measurement(0.9, 1))
    later = pod_of("job-1", ended_with(said), created="2026-11-24T08:10:00Z")
    for pods in permutations([lost, later]):
        assert one_trial(condition("Succeeded"), pods=pods).final == said.final


def numbers_of(names, job):
    view = view_of(experiment_of(job), [trial_of(job, n, {"lr": 0.1}, created=c) for n, c in names])
    return view.numbers()


def test_trials_are_numbered_by_their_names_where_those_have_numbers():
    job = submission()
    name = experiment_of(job)["metadata"]["name"]
    # Created in the same second, where the order of texts would put 10 before 9.
    names = [(f"{name}-{n}", "2026-11-24T08:00:00Z") for n in (10, 9, 2)]
    assert numbers_of(names, job) == {f"{name}-10": 10, f"{name}-9": 9, f"{name}-2": 2}


def test_trials_with_other_names_are_numbered_as_they_were_created():
    job = submission()
    name = experiment_of(job)["metadata"]["name"]
    made = [(f"{name}-z8", "08:00:01"), (f"{name}-b2", "08:00:02"), (f"{name}-a1", "08:00:02")]
    expected = {f"{name}-z8": 1, f"{name}-a1": 2, f"{name}-b2": 3}
    for order in permutations(made):
        assert numbers_of(order, job) == expected


def test_a_trial_of_another_search_space_is_told():
    job = submission()
    view = view_of(experiment_of(job), [trial_of(job, "job-1", {"momentum": 0.9})])
    with pytest.raises(ClusterError, match=r"trial job-1: has no usable value of lr .*another Experiment"):
        study_of(job, view)


def ended(*conditions, trials, job):
    items = [trial_of(job, f"t{n}", {"lr": 0.1}, c, created=f"08:00:0{n}") for n, c in enumerate(trials, 1)]
    return status_of(
        job, view_of(experiment_of(job, *conditions, completionTime="2026-11-24T09:00:00Z"), items)
    )


def test_a_job_runs_until_katib_says_otherwise():
    status = ended(RUNNING, trials=[condition("Failed")], job=submission())
    assert (status.state, status.message, status.end_time) == (JobState.RUNNING, "", None)


def test_too_many_failed_trials_are_told_as_a_local_job_tells_them():
    job = submission(maxFailedTrials=2)
    failed = condition("Failed", reason="ExperimentFailed", message="max failed count has reached")
    status = ended(failed, trials=[condition("Failed"), condition("Failed")], job=job)
    assert status.state is JobState.FAILED
    assert status.message.startswith("trial 2 lost its pod: it was deleted, or went with its node")
    assert status.message.endswith(", and maxFailedTrials is 2")
    assert status.end_time.isoformat() == "2026-11-24T09:00:00+00:00"


def test_a_job_without_a_comparable_objective_has_failed_whatever_katib_says():
    job = submission()
    for verdict in (condition("Succeeded"), condition("Failed")):
        said = outcome(Measurement(float("inf"), 0), message="accuracy was inf at step 0")
        trials = [trial_of(job, "t1", {"lr": 0.1}, condition("MetricsUnavailable"))]
        view = view_of(experiment_of(job, verdict), trials, [pod_of("t1", ended_with(said))])
        status = status_of(job, view)
        assert status.state is JobState.FAILED
        assert "no trial has a value of 'accuracy'" in status.message
        assert "trial 1: accuracy was inf at step 0" in status.message


def test_a_suggestion_service_that_refuses_the_job_is_quoted():
    job = submission()
    message = "Validation failed: ValidateAlgorithmSettings Error: unknown setting x"
    suggestion = {"status": {"conditions": [condition("Failed", message=message)]}}
    view = replace(view_of(experiment_of(job, condition("Failed")), []), suggestion=suggestion)
    status = status_of(job, view)
    assert status.message == f"the suggestion service refused the job: {message}"


def test_trials_that_a_job_ended_without_do_not_run():
    status = ended(condition("Failed"), trials=[condition("Failed"), RUNNING], job=submission())
    assert [trial.state for trial in status.study.trials] == [TrialState.FAILED, TrialState.CANCELLED]


def test_numbers_of_a_study_are_in_order():
    job = submission(LR, maxTrials=12)
    name = experiment_of(job)["metadata"]["name"]
    items = [trial_of(job, f"{name}-{n}", {"lr": 0.1}) for n in (11, 3, 10, 1)]
    ids = [trial.id for trial in study_of(job, view_of(experiment_of(job), items)).trials]
    assert all(a < b for a, b in pairwise(ids))
    assert json.dumps(ids) == "[1, 3, 10, 11]"
