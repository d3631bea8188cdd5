"""Real watchers, and real commands that they watch, on a stand-in for the cluster that the pods are in."""

import os
import signal
import subprocess
import sys
import time
from functools import partial

import kubernetes_validate
import pytest
from katib_stand_in import has
from kubernetes_stand_in import NAMESPACE, failing
from rules import KUBERNETES
from tiny_jobs import PRELUDE, job_text

from hptune.backends.katib.experiment.annotations import WATCHER_ANNOTATION, read_watcher
from hptune.backends.katib.watcher.guard import Guard
from hptune.backends.katib.watcher.watch import PodWatch
from hptune.results.status_file import load_status
from hptune.results.study import JobState, TrialState

PATIENCE_S = 240
SLEEPS_IN_THE_SECOND = "print(f'accuracy={x}', flush=True)\ntime.sleep(120 * (trial == 2))"


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def step_pod(name, **status):
    """A step's pod as Argo Workflows makes it, shortened."""
    container = {
        "name": "main",
        "image": "registry.test/trainer:1",
        "command": ["/var/run/argo/argoexec", "emissary", "--", "python"],
        "env": [
            {"name": "ARGO_CONTAINER_NAME", "value": "main"},
            {"name": "KFP_POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "CPUS", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
            {"name": "MINIO_ENDPOINT", "value": "store:9000"},
            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "store", "key": "key"}}},
        ],
        "envFrom": [{"secretRef": {"name": "more-keys"}}],
        "resources": {"requests": {"cpu": "4"}},
        "securityContext": {"runAsNonRoot": True},
        "volumeMounts": [
            {"name": "jobs", "mountPath": "/mnt/hptune"},
            {"name": "scratch", "mountPath": "/tmp/scratch"},
            {"name": "kube-api-access-x", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"},
        ],
    }
    return {
        "metadata": {"name": name, "uid": f"uid-of-{name}"},
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": "hptune-launcher",
            "nodeName": "node-7",
            "nodeSelector": {"pool": "cpu"},
            "containers": [{"name": "wait", "image": "argoexec:1"}, container],
            "volumes": [
                {"name": "jobs", "persistentVolumeClaim": {"claimName": "jobs"}},
                {"name": "unused", "secret": {"secretName": "argo"}},
                {"name": "scratch", "emptyDir": {}},
                {"name": "kube-api-access-x", "projected": {"sources": []}},
            ],
        },
        "status": {"phase": "Running", **status},
    }


def ended(code, **more):
    """The status of a step's pod whose sidecar still runs."""
    return {
        "phase": "Running",
        "containerStatuses": [
            {"name": "wait", "state": {"running": {}}},
            {"name": "main", "state": {"terminated": {"exitCode": code, **more}}},
        ],
    }


