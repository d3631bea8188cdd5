"""What Katib says of an Experiment and its trials -> our study and where the job stands.

A trial ends with the trainer container's termination message: how hptune.trial saw the trainer end. Where
there is one it is the word that counts, for Katib knows neither a trainer's exit code nor that its last value
was NaN. Where the pod is gone, what the trial left in the job's directory says the same; where nothing does,
Katib's conditions and observation count.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hptune.backends.failures import decided_by, nothing_to_compare
from hptune.backends.katib.cluster.watch import Object
from hptune.backends.katib.experiment.annotations import read_trial_names
from hptune.backends.katib.experiment.names import TRIAL_LABEL
from hptune.backends.katib.experiment.terms import katibs_own
from hptune.backends.katib.finished_trials import FinishedTrial
from hptune.backends.katib.tasks import CONTAINERS, task_name
from hptune.errors import ClusterError
from hptune.job.submission import Submission
from hptune.job.vertex.translation import metric_field
from hptune.results.study import MASTER_TASK, JobState, JobStatus, Measurement, Study, Trial, TrialState
from hptune.search.space import Categorical, Parameter, SearchSpace, Value
from hptune.trial.memory import explain_container
from hptune.trial.outcome import Outcome, find_measurement_fault
from hptune.trial.pod.collector import STEP_METRIC
from hptune.trial.pod.encoding import decode_value

_UNAVAILABLE = "unavailable"
# In the order in which Katib itself counts; a trial that was stopped early may have a second one.
_ENDINGS = ("Killed", "Failed", "Succeeded", "EarlyStopped", "MetricsUnavailable")
_FAILURES = frozenset({"Killed", "Failed"})


@dataclass(frozen=True)
class View:
    """What the cluster has of a job, read at about the same time.

    Attributes:
        experiment: The Experiment.
        trials: The Experiment's trials.
        pods: The Experiment's pods.
        suggestion: The Experiment's Suggestion; None where it does not matter.
        records: What its trials have left in the job's directory, by name; empty where nobody has looked.
    """

    experiment: Object
    trials: Sequence[Object]
    pods: Sequence[Object] = field(default=())
    suggestion: Object | None = None
    records: Mapping[str, FinishedTrial] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether Katib will start no more trials."""
        return _is_true(self.experiment, "Succeeded") or self.failed

    @property
    def failed(self) -> bool:
        """Whether Katib says that the Experiment has failed."""
        return _is_true(self.experiment, "Failed")

    def pod_of(self, trial: str) -> Object | None:
        """Returns the last pod of a trial's master; None where there is none."""
        pods = [pod for pod in self._pods(trial) if task_name(pod) == MASTER_TASK]
        return max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)

    def failed_beside(self, trial: str) -> Object | None:
        """Returns a pod beside a trial's master that has failed; None where none has."""
        beside = (pod for pod in self._pods(trial) if task_name(pod) != MASTER_TASK)
        return next((pod for pod in beside if _exit_code(pod)), None)

    def _pods(self, trial: str) -> Iterator[Object]:
        return (pod for pod in self.pods if pod["metadata"].get("labels", {}).get(TRIAL_LABEL) == trial)

    @property
    def settled(self) -> bool:
        """Whether every trial that was stopped early has said so itself, or will not any more."""
        return not any(_is_being_stopped(item, self.pod_of(_name(item))) for item in self.trials)

    @property
    def succeeded(self) -> list[str]:
        """Names of the trials that Katib has an objective of."""
        return [_name(each) for each in self.trials if _is_true(each, "Succeeded")]

    @property
    def finished(self) -> list[str]:
        """Names of the trials that have an ending."""
        return [_name(each) for each in self.trials if any(_is_true(each, ending) for ending in _ENDINGS)]

    @property
    def unfinished(self) -> list[str]:
        """Names of the trials that have no ending, in order of their creation."""
        return [
            _name(item)
            for item in sorted(self.trials, key=_age)
            if not any(_is_true(item, ending) for ending in _ENDINGS)
        ]

    def numbers(self) -> dict[str, int]:
        """Returns each trial's number by its name: that of EXPERIMENT-NUMBER, else its place by creation.

        Trials that were deleted keep theirs, where that was noted down.
        """
        prefix = re.escape(_name(self.experiment))
        names = [_name(each) for each in sorted(self.trials, key=_age)]
        matches = [re.fullmatch(rf"{prefix}-([1-9]\d*)", name) for name in names]
        if all(matches):
            return {match[0]: int(match[1]) for match in matches if match}
        in_order = dict.fromkeys([*read_trial_names(self.experiment), *names])
        return {name: number for number, name in enumerate(in_order, start=1)}


