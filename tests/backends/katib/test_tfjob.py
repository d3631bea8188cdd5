"""Trials of several tasks as TFJobs: what the cluster is told, and what is made of what it says."""

import pytest
from cluster_objects import condition, ended_with, experiment_of, pod_of, trial_of, view_of
from kubernetes_stand_in import NAMESPACE
from submissions import submission

from hptune.backends.katib import logs
from hptune.backends.katib.experiment.build import build_experiment
from hptune.backends.katib.experiment.checks import differences
from hptune.backends.katib.options import KatibOptions
from hptune.backends.katib.status import study_of
from hptune.trial.outcome import Outcome
from hptune.trial.spec import TRIAL_FORM

ROLE = "training.kubeflow.org/replica-type"
CUSTOM = {
    "scaleTier": "CUSTOM",
    "masterType": "standard_gpu",
    "masterConfig": {"imageUri": "gcr.io/p/master:1"},
    "workerType": "n1-standard-16",
    "workerCount": 2,
    "workerConfig": {"acceleratorConfig": {"count": 2, "type": "NVIDIA_TESLA_T4"}},
    "parameterServerType": "n1-highmem-8",
    "parameterServerCount": 1,
    "parameterServerConfig": {"imageUri": "gcr.io/p/servers:1"},
    "evaluatorType": "standard",
    "evaluatorCount": 1,
}


def template_of(training, **options):
    job = submission(training=training, job_dir="/jobs/a")
    options = KatibOptions(namespace=NAMESPACE, volume_claim="jobs", mount_path="/jobs", **options)
    return build_experiment(job, options)["spec"]["trialTemplate"]


def replicas_of(training, **options):
    return template_of(training, **options)["trialSpec"]["spec"]["tfReplicaSpecs"]


def container_of(replica):
    [container] = replica["template"]["spec"]["containers"]
    return container


def test_a_tier_with_workers_is_a_tfjob_that_succeeds_with_its_master():
    template = template_of({"scaleTier": "STANDARD_1"})
    job = template["trialSpec"]
    assert (job["apiVersion"], job["kind"]) == ("kubeflow.org/v1", "TFJob")
    counts = {kind: each["replicas"] for kind, each in job["spec"]["tfReplicaSpecs"].items()}
    assert counts == {"Master": 1, "Worker": 4, "PS": 3}
    assert template["primaryPodLabels"] == {"training.kubeflow.org/job-role": "master"}
    assert template["primaryContainerName"] == "tensorflow"
    assert template["successCondition"] == 'status.conditions.#(type=="Succeeded")#|#(status=="True")#'
    # Else the operator fails a job whose worker's pod is deleted.
    assert job["spec"]["enableDynamicWorker"] is True
    # A gang scheduler starts all or none.
    assert job["spec"]["runPolicy"]["schedulingPolicy"] == {"minAvailable": 8}


def test_a_trial_of_one_task_stays_a_job():
    assert template_of({"scaleTier": "BASIC"})["trialSpec"]["kind"] == "Job"


@pytest.mark.parametrize(
    ("training", "kind"),
    [({}, "Master"), ({"runtimeVersion": "2.3"}, "Chief"), ({"useChiefInTfConfig": True}, "Chief")],
)
def test_the_master_is_called_as_tf_config_calls_it(training, kind):
    assert next(iter(replicas_of({"scaleTier": "STANDARD_1", **training}))) == kind


def test_each_role_has_its_machine_its_gpus_and_its_image():
    replicas = replicas_of(CUSTOM)
    containers = {kind: container_of(each) for kind, each in replicas.items()}
    gpus = {k: c["resources"].get("limits", {}).get("nvidia.com/gpu") for k, c in containers.items()}
    assert gpus == {"Master": "1", "Worker": "2", "PS": None, "Evaluator": None}
    cpus = {k: c["resources"]["requests"]["cpu"] for k, c in containers.items()}
    assert cpus == {"Master": "7410m", "Worker": "15390m", "PS": "7410m", "Evaluator": "3420m"}
    assert {k: c["image"] for k, c in containers.items()} == {
        "Master": "gcr.io/p/master:1",
        "Worker": "gcr.io/p/master:1",
        "PS": "gcr.io/p/servers:1",
        "Evaluator": "gcr.io/p/master:1",
    }
    assert "nodeSelector" not in replicas["PS"]["template"]["spec"]


