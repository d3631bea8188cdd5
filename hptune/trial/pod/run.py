"""One trial in a pod of its own, where nothing outlives it: fetches what it needs, keeps what it leaves.

Katib has ``sh -c "python -m hptune.trial ... && echo completed > DIRECTORY/$$.pid"`` run it, with its metrics
collector beside it in the same process namespace. To stop a trial early the collector writes
``early-stopped`` to that file and sends SIGTERM to the shell's child, of which there must be one: this
process; the trainer is a child of its own. The kubelet's SIGTERM reaches the shell alone, which dies of it,
and the rest of the container with it; `hptune.trial.pod.stop` passes it on before.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from hptune.errors import Fault, HptuneError, UsageError
from hptune.results.study import Measurement
from hptune.storage.job_dir import TrialDir
from hptune.trial.companions import MAX_RESTARTS
from hptune.trial.log import TrialLog
from hptune.trial.metrics.report import Source
from hptune.trial.outcome import Outcome, find_measurement_fault
from hptune.trial.pod.collector import CollectorFile
from hptune.trial.pod.encoding import decode_value
from hptune.trial.pod.inputs import Inputs, Package, add_packages, patiently, upload
from hptune.trial.pod.objective_source import may_be_stopped_early, most_deliberate_source
from hptune.trial.spec import Pod, TrialSpec
from hptune.trial.stopwatch import Stopwatch
from hptune.trial.supervise import prepare, run_trial
from hptune.trial.tasks import MASTER, read_task

MAX_MESSAGE_BYTES = 4096
"""What Kubernetes keeps of a container's termination message."""

_EARLY_STOPPED = "early-stopped"
# Katib's collector is told of a new line by the kernel.
_JUDGED_WITHIN_S = 1.0


def run_in_pod(spec: TrialSpec, pod: Pod) -> tuple[TrialSpec, Outcome]:
    """Runs a trial; whatever happens, its outcome is told.

    Args:
        spec: The trial, as Katib filled it in.
        pod: What is to be done around the trainer.

    Returns:
        The trial, and how it ended: a trainer whose output could not be kept has failed.

    Raises:
        UsageError: What was filled in cannot be read.
    """
    spec = _of_this_pod(_filled_in(spec, pod), os.environ)
    if spec.task != MASTER:
        # The master is measured, and what it leaves is kept.
        pod = replace(pod, collector_file=None, upload_to=None)
    return spec, _run_filled_in(spec, pod)


def _of_this_pod(spec: TrialSpec, environment: Mapping[str, str]) -> TrialSpec:
    """Returns a trial of several pods as the task of this one has it, by what the operator says."""
    if not spec.tasks:
        return spec
    try:
        return spec.seen_from(read_task(environment.get("TF_CONFIG", "")))
    except ValueError as error:
        problem = f"does not say which task this pod is ({error}); the training operator sets it"
        raise UsageError(Fault("TF_CONFIG", problem)) from error


def _filled_in(spec: TrialSpec, pod: Pod) -> TrialSpec:
    trial_id = spec.trial_id.removeprefix(pod.trial_prefix)
    paths = (spec.directory.output, spec.directory.state)
    return replace(
        spec,
        trial_id=trial_id,
        directory=TrialDir(*(Path(str(path).replace("{trial_id}", trial_id)) for path in paths)),
        address=spec.address.replace("{trial_id}", trial_id),
        parameters={name: _decoded(name, value) for name, value in spec.parameters.items()},
    )


def _decoded(name: str, value: str) -> str:
    try:
        return decode_value(value)
    except ValueError as error:
        problem = f"{value!r} is not encoded as hptune.trial.pod.encoding does"
        raise UsageError(Fault(f"parameter {name}", problem)) from error