def study_of(submission: Submission, view: View) -> Study:
    """Makes the study, its trials in order of their numbers.

    Raises:
        ClusterError: A trial's parameters are not of the job's search space.
    """
    numbers = view.numbers()
    trials = [_trial(submission, view, item, numbers[_name(item)]) for item in view.trials]
    study = submission.study
    trials.sort(key=lambda trial: trial.id)
    study = Study(study.name, study.metric, study.goal, study.max_trials, tuple(trials))
    return study.cut_off() if view.ended else study


def status_of(submission: Submission, view: View) -> JobStatus:
    """Tells where the job stands.

    Raises:
        ClusterError: A trial's parameters are not of the job's search space.
    """
    study = study_of(submission, view)
    state, message = _state(submission, study, view)
    return JobStatus(
        state=state,
        study=study,
        training_input=submission.job.training_input,
        message=message,
        create_time=datetime.fromisoformat(view.experiment["metadata"]["creationTimestamp"]),
        end_time=_time(_status(view.experiment).get("completionTime")) if view.ended else None,
        suggested_by=katibs_own(view.experiment),
    )


def has_started(pod: Object) -> bool:
    """Returns whether a trial's trainer runs in its pod, or has run."""
    return bool(_container_state(pod).keys() & {"running", "terminated"})


def has_ended(pod: Object) -> bool:
    """Returns whether a trial's trainer has run in its pod."""
    return "terminated" in _container_state(pod)


def trainer_container(pod: Object) -> Object:
    """Returns the trainer's container of a pod's specification; an empty one where it has none."""
    containers: Iterable[Object] = (pod.get("spec") or {}).get("containers") or []
    return next((each for each in containers if each["name"] in CONTAINERS), {})


def decisive_failure(submission: Submission, study: Study) -> Trial | None:
    """Finds the failed trial that fails the job, by maxFailedTrials or the service's own rule, if any.

    A trial whose objective cannot be compared fails no job.
    """
    failed = [t for t in study.trials if t.state is TrialState.FAILED and not _diverged(study.metric, t)]
    failed.sort(key=lambda trial: (trial.end_time or datetime.max.replace(tzinfo=UTC), trial.id))
    # More may have failed before anybody could stop them.
    return failed[: submission.job.max_failed_trials or 1][-1] if failed else None


def _diverged(metric: str, trial: Trial) -> bool:
    last = trial.measurements[-1] if trial.measurements else None
    return last is not None and not last.finite and trial.message == find_measurement_fault(metric, last)


def _state(submission: Submission, study: Study, view: View) -> tuple[JobState, str]:
    if not view.ended:
        return JobState.RUNNING, ""
    if view.failed and (failure := _failure(submission, study, view)):
        return JobState.FAILED, failure
    if study.best is None:
        return JobState.FAILED, nothing_to_compare(study)
    return JobState.SUCCEEDED, ""


def _failure(submission: Submission, study: Study, view: View) -> str:
    """Says why Katib failed the Experiment; empty where only no trial has an objective to compare."""
    refused = _condition(view.suggestion, "Failed") if view.suggestion else None
    if refused and refused.get("status") == "True":
        return f"the suggestion service refused the job: {refused.get('message')}"
    if trial := decisive_failure(submission, study):
        return decided_by(trial, submission.job)
    if study.finished:
        # Katib counts a trial as failed whose objective cannot be compared.
        return ""
    condition = _condition(view.experiment, "Failed") or {}
    return f"Katib failed the Experiment: {condition.get('message')}"


