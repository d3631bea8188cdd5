"""What a cluster cannot do as the job file says: refused where the result would be wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hptune.backends.katib.experiment import quoting
from hptune.backends.katib.experiment.annotations import MAX_BYTES
from hptune.backends.katib.experiment.terms import RANDOM, algorithm_name, katib_text
from hptune.backends.katib.experiment.trial_job import place_faults, trial_document
from hptune.backends.katib.options import KatibAlgorithm, KatibOptions
from hptune.errors import Fault, UsageError
from hptune.job.schema import Algorithm
from hptune.job.submission import SUBMISSION_FORM, Submission
from hptune.job.tuning_job import TuningJob
from hptune.search.grid import grid_size
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Double, Integer, Parameter, format_number
from hptune.trial.document import TRIAL_VARIABLE
from hptune.trial.pod.collector import STEP_METRIC

MAX_METRIC_BYTES = 255
MAX_GRID_POINTS = 100_000
"""Katib's grid service holds every point in its 100 MiB."""

# What the end of a trial's name adds to its document, and more.
_ADDED_BYTES = 128
_TUNING = "hyperparameters"


def check(submission: Submission, options: KatibOptions, experiment: str) -> None:
    """Refuses what cannot become an Experiment that does what the job file says.

    Raises:
        UsageError: Carries every fault.
    """
    faults = [
        *options.faults(),
        *place_faults(submission, options),
        *_program_faults(submission),
        *_search_faults(submission.job, options),
        *_metric_faults(submission.job),
        *_text_faults(submission),
    ]
    if not faults:
        faults += _length_faults(submission, options, experiment)
    if faults:
        raise UsageError(faults)


def _program_faults(submission: Submission) -> Iterator[Fault]:
    program = submission.program
    if program.module or program.command or program.entrypoint:
        return
    if program.image:
        place = f"{submission.job.field('masterConfig.imageUri')} {program.image}"
        yield Fault(place, "what it runs is not known; name a command")
    else:
        problem = "is an image with hptune, in which --command or --module-name must say what runs"
        yield Fault("--image", problem)


def _place(job: TuningJob, field: str) -> str:
    return f"{job.source}: {job.place(f'{_TUNING}.{field}')}"


def _search_faults(job: TuningJob, options: KatibOptions) -> Iterator[Fault]:
    name = algorithm_name(job, options)
    if job.resume_previous_job_id:
        problem = (
            f"is {job.resume_previous_job_id!r}; a job in a cluster cannot start from another one's trials"
        )
        yield Fault(_place(job, "resumePreviousJobId"), f"{problem} (leave it out)")
    if job.algorithm is Algorithm.GRID_SEARCH:
        if (points := grid_size(job.space, job.max_trials)) > MAX_GRID_POINTS:
            problem = f"make a grid of {points} points; Katib's grid search holds at most {MAX_GRID_POINTS}"
            yield Fault(_place(job, "params"), problem)
        return
    for i, parameter in enumerate(job.space):
        if re.search(r"\$\{trialSpec\.", parameter.name):
            problem = f"is {parameter.name!r}, which Katib would read as a field of the trial"
            yield Fault(_place(job, f"params[{i}].parameterName"), problem)
        if name != KatibAlgorithm.BANDIT:
            yield from _range_faults(job, i, parameter, name)


def _range_faults(job: TuningJob, i: int, parameter: Parameter, algorithm: str) -> Iterator[Fault]:
    if not isinstance(parameter, Double | Integer) or parameter.low == parameter.high:
        return
    use = f"use --algorithm {KatibAlgorithm.BANDIT}"
    if parameter.scale is Scale.REVERSE_LOG:
        if job.algorithm is Algorithm.RANDOM_SEARCH:
            use = f"leave algorithm out and {use}"
        problem = f"is {parameter.scale}, which Katib's {algorithm} cannot search; {use}"
        yield Fault(_place(job, f"params[{i}].scaleType"), problem)
    elif algorithm == KatibAlgorithm.BAYESIAN and isinstance(parameter, Double) and parameter.low <= 0:
        low = format_number(parameter.low)
        problem = f"is {low}; must be > 0 with Katib's {algorithm}, which searches on a log scale; {use}"
        yield Fault(_place(job, f"params[{i}].minValue"), problem)


def _metric_faults(job: TuningJob) -> Iterator[Fault]:
    metric, place = job.metric, _place(job, "hyperparameterMetricTag")
    if metric in ("timestamp", STEP_METRIC):
        yield Fault(place, f"is {metric!r}, a word that Katib's metrics collector has another use for")
    # Names are joined by semicolons, in an argument that the kubelet expands.
    for mark in (";", "$(", "$$"):
        if mark in metric:
            yield Fault(place, f"is {metric!r}; must be without '{mark}' for Katib's metrics collector")
    if len(metric.encode("utf-8", "replace")) > MAX_METRIC_BYTES:
        yield Fault(place, f"is {metric!r}; must have at most {MAX_METRIC_BYTES} bytes in Katib's database")