def _run_filled_in(spec: TrialSpec, pod: Pod) -> Outcome:
    with ExitStack() as stack:
        # First, for the collector asks for it without a pause.
        collector = _collector(spec, pod, stack)
        scratch = tempfile.TemporaryDirectory(prefix="hptune-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(scratch))
        inputs, packages = Inputs(folder / "inputs"), folder / "packages"
        try:
            prepare(spec)
            if collector:
                _show_from_the_usual_source(spec, pod, collector)
            staged = _stage(spec, pod, inputs, packages)
        except (HptuneError, OSError) as error:
            return _refuse(spec, pod, 1, f"could not be prepared: {error}")
        except KeyboardInterrupt:
            message = "was told to stop before its trainer had started"
            return _refuse(spec, pod, -signal.SIGTERM, message)
        clock = Stopwatch()
        try:
            outcome = _run(staged, pod, collector)
        except OSError as error:
            # A full disk, as a rule.
            outcome = Outcome(1, None, f"could not be watched: {error}", clock.start_s, clock.now_s)
        return _keep(spec, pod, inputs, outcome)


def _refuse(spec: TrialSpec, pod: Pod, exit_code: int, message: str) -> Outcome:
    """Ends a trial whose trainer has not started, and so took no time."""
    outcome = Outcome(exit_code, None, message, None, time.time())
    _tell(pod, outcome)
    outcome.save(spec.directory.outcome)
    return outcome


def _collector(spec: TrialSpec, pod: Pod, stack: ExitStack) -> CollectorFile | None:
    if pod.collector_file is None:
        return None
    # Without early stopping the collector reads the file at the end.
    shown_from = Source.EVALUATION_SUMMARY if may_be_stopped_early(spec) else min(Source)
    return stack.enter_context(CollectorFile(pod.collector_file, spec.metric, shown_from))


def _stage(spec: TrialSpec, pod: Pod, inputs: Inputs, packages: Path) -> TrialSpec:
    program = add_packages(spec.program, list(map(Package.parse, pod.packages)), packages)
    user_args = tuple(map(inputs.localize, spec.user_args)) if pod.fetch_inputs else spec.user_args
    return replace(spec, program=program, user_args=user_args)


def _run(spec: TrialSpec, pod: Pod, collector: CollectorFile | None) -> Outcome:
    with spec.directory.log.open("ab", buffering=0) as log:
        outcome = _run_again(spec, _Listener(spec, pod, TrialLog(spec.directory, log.fileno()), collector))
    if collector and collector.finish(outcome.final) and may_be_stopped_early(spec):
        # The collector may still stop the trial, and fails where it does not find its process.
        time.sleep(_JUDGED_WITHIN_S)
    return outcome


def _run_again(spec: TrialSpec, listener: _Listener) -> Outcome:
    """Runs a trial; a task beside the master that fails is started again a few times."""
    outcome = run_trial(spec, listener=listener)
    for number in range(1, MAX_RESTARTS + 1 if spec.task != MASTER else 1):
        if outcome.exit_code == 0 or outcome.timed_out or listener.was_told_to_stop:
            break
        again = f"{spec.task.name}: {outcome.message}; is started again ({number} of {MAX_RESTARTS})"
        print(f"hptune: {again}", file=sys.stderr, flush=True)
        outcome = run_trial(spec, listener=listener)
    return outcome


def _show_from_the_usual_source(spec: TrialSpec, pod: Pod, collector: CollectorFile) -> None:
    try:
        source = most_deliberate_source(spec, pod.upload_to)
    except HptuneError as error:
        print(f"hptune: the job's earlier trials are not known: {error}", file=sys.stderr, flush=True)
        return
    if source is not None:
        collector.show_from(source)


class _Listener:
    def __init__(self, spec: TrialSpec, pod: Pod, log: TrialLog, collector: CollectorFile | None) -> None:
        self._spec = spec
        self._pod = pod
        self._log = log
        self._collector = collector
        self.was_told_to_stop = False

    def printed(self, data: bytes) -> None:
        self._log.write(data)

    def restart(self, source: Source) -> None:
        if self._collector:
            self._collector.restart(source)

    def add(self, measurement: Measurement, *, late: bool = False) -> None:
        if self._collector:
            self._collector.add(measurement, late=late)

    def stopped(self, outcome: Outcome) -> Outcome:
        self.was_told_to_stop = True
        if not self._is_early() or outcome.final is None:
            reason = "was told to stop: its pod was deleted, evicted or out of time"
            # A trainer that ends in order when it is told to has not ended.
            return replace(outcome, exit_code=-signal.SIGTERM, message=reason)
        return replace(outcome, exit_code=0, message=find_measurement_fault(self._spec.metric, outcome.final))

    def _is_early(self) -> bool:
        """Returns whether it is Katib's collector that has stopped the trial."""
        file = self._pod.collector_file
        marks = file.parent.glob("*.pid") if file else ()
        return any(mark.read_text(encoding="utf-8").strip() == _EARLY_STOPPED for mark in marks)


def _keep(spec: TrialSpec, pod: Pod, inputs: Inputs, outcome: Outcome) -> Outcome:
    """Says how the trial ended and puts what it leaves where it outlives the pod."""
    # Whoever asks for haste has to wait for this, or to kill.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _tell(pod, _without_output(spec, outcome, "its pod ended before that was done"))
    try:
        outcome.save(spec.directory.outcome)
        patiently(inputs.put_back)
        if pod.upload_to is not None:
            upload(spec.directory, spec.trial_id, pod.upload_to)
    except (HptuneError, OSError) as error:
        outcome = _without_output(spec, outcome, str(error))
        _tell(pod, outcome)
        outcome.save(spec.directory.outcome)
        return outcome
    _tell(pod, outcome)
    return outcome


def _without_output(spec: TrialSpec, outcome: Outcome, reason: str) -> Outcome:
    lost = f"what it wrote could not be kept: {reason}"
    if outcome.message:
        lost = f"{outcome.message}; {lost}"
    elif outcome.final:
        lost = f"reached {spec.metric} {outcome.final.value:g} at step {outcome.final.step}, but {lost}"
    return replace(outcome, exit_code=outcome.exit_code or 1, message=lost)


def _tell(pod: Pod, outcome: Outcome) -> None:
    if pod.message_file:
        # In place: in a pod the file is a mount, which nothing can take the place of.
        pod.message_file.write_bytes(outcome.to_line(MAX_MESSAGE_BYTES))