def _trial(submission: Submission, view: View, item: Object, number: int) -> Trial:
    pod = view.pod_of(_name(item))
    record = view.records.get(_name(item))
    outcome = _outcome(pod) or (record.outcome if record else None)
    ending = next((each for each in _ENDINGS if _is_true(item, each)), "")
    # Katib says EarlyStopped at once; what the trial reached is known when its trainer has ended.
    going_on = _is_being_stopped(item, pod) and not view.ended
    state = TrialState.RUNNING if going_on else _trial_state(item, pod, ending)
    final = _final(item, outcome) if state is TrialState.SUCCEEDED else None
    comparable = final if final and final.finite else None
    return Trial(
        id=number,
        parameters=_parameters(submission.job.space, item),
        state=TrialState.FAILED if state is TrialState.SUCCEEDED and comparable is None else state,
        measurements=record.curve if record and record.curve else (final,) if final else (),
        final=comparable,
        stopped_early=ending == "EarlyStopped" and not going_on,
        message=_of_tasks(view, item, state)
        or (_message(submission, item, pod, outcome, comparable, state) if state.finished else ""),
        start_time=_start_time(item, pod, outcome if state.finished else None),
        end_time=_end_time(item, outcome) if state.finished else None,
    )


def _trial_state(item: Object, pod: Object | None, ending: str) -> TrialState:
    if ending:
        return TrialState.FAILED if ending in _FAILURES else TrialState.SUCCEEDED
    if not _is_true(item, "Running"):
        return TrialState.QUEUED
    # Katib says Running as soon as there is a job.
    return TrialState.RUNNING if pod and has_started(pod) else TrialState.PREPARING


def _parameters(space: SearchSpace, item: Object) -> dict[str, Value]:
    given = {each["name"]: str(each["value"]) for each in item["spec"].get("parameterAssignments", [])}
    return {parameter.name: _value(parameter, given, _name(item)) for parameter in space}


def _value(parameter: Parameter, given: Mapping[str, str], trial: str) -> Value:
    try:
        text = given[parameter.name]
        return parameter.parse(decode_value(text) if isinstance(parameter, Categorical) else text)
    except (KeyError, ValueError) as error:
        problem = f"has no usable value of {parameter.name} ({type(error).__name__}: {error})"
        raise ClusterError(
            f"trial {trial}: {problem}; is it of another Experiment of the same name?"
        ) from None


def _final(item: Object, outcome: Outcome | None) -> Measurement | None:
    if outcome:
        return outcome.final
    objective = item["spec"]["objective"]["objectiveMetricName"]
    strategies = {
        each["name"]: each["value"] for each in item["spec"]["objective"].get("metricStrategies", [])
    }
    value = _observed(item, objective, strategies.get(objective, "latest"))
    step = _observed(item, STEP_METRIC, "latest")
    if value is None:
        return None
    return Measurement(value, int(step) if step is not None and math.isfinite(step) else 0)


def _observed(item: Object, metric: str, strategy: str) -> float | None:
    observed = (_status(item).get("observation") or {}).get("metrics") or []
    text = next((each.get(strategy) for each in observed if each["name"] == metric), None)
    try:
        return None if text in (None, "", _UNAVAILABLE) else float(text)
    except ValueError:
        # Katib stores whatever text a trainer wrote.
        return None


def _message(
    submission: Submission,
    item: Object,
    pod: Object | None,
    outcome: Outcome | None,
    final: Measurement | None,
    state: TrialState,
) -> str:
    metric = submission.job.metric
    if outcome and (outcome.message or state is not TrialState.FAILED):
        return outcome.remark
    if state is TrialState.FAILED:
        return _failure_of_trial(item, pod)
    if final:
        return ""
    if _is_true(item, "EarlyStopped"):
        return f"was stopped early, and Katib has no '{metric}' of it"
    return f"reported no '{metric}' (the {metric_field(submission.job.service)})"


