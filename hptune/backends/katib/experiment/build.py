"""Builds the Katib Experiment of a submission."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from kubeflow_katib_api.models import (
    IoK8sApimachineryPkgApisMetaV1ObjectMeta,
    V1beta1CollectorSpec,
    V1beta1EarlyStoppingSetting,
    V1beta1EarlyStoppingSpec,
    V1beta1Experiment,
    V1beta1ExperimentSpec,
    V1beta1FileSystemPath,
    V1beta1MetricsCollectorSpec,
    V1beta1MetricStrategy,
    V1beta1ObjectiveSpec,
    V1beta1SourceSpec,
    V1beta1TrialParameterSpec,
    V1beta1TrialTemplate,
)

from hptune.backends.katib.experiment.annotations import SUBMISSION_ANNOTATION
from hptune.backends.katib.experiment.checks import check
from hptune.backends.katib.experiment.names import experiment_name
from hptune.backends.katib.experiment.parameters import algorithm_spec, parameter_specs
from hptune.backends.katib.experiment.trial_job import (
    CONTAINER,
    METRICS_FILE,
    labels,
    trial_document,
    trial_job,
)
from hptune.backends.katib.experiment.trial_tfjob import (
    JOB_ROLE_LABEL,
    MASTER_ROLE,
    SUCCESS_CONDITION,
    TFJOB_CONTAINER,
    trial_tfjob,
)
from hptune.backends.katib.experiment.users_image import without_image
from hptune.backends.katib.options import KatibOptions
from hptune.job.submission import SUBMISSION_FORM, Final, Submission
from hptune.results.study import Goal
from hptune.search.grid import trial_limit
from hptune.search.space import SearchSpace
from hptune.trial.pod.collector import STEP_METRIC

# Katib's own defaults: how many trials must have ended first, and how many reports of each count.
_EARLY_STOPPING = {"min_trials_required": "3", "start_step": "4"}
_TRIAL_NAME = "trialName"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def build_experiment(submission: Submission, options: KatibOptions) -> dict[str, Any]:
    """Builds the Experiment that runs a job.

    Args:
        submission: The job; its directory is a URI, a path on the volume that trials mount, or empty.
        options: How its trials run.

    Returns:
        The manifest, ready for JSON; `read_submission` reads the submission back from it.

    Raises:
        UsageError: The cluster could not do what the job file says; carries every fault.
    """
    name = experiment_name(submission.name, options.namespace)
    submission = without_image(submission, options)
    check(submission, options, name)
    experiment = V1beta1Experiment(
        apiVersion="kubeflow.org/v1beta1",
        kind="Experiment",
        metadata=IoK8sApimachineryPkgApisMetaV1ObjectMeta(
            name=name,
            namespace=options.namespace,
            labels=labels(submission, options),
            # Without the words of who typed it: the same job and options make the same Experiment.
            annotations={SUBMISSION_ANNOTATION: SUBMISSION_FORM.text(replace(submission, command_line=""))},
        ),
        spec=_spec(submission, options, name),
    )
    manifest: dict[str, Any] = experiment.to_dict()
    return manifest


def _spec(submission: Submission, options: KatibOptions, name: str) -> V1beta1ExperimentSpec:
    job = submission.job
    # Katib refuses more trials than a grid has points.
    trials = trial_limit(job.algorithm.value, job.space, job.max_trials)
    return V1beta1ExperimentSpec(
        objective=_objective(submission),
        algorithm=algorithm_spec(submission, options),
        earlyStopping=_early_stopping() if job.early_stopping else None,
        maxTrialCount=trials,
        parallelTrialCount=min(job.max_parallel_trials, trials),
        # Katib, too, fails a job with this many failed trials. For 0, the service's own rule, it has no word:
        # a job fails here when all its trials have.
        maxFailedTrialCount=min(job.max_failed_trials or trials, trials),
        resumePolicy="Never",
        parameters=parameter_specs(job),
        metricsCollectorSpec=_metrics_collector(),
        trialTemplate=_trial_template(submission, options, name),
    )


def _objective(submission: Submission) -> V1beta1ObjectiveSpec:
    """Builds the objective: its last value counts, unless the best one, Katib's own choice, is asked for.

    The last line that the collector finds has the measurement that counts, so the step is the latest one.
    """
    job = submission.job
    strategies = {job.metric: objective_strategy(submission), STEP_METRIC: "latest"}
    return V1beta1ObjectiveSpec(
        type="minimize" if job.goal is Goal.MINIMIZE else "maximize",
        objectiveMetricName=job.metric,
        additionalMetricNames=[STEP_METRIC],
        metricStrategies=[V1beta1MetricStrategy(name=n, value=value) for n, value in strategies.items()],
    )


def objective_strategy(submission: Submission) -> str:
    """Returns which of its values Katib takes for a trial's: a strategy's name, and its field's."""
    if submission.final is Final.LAST:
        return "latest"
    return "max" if submission.job.goal is Goal.MAXIMIZE else "min"


def _early_stopping() -> V1beta1EarlyStoppingSpec:
    return V1beta1EarlyStoppingSpec(
        algorithmName="medianstop",
        algorithmSettings=[V1beta1EarlyStoppingSetting(name=n, value=v) for n, v in _EARLY_STOPPING.items()],
    )


def _metrics_collector() -> V1beta1MetricsCollectorSpec:
    path = V1beta1FileSystemPath(kind="File", format="JSON", path=METRICS_FILE)
    return V1beta1MetricsCollectorSpec(
        collector=V1beta1CollectorSpec(kind="File"), source=V1beta1SourceSpec(fileSystemPath=path)
    )


def _trial_template(submission: Submission, options: KatibOptions, name: str) -> V1beta1TrialTemplate:
    references = {_TRIAL_NAME: "${trialSpec.Name}", **_references(submission.job.space)}
    places = {reference: f"${{trialParameters.{each}}}" for each, reference in references.items()}
    trial_name = places.pop("${trialSpec.Name}")
    is_cluster = bool(submission.job.replicas)
    trial = trial_tfjob if is_cluster else trial_job
    document = trial_document(submission, options, name, places, trial_name)
    return V1beta1TrialTemplate(
        primaryContainerName=TFJOB_CONTAINER if is_cluster else CONTAINER,
        primaryPodLabels={JOB_ROLE_LABEL: MASTER_ROLE} if is_cluster else None,
        # Its pods keep the trainer's log.
        retain=True,
        successCondition=SUCCESS_CONDITION
        if is_cluster
        else 'status.conditions.#(type=="Complete")#|#(status=="True")#',
        failureCondition='status.conditions.#(type=="Failed")#|#(status=="True")#',
        trialParameters=[
            V1beta1TrialParameterSpec(name=each, reference=reference)
            for each, reference in references.items()
        ],
        trialSpec=trial(submission, options, document),
    )


def _references(space: SearchSpace) -> dict[str, str]:
    """Returns the template's name of each parameter: its own, or its place where that is not plain."""
    return {
        name if _PLAIN_NAME.fullmatch(name) and name != _TRIAL_NAME else f"#{i}": name
        for i, name in enumerate(space.names, start=1)
    }