class Steps:
    """Runs `hptune submit` as the program of a pod, and what the Jobs that it makes say."""

    def __init__(self, katib, kubeconfig, folder):
        self.server = katib.server
        self.kubeconfig = kubeconfig
        self.folder = folder
        self.root = folder / "volume" / "job"
        self.processes = []
        (folder / "volume").mkdir()
        (folder / "trainer").mkdir()
        (folder / "trainer" / "__init__.py").touch()

    def write_trainer(self, body):
        starts = f"scratch = {str(self.folder)!r}\n"
        prelude = PRELUDE.replace("scratch = os.path.dirname(__file__)\n", starts)
        (self.folder / "trainer" / "task.py").write_text(prelude + body)
        (self.folder / "hptune.yaml").write_text(job_text(maxTrials=2, maxParallelTrials=1))

    def start(self, pod, *flags):
        """Starts the command in a pod; returns it when it watches the job."""
        if pod:
            self.server.put("pods", step_pod(pod))
        words = ["submit", "job", "--config", "hptune.yaml", "--namespace", NAMESPACE, "--stream-logs"]
        words += ["--module-name", "trainer.task", "--package-path", "trainer", "--job-dir", self.root]
        words += ["--volume-claim", "jobs", "--mount-path", self.folder / "volume", *flags]
        return self._run([sys.executable, "-m", "hptune", *map(str, words)], KFP_POD_NAME=pod)

    def _run(self, words, **variables):
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), **variables}
        process = subprocess.Popen(
            words,
            cwd=self.folder,
            env={name: value for name, value in environment.items() if value},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes.append(process)
        return process

    @property
    def jobs(self):
        """The watchers' Jobs, as they were made, oldest first."""
        requests = self.server.requests
        return [body for method, path, body in requests if method == "POST" and path.endswith("/jobs")]

    @property
    def experiment(self):
        return next(iter(self.server.all("experiments")), None)

    def watch(self, job):
        """Runs what a Job's container runs, but in haste; returns it when it has looked at the pod."""
        [container] = job["spec"]["template"]["spec"]["containers"]
        _, *words = container["command"]
        pod = words[words.index("--pod") + 1]
        before = self._looks_at(pod)
        watcher = self._run([sys.executable, *words, "--poll", "0.2", "--patience", "0.02"])
        wait_until(lambda: self._looks_at(pod) > before)
        return watcher

    def _looks_at(self, pod):
        requests = [(method, path) for method, path, _ in self.server.requests]
        return sum(method == "GET" and path.endswith(f"/pods/{pod}") for method, path in requests)

    def runs_the_second_trial(self):
        return (self.folder / "starts").exists() and "2" in (self.folder / "starts").read_text()

    def end_pod(self, pod, **status):
        self.server.change("pods", pod, lambda item: item["status"].update(status))


@pytest.fixture
def steps(katib, kubeconfig, tmp_path):
    steps = Steps(katib, kubeconfig, tmp_path)
    steps.write_trainer(SLEEPS_IN_THE_SECOND)
    yield steps
    for process in steps.processes:
        process.kill()
        process.communicate()


def assert_cancelled(steps, watcher):
    output, _ = watcher.communicate(timeout=PATIENCE_S)
    assert watcher.returncode == 0, output
    assert "the job is cancelled" in output
    assert steps.experiment is None
    kept = load_status(steps.root / "hptune" / "study.json")
    assert kept.state is JobState.CANCELLED
    assert [trial.state for trial in kept.study.trials] == [TrialState.SUCCEEDED, TrialState.CANCELLED]


def assert_stands_back(steps, watcher):
    output, _ = watcher.communicate(timeout=PATIENCE_S)
    assert watcher.returncode == 0, output
    assert "somebody else watches it" in output
    assert steps.experiment is not None


def test_the_job_ends_with_a_step_that_is_killed_and_what_is_known_is_kept(steps):
    command = steps.start("step", "--delete-on-cancel")
    wait_until(steps.runs_the_second_trial)
    [job] = steps.jobs
    watcher = steps.watch(job)
    command.send_signal(signal.SIGKILL)
    command.wait()
    assert watcher.poll() is None, "its pod has not ended yet"
    steps.end_pod("step", **ended(143))
    assert_cancelled(steps, watcher)


def test_the_job_ends_with_a_pod_that_is_deleted_though_the_watcher_is_evicted_meanwhile(steps):
    command = steps.start("step", "--delete-on-cancel")
    wait_until(steps.runs_the_second_trial)
    [job] = steps.jobs
    evicted = steps.watch(job)
    evicted.kill()
    command.kill()
    steps.server.remove("pods", "step")
    assert_cancelled(steps, steps.watch(job))


def test_a_watcher_stands_back_for_the_next_step_and_that_ones_watcher_does_not(steps):
    steps.start("first", "--delete-on-cancel")
    wait_until(steps.runs_the_second_trial)
    [job] = steps.jobs
    old = steps.watch(job)
    steps.processes[0].kill()
    steps.start("second", "--delete-on-cancel")
    newer = wait_until(lambda: steps.jobs[1:])[0]
    wait_until(lambda: read_watcher(steps.experiment) == newer["metadata"]["name"])
    steps.end_pod("first", phase="Failed")
    assert_stands_back(steps, old)
    steps.processes[-1].kill()
    steps.end_pod("second", phase="Failed")
    assert_cancelled(steps, steps.watch(newer))


def test_a_command_that_lets_the_job_go_on_sends_the_watcher_away(steps):
    steps.start("step", "--delete-on-cancel")
    wait_until(steps.runs_the_second_trial)
    [job] = steps.jobs
    watcher = steps.watch(job)
    steps.processes[0].kill()
    assert steps.start(None, "--async").wait(PATIENCE_S) == 0
    steps.server.remove("pods", "step")
    assert_stands_back(steps, watcher)


def test_a_watcher_ends_with_the_job(steps):
    steps.write_trainer("print(f'accuracy={x}')")
    command = steps.start("step", "--delete-on-cancel")
    watcher = steps.watch(wait_until(lambda: steps.jobs)[0])
    output, _ = command.communicate(timeout=PATIENCE_S)
    assert command.returncode == 0, output
    assert "the job has ended" in watcher.communicate(timeout=PATIENCE_S)[0]
    assert watcher.returncode == 0
    assert has(steps.experiment, "Succeeded")


def test_a_watcher_that_may_not_be_made_is_told_and_the_job_goes_on(steps):
    steps.write_trainer("print(f'accuracy={x}')")
    steps.server.faults.append(failing("POST .*/jobs", status=403))
    command = steps.start("step", "--delete-on-cancel")
    output, _ = command.communicate(timeout=PATIENCE_S)
    assert command.returncode == 0, output
    [warning] = [line for line in output.splitlines() if "no watcher could be started" in line]
    assert warning.startswith("hptune: warning: the job will go on if this pod is killed")
    assert 'apiGroups: ["batch"], resources: ["jobs"], verbs: ["create"]' in warning


@pytest.mark.parametrize(("pod", "flags"), [("step", []), (None, ["--delete-on-cancel"])])
def test_nobody_watches_a_job_that_is_to_go_on_nor_a_command_outside_of_a_pod(steps, pod, flags):
    steps.write_trainer("print(f'accuracy={x}')")
    command = steps.start(pod, *flags)
    output, _ = command.communicate(timeout=PATIENCE_S)
    assert command.returncode == 0, output
    assert steps.jobs == []
    assert "watcher" not in output


def test_a_pod_that_cannot_be_found_is_told_with_what_to_set(make_katib_job, cluster):
    job = make_katib_job(maxTrials=1)
    guard = Guard(lambda: cluster, "node-7")
    job.new_backend(delete_on_cancel=True, guard=guard).run(job.submission, lambda *_: None)
    [warning] = job.warnings
    assert "no watcher could be started: get pods 'node-7'" in warning
    assert "set KFP_POD_NAME" in warning


def test_trials_that_the_job_ended_without_end_with_the_pod(make_katib_job, cluster):
    """As when the step dies between the job's end and theirs."""
    body = "time.sleep(60 * (trial == 1))\nsys.exit(trial > 1)"
    job = make_katib_job(body, maxTrials=4, maxParallelTrials=2, maxFailedTrials=1)
    job.backend.submit(job.submission)
    cluster.annotate_experiment(job.backend.experiment, {WATCHER_ANNOTATION: "mine"})
    wait_until(lambda: has(job.experiment, "Failed"))
    job.server.put("pods", step_pod("step", phase="Failed"))
    pod = partial(cluster.pod, "step")
    watch = PodWatch(job.backend, cluster, pod, "uid-of-step", "mine", poll_s=0.1, patience=0.001)
    assert watch.run() == "the job had ended, and its last trials are stopped"
    assert [trial["metadata"]["name"][-2:] for trial in job.trials] == ["-2"]


def test_a_watcher_whose_job_is_never_made_ends_with_the_pod(make_katib_job, cluster):
    job = make_katib_job(maxTrials=1)
    job.server.put("pods", step_pod("step", phase="Failed"))
    pod = partial(cluster.pod, "step")
    watch = PodWatch(job.backend, cluster, pod, "uid-of-step", "mine", poll_s=0.1, patience=0.001)
    assert watch.run() == "there is no job"


def test_another_pod_of_the_same_name_is_not_the_one_that_is_watched(make_katib_job, cluster):
    job = make_katib_job("time.sleep(60)", maxTrials=1)
    job.root.mkdir()
    job.backend.submit(job.submission)
    cluster.annotate_experiment(job.backend.experiment, {WATCHER_ANNOTATION: "mine"})
    job.server.put("pods", step_pod("step"))
    pod = partial(cluster.pod, "step")
    watch = PodWatch(job.backend, cluster, pod, "uid-of-another", "mine", poll_s=0.1, patience=0.001)
    assert "the job is cancelled" in watch.run()


def test_a_watcher_has_what_the_step_has_to_keep_the_results_and_asks_for_little(server, cluster):
    server.put("pods", step_pod("step"))
    name = Guard(lambda: cluster, "step").start("census", "elsewhere", "census-0123")
    [job] = server.all("jobs")
    assert job["metadata"]["name"] == name
    del job["metadata"]["creationTimestamp"], job["metadata"]["resourceVersion"]
    kubernetes_validate.validate(job, KUBERNETES, strict=True)
    pod = job["spec"]["template"]["spec"]
    [container] = pod["containers"]
    arguments = ["census", "--namespace", "elsewhere", "--watcher", name]
    arguments += ["--pod", "step", "--uid", "uid-of-step"]
    assert container["command"] == ["python", "-P", "-m", "hptune.backends.katib.watcher", *arguments]
    assert container["image"] == "registry.test/trainer:1"
    assert [each["name"] for each in container["env"]] == ["MINIO_ENDPOINT", "KEY"]
    assert container["envFrom"] == [{"secretRef": {"name": "more-keys"}}]
    assert container["securityContext"] == {"runAsNonRoot": True}
    assert container["resources"]["requests"] == {"cpu": "10m", "memory": "128Mi"}
    assert container["volumeMounts"] == [{"name": "jobs", "mountPath": "/mnt/hptune"}]
    assert [each["name"] for each in pod["volumes"]] == ["jobs"]
    assert (pod["serviceAccountName"], pod["nodeSelector"]) == ("hptune-launcher", {"pool": "cpu"})
    assert "nodeName" not in pod
    assert pod["restartPolicy"] == "Never"