def _failure_of_trial(item: Object, pod: Object | None) -> str:
    """Says why a trial failed that could not say so itself, as far as the cluster knows."""
    if pod is None:
        return "lost its pod: it was deleted, or went with its node"
    ended = _container_state(pod).get("terminated") or {}
    if ended.get("reason") == "OOMKilled":
        return explain_container(_memory_limit(pod))
    if reason := _status(pod).get("reason"):
        return f"lost its pod: {reason}: {_status(pod).get('message', '')}".rstrip(": ")
    if ended.get("exitCode"):
        return f"exited with code {ended['exitCode']}"
    if ended and (beside := _failed_beside(pod)):
        return beside
    condition = _condition(item, "Failed") or _condition(item, "Killed") or {}
    words = str(condition.get("message") or "").removeprefix("Trial has failed. ")
    return f"failed, and Katib does not say why ({words.removeprefix('Job message: ') or 'no message'})"


def _of_tasks(view: View, item: Object, state: TrialState) -> str:
    """Says which task beside the master has failed a trial; empty where none has."""
    if state is not TrialState.FAILED:
        return ""
    pod = view.failed_beside(_name(item))
    if pod is None:
        return ""
    outcome = _outcome(pod)
    return f"its {task_name(pod)}: {outcome.message if outcome else f'exited with code {_exit_code(pod)}'}"


def _exit_code(pod: Object) -> int:
    """Returns the exit code of a pod's trainer; 0 where it has not ended."""
    return int((_container_state(pod).get("terminated") or {}).get("exitCode") or 0)


def _memory_limit(pod: Object) -> str | None:
    """Returns the memory limit of a trainer's container."""
    limits: Object = (trainer_container(pod).get("resources") or {}).get("limits") or {}
    return str(limits["memory"]) if "memory" in limits else None


def _failed_beside(pod: Object) -> str:
    """Says what failed in a pod whose trainer did not: the metrics collector, as a rule."""
    for container in _status(pod).get("containerStatuses") or []:
        ended = (container.get("state") or {}).get("terminated") or {}
        if container["name"] not in CONTAINERS and ended.get("exitCode"):
            said = f": {ended['message'].strip()}" if ended.get("message") else ""
            code = f"exited with code {ended['exitCode']}{said}"
            return f"has no measurements: its container {container['name']} {code}"
    return ""


def _is_being_stopped(item: Object, pod: Object | None) -> bool:
    """Returns whether Katib has stopped a trial early whose trainer has not ended yet."""
    return _is_true(item, "EarlyStopped") and pod is not None and has_started(pod) and not has_ended(pod)


def _outcome(pod: Object | None) -> Outcome | None:
    message = (_container_state(pod).get("terminated") or {}).get("message")
    try:
        return Outcome.parse(message) if message else None
    except ValueError:
        # Of something else in the container, the shell for one.
        return None


def _start_time(item: Object, pod: Object | None, outcome: Outcome | None) -> datetime | None:
    if outcome:
        start_s = outcome.start_time_s
        return None if start_s is None else datetime.fromtimestamp(start_s, UTC)
    container = _container_state(pod)
    started = (container.get("running") or container.get("terminated") or {}).get("startedAt")
    if started or pod or not _status(item).get("observation"):
        return _time(started)
    # Only what has run is observed.
    return _time(_status(item).get("startTime"))


def _end_time(item: Object, outcome: Outcome | None) -> datetime | None:
    if outcome:
        return datetime.fromtimestamp(outcome.end_time_s, UTC)
    return _time(_status(item).get("completionTime"))


def _container_state(pod: Object | None) -> Object:
    """Returns the state of the trainer's container by its name: waiting, running or terminated."""
    statuses: Iterable[Object] = _status(pod).get("containerStatuses") or [] if pod else []
    return next((each.get("state") or {} for each in statuses if each["name"] in CONTAINERS), {})


def _condition(item: Object, kind: str) -> Object | None:
    conditions: Iterable[Object] = _status(item).get("conditions") or []
    return next((each for each in conditions if each["type"] == kind), None)


def _is_true(item: Object, kind: str) -> bool:
    condition = _condition(item, kind)
    return condition is not None and condition["status"] == "True"


def _status(item: Object | None) -> Object:
    return (item or {}).get("status") or {}


def _name(item: Object) -> str:
    return str(item["metadata"]["name"])


def _age(item: Object) -> tuple[str, str]:
    return str(item["metadata"]["creationTimestamp"]), _name(item)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
