"""What keeps a job from getting on is told once, in one sentence, and only where it lasts."""

import threading
from contextlib import suppress

import pytest
from cluster_objects import condition, experiment_of, pod_of, trial_of, view_of
from submissions import submission

from hptune.backends.katib.experiment.build import build_experiment
from hptune.backends.katib.options import KatibOptions
from hptune.backends.katib.waiting import Notices, troubles
from hptune.errors import JobDirError
from hptune.results.study import JobState

UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
NODES = "0/1 nodes are available: 1 Insufficient cpu."


def warning_event(reason, message):
    return {"type": "Warning", "reason": reason, "message": message}


def told(*looks, lasting_s=0.0):
    heard = []
    notices = Notices(heard.append, lasting_s)
    for look in looks:
        notices.tell_lasting(look)
    return heard


def view_with(*pods):
    job = submission()
    return view_of(
        experiment_of(job, condition("Running")),
        [trial_of(job, "t1", {"lr": 0.1}, condition("Running"))],
        pods,
    )


def test_a_pod_without_a_node_is_told_in_the_same_words_by_its_event_and_its_condition():
    new = view_with(pod_of("t1", phase="Pending"))
    events = {"Pod": [warning_event("FailedScheduling", NODES)]}
    later = view_with(pod_of("t1", phase="Pending", conditions=[{**UNSCHEDULABLE, "message": NODES}]))
    looks = [list(troubles(view, lambda kind, _: events.get(kind, []), list)) for view in (new, later)]
    assert looks[0] == looks[1] == [f"trial 1 waits: no node for its pod: {NODES}"]
    assert told(*looks) == looks[0]


@pytest.mark.parametrize(
    "conflict",
    [
        'Operation cannot be fulfilled on suggestions "a-job": the object has been modified; please apply',
        'Failed to reconcile: suggestions.kubeflow.org "a-job" already exists',
    ],
)
def test_a_conflict_that_katib_mends_itself_is_never_told(conflict):
    job = submission()
    view = view_of(experiment_of(job, condition("Running")), [])
    before = warning_event("FailedCreate", "no quota")
    events = {"Suggestion": [before, warning_event("ReconcileError", conflict)]}
    assert list(troubles(view, lambda kind, _: events.get(kind, []), list)) == [
        "no trial is suggested: FailedCreate: no quota"
    ]


def node(**allocatable):
    return {"status": {"allocatable": {"pods": "110", **allocatable}}}


SMALL_NODES = [
    node(cpu="2", memory="24543212Ki"),
    node(cpu="3500m", memory="8Gi", **{"nvidia.com/gpu": "1"}),
]


def why(message, *nodes, machine="n1-standard-8", **options):
    """Why the trial of a job waits whose pod the scheduler has such a message of."""
    job = submission(training={"scaleTier": "CUSTOM", "masterType": machine})
    manifest = build_experiment(job, KatibOptions(**options))
    pod = pod_of("t1", phase="Pending", conditions=[{**UNSCHEDULABLE, "message": message}])
    pod["spec"] = manifest["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]
    experiment = experiment_of(job, condition("Running"))
    experiment["metadata"]["annotations"] = manifest["metadata"]["annotations"]
    view = view_of(experiment, [trial_of(job, "t1", {"lr": 0.1}, condition("Running"))], [pod])
    [told] = troubles(view, lambda *_: [], lambda: nodes)
    return told.removeprefix("trial 1 waits: no node for its pod: ")


def test_a_machine_that_no_node_is_as_large_as_is_told_with_what_asks_for_less():
    message = "0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient memory."
    assert why(message, *SMALL_NODES, machine="n1-highmem-96") == (
        f"{message.rstrip('.')}; each trial asks for 95.19 CPUs (n1-highmem-96) and "
        "603.9 GiB of memory (n1-highmem-96), and no node has more than 3.5 CPUs and 23.41 GiB of memory; "
        "--cpu, --memory or a smaller machine asks for less"
    )


def test_what_a_flag_asked_for_is_told_as_the_flags():
    told = why("0/2 nodes are available: 2 Insufficient cpu.", *SMALL_NODES, cpu=64.0)
    assert told.endswith(
        "; each trial asks for 64 CPUs (--cpu), and no node has more than 3.5 CPUs; --cpu asks for less"
    )
    told = why("0/2 nodes are available: 2 Insufficient nvidia.com/gpu.", *SMALL_NODES, gpus=4)
    assert told.endswith(
        "; each trial asks for 4 GPUs (--gpus), and no node has more than 1 GPU; --gpus asks for less"
    )


def test_who_may_not_list_nodes_is_told_what_a_trial_asks_for():
    told = why("0/2 nodes are available: 2 Insufficient memory.", memory_bytes=64 * 2**30)
    assert told.endswith("; each trial asks for 64 GiB of memory (--memory); --memory asks for less")


def test_other_reasons_of_the_scheduler_are_told_as_they_are():
    message = "0/2 nodes are available: 2 node(s) had untolerated taint {a: b}."
    assert why(message, *SMALL_NODES) == message


def test_only_what_lasts_is_told():
    assert told(["a"], ["a"], lasting_s=60.0) == []
    heard = []
    notices = Notices(heard.append, 0.05)
    notices.tell_lasting(["gone soon", "1 stays"])
    threading.Event().wait(0.1)
    notices.tell_lasting(["2 stays"])
    notices.tell_lasting(["gone soon", "3 stays"])
    assert heard == ["2 stays"]


def test_describe_and_the_logs_say_why_a_trial_waits(make_katib_job):
    job = make_katib_job(maxTrials=1)
    job.katib.holds = lambda _: True
    backend = job.new_backend()
    backend.submit(job.submission)
    while not job.server.all("pods"):
        threading.Event().wait(0.05)
    status = backend.describe()
    assert status.state is JobState.RUNNING
    assert status.message.startswith("trial 1 waits: no node for its pod: 0/3 nodes are available")
    heard = threading.Event()
    job.warnings.clear()

    def warn(message):
        job.warnings.append(message)
        heard.set()

    lines = job.new_backend(warn=warn).stream_logs()

    def read():
        with suppress(JobDirError):
            list(lines)

    threading.Thread(target=read, daemon=True).start()
    assert heard.wait(20)
    job.server.remove("experiments", backend.experiment)
    assert job.warnings[0].startswith("trial 1 waits: no node for its pod")