def _text_faults(submission: Submission) -> Iterator[Fault]:
    job, program = submission.job, submission.program
    texts = [
        *((f"USER_ARGS[{i}]", arg) for i, arg in enumerate(submission.user_args)),
        *(("--command", part) for part in program.command),
        *(("--package", package) for package in submission.packages),
        ("--module-name", program.module or ""),
        ("--job-dir", submission.job_dir),
        (_place(job, "hyperparameterMetricTag"), job.metric),
    ]
    for place, text in texts:
        yield from quoting.find_faults(text, place)


def _length_faults(submission: Submission, options: KatibOptions, experiment: str) -> Iterator[Fault]:
    longest = {p.name: _longest_text(p) for p in submission.job.space}
    text = trial_document(submission, options, experiment, longest, experiment)
    document = f"{TRIAL_VARIABLE}={text}"
    source, args = submission.job.source, sum(map(len, submission.user_args))
    heavier = "USER_ARGS" if args > len(str(submission.job.training_input)) else source
    for place, length, most in (
        (heavier, len(document) + _ADDED_BYTES, quoting.MAX_STRING_BYTES),
        (source, len(SUBMISSION_FORM.text(submission)), MAX_BYTES),
    ):
        if length > most:
            yield Fault(place, f"makes {length} bytes for a trial's pod; must be at most {most}")


def _longest_text(parameter: Parameter) -> str:
    if isinstance(parameter, Categorical | Discrete):
        return max(map(katib_text, parameter.values), key=len)
    # As many characters as any number has.
    return "-1.2345678901234567e-308"


def differences(submission: Submission, options: KatibOptions) -> tuple[str, ...]:
    """Yields what the cluster does otherwise than this machine would, a line each.

    Args:
        submission: The job.
        options: How it is to run.
    """
    job = submission.job
    return (
        *_place_differences(submission, options),
        *_search_differences(submission, options),
        *_rule_differences(job),
    )


def _place_differences(submission: Submission, options: KatibOptions) -> Iterator[str]:
    job, machine = submission.job, submission.job.machine
    if not submission.job_dir:
        yield "no --job-dir: what trainers write is lost with their pods"
        if job.early_stopping:
            kept = "by cloudml-hypertune or an evaluation's summaries"
            yield f"no --job-dir: only trials that report {kept} are stopped early, and no others"
    shares = submission.job_dir.startswith("/") or (submission.job_dir and options.keep_addresses)
    if job.replicas and not shares:
        own = "each task of a trial writes to a directory of its own pod, and only the master's is kept"
        ways = "a path on --volume-claim as --job-dir, or --keep-addresses"
        yield f"{own}; tasks that share checkpoints need {ways}"
    if machine.substituted and options.gpu_count(job) and options.accelerator is None:
        gone = f"{machine.accelerator} of {machine.name} is gone from GKE"
        yield f"{gone}; nodes with {machine.gke_accelerator} are asked for"
    if job.image_uri and options.image is None and not submission.program.image:
        needed = "trials run in it, so it must have hptune too; --image names another"
        yield f"{job.field('masterConfig.imageUri')} {job.image_uri}: {needed}"


def _search_differences(submission: Submission, options: KatibOptions) -> Iterator[str]:
    job, name = submission.job, algorithm_name(submission.job, options)
    if name == KatibAlgorithm.BAYESIAN:
        for parameter in job.space:
            yield from _bayesian_difference(parameter)
        if min(job.max_parallel_trials, job.max_trials) > 1:
            field = job.word("hyperparameters.maxParallelTrials")
            yield f"{field}: suggestions do not know of the trials that still run"
        yield "a trial that failed teaches nothing: the same point is suggested again until another one ends"
        if submission.first_points:
            yield "the point that the trainer's own arguments name is not tried first"
    elif name == RANDOM:
        ends = [p.name for p in job.space if isinstance(p, Integer) and p.high - p.low > 1]
        if ends:
            yield f"INTEGER {', '.join(ends)}: the two ends of the range are drawn half as often as the rest"


def _bayesian_difference(parameter: Parameter) -> Iterator[str]:
    by = f"by {KatibAlgorithm.BAYESIAN} of Katib 0.19"
    if isinstance(parameter, Discrete) and len(parameter.values) > 2:
        yield f"DISCRETE {parameter.name} is searched as words without an order {by}"
    elif isinstance(parameter, Double) and parameter.scale is Scale.LINEAR and parameter.low < parameter.high:
        yield f"DOUBLE {parameter.name} with {parameter.scale} is searched on a log scale {by}"
    elif isinstance(parameter, Integer) and parameter.scale is Scale.LOG and parameter.low < parameter.high:
        yield f"INTEGER {parameter.name} with {parameter.scale} is searched on a linear scale {by}"


def _rule_differences(job: TuningJob) -> Iterator[str]:
    if job.early_stopping:
        rule = "stops a trial whose best value is worse than the mean of the others' first 4"
        field = job.word("hyperparameters.enableTrialEarlyStopping")
        yield f"{field}: Katib's medianstop {rule}, whatever their steps"


def unwatched_differences(job: TuningJob) -> tuple[str, ...]:
    """Yields what the cluster does otherwise while no hptune watches the job, a line each."""
    if job.max_failed_trials or job.max_trials == 1:
        return ()
    rule = "while nobody watches the job, a trial that fails before any has succeeded does not end it"
    field = job.word("hyperparameters.maxFailedTrials")
    return (f"{field} 0: {rule}; it ends when all its trials have failed",)
