"""The Katib backend: a job as an Experiment of a cluster, watched by whoever asks.

The job goes on in the cluster without us. `KatibBackend.run` may be killed and called again: it finds the
Experiment that it made, and what happened meanwhile.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, cached_property, partial

from hptune.backends.base import Backend, Cancellable, Deletable, Detachable, NamesTrials
from hptune.backends.katib import logs
from hptune.backends.katib.cluster.client import Cluster
from hptune.backends.katib.cluster.errors import ExistsError, NotThereError
from hptune.backends.katib.cluster.watch import Object
from hptune.backends.katib.earlier_job import present_experiment
from hptune.backends.katib.experiment.annotations import (
    TRIALS_ANNOTATION,
    WATCHER_ANNOTATION,
    read_submission,
    read_watcher,
)
from hptune.backends.katib.experiment.checks import differences as katib_differences
from hptune.backends.katib.experiment.checks import unwatched_differences
from hptune.backends.katib.experiment.identity import changes
from hptune.backends.katib.experiment.names import experiment_name
from hptune.backends.katib.finished_trials import read_finished_trials
from hptune.backends.katib.options import KatibOptions
from hptune.backends.katib.removal import check_place, keep_or_refuse
from hptune.backends.katib.shortage import nodes_if_told
from hptune.backends.katib.status import View, decisive_failure, status_of
from hptune.backends.katib.waiting import Notices, troubles
from hptune.backends.katib.watcher.guard import Guard
from hptune.console.program import command_to_type
from hptune.errors import (
    ClusterError,
    Fault,
    HptuneError,
    Interrupted,
    JobDirError,
    JobFailed,
    UsageError,
)
from hptune.job.submission import Submission
from hptune.results.cluster_results import is_within_reach, save_cluster_results
from hptune.results.study import JobState, JobStatus, LogLine, Observer, Study, Trial

_HEARTBEAT_S = 3.0
# What Katib and Kubernetes mend by themselves takes a moment.
_LASTING_S = 10.0
# A trial that is stopped early may upload for this long after Katib has ended the job.
_SETTLING_S = 150.0


class KatibBackend(Backend, Cancellable, Deletable, Detachable, NamesTrials):
    """Runs a job as a Katib Experiment.

    Args:
        connect: Connects to the namespace for it, when it is first needed: a job's faults are told without.
        job_name: The job's name.
        options: What the cluster must be told besides the job; only submitting needs them.
        warn: Told what a person should know of the job, each thing once.
        stage: Puts files where trials find them; called when it is certain that the job can run there.
        words: What names the job on the command line, for messages; None for its name and namespace.
        heartbeat_s: How often to look again where nothing is heard of the trials.
        lasting_s: How long what keeps a job from getting on must last to be told.
        delete_on_cancel: Whether an interrupted `run` cancels the job; else it goes on in the cluster.
        guard: Ends the job with the pod of a `run` that cannot do so itself; None where it runs in no pod, or
            the job is to go on.
    """

    def __init__(
        self,
        connect: Callable[[], Cluster],
        job_name: str,
        options: KatibOptions | None = None,
        *,
        warn: Callable[[str], None],
        stage: Callable[[], object] = lambda: None,
        words: str | None = None,
        heartbeat_s: float = _HEARTBEAT_S,
        lasting_s: float = _LASTING_S,
        delete_on_cancel: bool = False,
        guard: Guard | None = None,
    ) -> None:
        self._connect = connect
        self._options = options or KatibOptions()
        self._job_name = job_name
        self._stage = stage
        self._words = words
        self._heartbeat_s = heartbeat_s
        self._delete_on_cancel = delete_on_cancel
        self._guard = guard
        self._notices = Notices(warn, lasting_s)
        # As they are when they matter first, for there may be thousands.
        self._nodes = cache(lambda: nodes_if_told(self._cluster))

    @cached_property
    def _cluster(self) -> Cluster:
        return self._connect()

    @property
    def experiment(self) -> str:
        """The name of the job's Experiment."""
        return experiment_name(self._job_name, self._cluster.namespace)

    def keeps(self, submission: Submission) -> bool:
        """Returns whether a job's results are written to its directory."""
        return is_within_reach(submission.job_dir)

    def submit(self, submission: Submission) -> None:
        """Makes the job's Experiment, if it has not been made before. See `Detachable.submit`.

        An Experiment of the name that is being deleted is waited for.

        Raises:
            ClusterError: The cluster cannot be asked.
        """
        self._make(submission)
        for difference in unwatched_differences(submission.job):
            self._notices.tell(difference)

    def _make(self, submission: Submission, guard: Guard | None = None) -> None:
        # Here, for its classes take half a second to import, and other commands need none.
        from hptune.backends.katib.experiment.build import build_experiment

        manifest = build_experiment(submission, self._options)
        for difference in katib_differences(submission, self._options):
            self._notices.tell(difference)
        present = present_experiment(self._cluster, self.experiment, self._place, self._notices.tell)
        if present is not None:
            self._refuse_changed(present, manifest)
        self._stage()
        # Before the Experiment, which would otherwise have a moment without one.
        watcher = self._start_watcher(guard) if guard else None
        if present is None:
            manifest["metadata"]["annotations"] |= {WATCHER_ANNOTATION: watcher} if watcher else {}
            try:
                self._cluster.create_experiment(manifest)
            except ExistsError:
                present = self._experiment()
                self._refuse_changed(present, manifest)
        if present is not None and read_watcher(present) != watcher:
            # Whoever took the job up last decides what ends it.
            names = {WATCHER_ANNOTATION: watcher}
            with suppress(NotThereError):
                self._attempt(partial(self._cluster.annotate_experiment, self.experiment, names))

    def _start_watcher(self, guard: Guard) -> str | None:
        try:
            return guard.start(self._job_name, self._cluster.namespace, self.experiment)
        except HptuneError as error:
            self._notices.tell(
                f"the job will go on if this pod is killed: no watcher could be started: {error}"
            )
            return None

    def run(self, submission: Submission, observe: Observer) -> JobStatus:
        """Runs the job to its end, or watches one that runs. See `Backend.run`."""
        self._make(submission, self._guard)
        try:
            status, view = self._watch(submission, observe)
            if view:
                status = self._with_records(submission, view)
        except KeyboardInterrupt:
            raise self._interrupted(submission) from None
        self._keep(status, submission)
        if view:
            self._stop(view)
        if status.state is not JobState.SUCCEEDED:
            raise JobFailed(status.message)
        return status

    def describe(self) -> JobStatus:
        """Tells where the job stands. See `Job.describe`."""
        view = self._read()
        status = self._with_records(read_submission(view.experiment), view)
        waiting: list[str] = []
        if status.state is JobState.RUNNING:
            self._attempt(lambda: waiting.extend(self._troubles(view)))
        return replace(status, message="\n".join(waiting)) if waiting else status

    def trial_names(self) -> dict[int, str]:
        """Returns what the cluster calls each trial. See `NamesTrials.trial_names`."""
        return {number: name for name, number in self._read().numbers().items()}

    def recall(self) -> Submission:
        """Returns the submission of the job. See `Backend.recall`."""
        return read_submission(self._experiment())

    def stream_logs(self) -> Iterator[LogLine]:
        """Yields what trainers print, until the job ends. See `Job.stream_logs`."""
        self._experiment()
        return logs.follow(self._cluster, self._read_and_tell, lambda view: not view.ended)

    def follow_logs(self, is_running: Callable[[], bool]) -> Iterator[LogLine]:
        """Yields what trainers print. See `Backend.follow_logs`."""
        return logs.follow(self._cluster, self._read, lambda _: is_running())

    def cancel(self, record: str | None = None) -> str:
        """Stops the job and deletes its Experiment, for Katib cannot stop one and keep its trials.

        What trials wrote is in the job's directory already. See `Cancellable.cancel`.
        """
        place = record or self.recall().job_dir
        if not record:
            check_place(place, self._name_words)
        status = self.describe()
        if status.state is JobState.RUNNING:
            status = replace(
                status, state=JobState.CANCELLED, message="cancelled", study=status.study.cut_off()
            )
        keep_or_refuse(status, place, self._name_words, chosen=record is not None)
        with suppress(NotThereError):
            self._cluster.delete_experiment(self.experiment)
        return place

    def check_deletable(self) -> None:
        """Refuses a job that runs. See `Deletable.check_deletable`."""
        view = self._read()
        read_submission(view.experiment)
        if not view.ended:
            cancel = command_to_type(f"cancel {self._name_words}")
            problem = f"is a job that runs; '{cancel}' stops it, and removes it"
            raise JobDirError(Fault(self._place, problem))

    def delete(self) -> str:
        """Deletes the Experiment with its trials; the job's directory stays. See `Deletable.delete`."""
        self.check_deletable()
        return self.cancel()

    def wind_up(self) -> str:
        """Ends what nobody watches any more; returns what that was, in words.

        Raises:
            InputError: There is no such job, or its directory cannot be reached from here.
            StorageError: What is known of its trials cannot be written.
        """
        view = self._read()
        if view.ended:
            self._stop(view)
            return "the job had ended, and its last trials are stopped"
        return f"the job is cancelled; what is known of its trials is in {self.cancel()}"

    def _watch(self, submission: Submission, observe: Observer) -> tuple[JobStatus, View | None]:
        """Watches the job to its end; returns how it ended, and the last of it, unless it was deleted."""
        observed: dict[int, Trial] = {}
        ended_at = float("inf")
        last = JobStatus(
            JobState.RUNNING, submission.study, submission.job.training_input, "", datetime.now(UTC), None
        )
        try:
            for trials in self._cluster.follow_trials(self.experiment, self._heartbeat_s):
                view = self._view(trials)
                if view.ended:
                    # Once more, for these trials may be older than the ending.
                    view = self._view(self._cluster.trials(self.experiment))
                    ended_at = min(ended_at, time.monotonic())
                    if not view.settled and time.monotonic() <= ended_at + _SETTLING_S:
                        continue
                last = status_of(submission, view)
                for trial in last.study.trials:
                    if observed.get(trial.id) != trial:
                        observed[trial.id] = trial
                        observe(last.study, trial)
                if view.ended:
                    break
                self._stop_where_hopeless(submission, last.study, view)
                self._attempt(partial(self._tell_troubles, view))
        except NotThereError:
            message = "the Experiment was deleted while the job ran"
            study = last.study.cut_off()
            return replace(last, state=JobState.CANCELLED, study=study, message=message), None
        return last, view

    def _with_records(self, submission: Submission, view: View) -> JobStatus:
        """Adds to a view what the job's trials have left in its directory."""
        view = self._recorded(submission, view)
        return logs.explain_failure(self._cluster, submission, status_of(submission, view), view)

    def _recorded(self, submission: Submission, view: View) -> View:
        place, finished = submission.job_dir, view.finished
        if not finished or not is_within_reach(place):
            return view
        prefix = f"{self.experiment}-"
        since = datetime.fromisoformat(view.experiment["metadata"]["creationTimestamp"])
        try:
            found = read_finished_trials(place, [name.removeprefix(prefix) for name in finished], since)
        except HptuneError as error:
            self._notices.tell(f"the trials' curves are left out: {error}")
            return view
        records = {n: found[n.removeprefix(prefix)] for n in finished if n.removeprefix(prefix) in found}
        if missing := sorted(view.numbers()[name] for name in view.succeeded if name not in records):
            trials = f"trial {', '.join(map(str, missing))}"
            self._notices.tell(f"{place} has no usable measurements of {trials}, whose curve is left out")
        return replace(view, records=records)

    def _stop(self, view: View) -> None:
        """Stops trials that the job ended without, which Katib lets run on."""
        if not view.unfinished:
            return
        # The others must keep their numbers when these are gone.
        names = {TRIALS_ANNOTATION: json.dumps(list(view.numbers()))}
        with suppress(NotThereError, UsageError):
            self._attempt(partial(self._cluster.annotate_experiment, self.experiment, names))
        for name in view.unfinished:
            with suppress(NotThereError):
                self._attempt(partial(self._cluster.delete_trial, name))

    def _stop_where_hopeless(self, submission: Submission, study: Study, view: View) -> None:
        """Applies the service's own rule where maxFailedTrials leaves it to that; Katib has no such rule."""
        if submission.job.max_failed_trials or study.best or not decisive_failure(submission, study):
            return
        spec = view.experiment["spec"]
        # Katib refuses it once all trials have been created; there is nothing left to save then.
        if spec["maxFailedTrialCount"] > 1 and spec["maxTrialCount"] > len(view.trials):
            with suppress(UsageError):
                self._attempt(partial(self._cluster.limit_failures, self.experiment, 1))

    def _tell_troubles(self, view: View) -> None:
        self._notices.tell_lasting(self._troubles(view))

    def _troubles(self, view: View) -> Iterator[str]:
        return troubles(view, self._cluster.events, self._nodes)

    def _attempt(self, action: Callable[[], None]) -> None:
        """Does what the job's end does not depend on."""
        try:
            action()
        except NotThereError:
            raise
        except ClusterError as error:
            self._notices.tell(str(error))

    def _keep(self, status: JobStatus, submission: Submission) -> None:
        if not self.keeps(submission):
            return
        try:
            save_cluster_results(status, submission.job_dir)
        except HptuneError as error:
            # The trials are in the cluster; the job has not failed for it.
            self._notices.tell(f"the results could not be written to the job's directory: {error}")

    def _interrupted(self, submission: Submission) -> Interrupted:
        problem = ""
        if self._delete_on_cancel:
            try:
                return Interrupted(f"stopped; what is known of its trials is in {self.cancel()}")
            except HptuneError as error:
                problem = f"could not be cancelled: {error}\n"
        cancel = command_to_type(f"cancel {self._name_words}")
        goes_on = (
            f"{problem}not watched any more, but the job goes on in the cluster; the same command watches it "
            f"again, and '{cancel}' stops it"
        )
        return Interrupted("\n".join((goes_on, *unwatched_differences(submission.job))))

    def _experiment(self) -> Object:
        try:
            return self._cluster.experiment(self.experiment)
        except NotThereError:
            raise self._no_such_job() from None

    def _read(self) -> View:
        try:
            return self._view(self._cluster.trials(self.experiment))
        except NotThereError:
            raise self._no_such_job() from None

    def _read_and_tell(self) -> View:
        view = self._read()
        if not view.ended:
            self._attempt(partial(self._tell_troubles, view))
        return view

    def _no_such_job(self) -> JobDirError:
        return JobDirError(Fault(self._place, f"there is no such job (no Experiment {self.experiment})"))

    @property
    def _name_words(self) -> str:
        return self._words or f"{self._job_name} --namespace {self._cluster.namespace}"

    @property
    def _place(self) -> str:
        return f"{self._job_name!r} in namespace {self._cluster.namespace!r}"

    def _view(self, trials: list[Object]) -> View:
        experiment = self._cluster.experiment(self.experiment)
        view = View(experiment, trials, self._cluster.pods(self.experiment))
        if view.failed:
            # It may be what failed it.
            with suppress(NotThereError):
                return replace(view, suggestion=self._cluster.suggestion(self.experiment))
        return view

    def _refuse_changed(self, present: Object, asked: Object) -> None:
        if differences := changes(present, asked):
            what = "is another job; submit that one again, or choose another name. What differs:"
            raise JobDirError(Fault(self._place, "\n    ".join([what, *differences])))