def test_gpus_of_a_flag_are_for_what_computes():
    containers = {kind: container_of(each) for kind, each in replicas_of(CUSTOM, gpus=4).items()}
    gpus = {k: c["resources"].get("limits", {}).get("nvidia.com/gpu") for k, c in containers.items()}
    assert gpus == {"Master": "4", "Worker": "4", "PS": None, "Evaluator": None}


def test_every_task_has_the_same_program_and_the_same_document():
    containers = [container_of(each) for each in replicas_of(CUSTOM).values()]
    assert all(each["command"] == containers[0]["command"] for each in containers)
    assert all(each["env"] == containers[0]["env"] for each in containers)
    [document] = containers[0]["env"]
    spec = TRIAL_FORM.parse(document["value"])
    assert {role.value: count for role, count in spec.tasks.items()} == {"worker": 2, "ps": 1, "evaluator": 1}


def test_a_directory_that_tasks_do_not_share_is_said():
    job = submission(training={"scaleTier": "STANDARD_1"})
    said = "; ".join(differences(job, KatibOptions()))
    assert "each task of a trial writes to a directory of its own pod" in said
    on_volume = submission(training={"scaleTier": "STANDARD_1"}, job_dir="/jobs/a")
    assert "directory of its own pod" not in "; ".join(differences(on_volume, KatibOptions()))


def task_pod(trial, kind, index=0, **more):
    pod = pod_of(trial, **more)
    labels = {ROLE: kind, "training.kubeflow.org/replica-index": str(index)}
    if kind in ("master", "chief"):
        labels["training.kubeflow.org/job-role"] = "master"
    pod["metadata"]["labels"] |= labels
    pod["metadata"]["name"] = f"{trial}-{kind}-{index}"
    for container in pod["status"]["containerStatuses"]:
        container["name"] = container["name"].replace("trainer", "tensorflow")
    return pod


@pytest.fixture
def failed():
    """A job whose first trial was ended by a worker: its master's pod is deleted then."""
    job = submission(training={"scaleTier": "STANDARD_1"})
    name = f"{experiment_of(job)['metadata']['name']}-1"
    trial = trial_of(job, name, {"lr": 0.1}, condition("Failed"))
    worker = Outcome(3, None, "exited with code 3: ValueError: no such column", 1.0, 2.0)
    pods = [
        task_pod(name, "worker", 0, state={"running": {"startedAt": "2026-11-24T08:00:03Z"}}),
        task_pod(name, "worker", 1, state=ended_with(worker)),
    ]
    return job, name, trial, pods


def test_the_task_that_failed_a_trial_is_named(failed):
    job, _, trial, pods = failed
    [told] = study_of(job, view_of(experiment_of(job), [trial], pods)).trials
    assert told.message == "its worker-replica-1: exited with code 3: ValueError: no such column"


def test_the_master_alone_says_how_a_trial_ended(failed):
    job, name, _, pods = failed
    good = Outcome(0, None, "", 1.0, 2.0)
    master = task_pod(name, "master", state=ended_with(good), created="2026-11-24T07:59:00Z")
    view = view_of(
        experiment_of(job), [trial_of(job, name, {"lr": 0.1}, condition("Running"))], [*pods, master]
    )
    assert view.pod_of(name) is master
    [told] = study_of(job, view).trials
    assert told.message == ""


def test_logs_name_the_task(failed, server, cluster):
    job, name, trial, pods = failed
    for pod in (master := task_pod(name, "chief", state={"terminated": {"exitCode": 0}}), *pods):
        server.put("pods", pod)
        server.logs[pod["metadata"]["name"]] = f"2026-11-24T08:00:01.0Z of {pod['metadata']['name']}\n"
    view = view_of(experiment_of(job), [trial], [master, *pods])
    lines = logs.follow(cluster, lambda: view, lambda _: False)
    assert {each.text.removeprefix(f"of {name}-"): each.task for each in lines} == {
        "chief-0": "master-replica-0",
        "worker-0": "worker-replica-0",
        "worker-1": "worker-replica-1",
    }
