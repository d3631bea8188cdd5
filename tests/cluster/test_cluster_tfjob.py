"""A trial of several tasks as a TFJob: a master, a worker and a parameter server, each a pod."""

from tests.cluster.users import job_file

TIER = {
    "scaleTier": "CUSTOM",
    "masterType": "standard",
    **{f"{role}Type": "standard" for role in ("worker", "parameterServer")},
    **{f"{role}Count": 1 for role in ("worker", "parameterServer")},
}
ONE_TRIAL = {"maxTrials": 1, "maxParallelTrials": 1, "algorithm": "RANDOM_SEARCH"}
# The master needs an answer of each, and one of a second worker: the first is deleted meanwhile.
MEETS_TWICE = """
import json, socket, uuid
config = json.loads(os.environ["TF_CONFIG"])
kind = config["task"]["type"]
own = f"{kind} {uuid.uuid4()}"
def ask(kind):
    host, _, port = config["cluster"][kind][0].partition(":")
    while True:
        try:
            with socket.create_connection((host, int(port)), timeout=5) as connection:
                if answer := connection.recv(100).decode():
                    return answer
        except OSError:
            time.sleep(0.2)
if kind == "master":
    first = ask("worker")
    print("met", first, ask("ps"), flush=True)
    print(f"score={x / 2}", flush=True)
    while (second := ask("worker")) == first:
        time.sleep(0.5)
    print("met again", second, flush=True)
    print(f"score={x}", flush=True)
else:
    print("score=7", flush=True)
    server = socket.create_server(("", 2222))
    while True:
        connection, _ = server.accept()
        connection.sendall(own.encode())
        connection.close()
"""


def cluster_file(**tuning):
    content = job_file(**{**ONE_TRIAL, **tuning})
    content["trainingInput"] |= TIER
    return content


def pod_of(job, kind):
    """The name of the running pod of a kind, and its id."""
    pods = [pod for pod in job.pods() if pod["status"].get("phase") == "Running"]
    labels = ((pod["metadata"], pod["metadata"]["labels"]) for pod in pods)
    return next(
        (
            (meta["name"], meta["uid"])
            for meta, own in labels
            if own["training.kubeflow.org/replica-type"] == kind
        ),
        None,
    )


def test_a_worker_whose_pod_is_deleted_is_made_again(user):
    job = user.job("tfjob", MEETS_TWICE, cluster_file())
    with job.submitted() as watched:
        name, uid = watched.wait_for("the worker runs", lambda: pod_of(job, "worker"))
        with job.followed() as followed:
            watched.wait_for("the tasks have met", lambda: "met worker" in followed.out)
            user.ask("delete", "pod", name, "--wait=false", "--grace-period=1")
            watched.wait_for("another worker runs", lambda: (pod_of(job, "worker") or (name, uid))[1] != uid)
            done = watched.end()
            followed.end()
    assert done.code == 0, done.err
    [trial] = job.trials()
    x = float(trial["hyperparameters"]["x"])
    # The master alone is measured.
    assert trial["finalMetric"]["objectiveValue"] == x
    tasks = {line.split("\t")[2] for line in followed.out.splitlines() if line.count("\t") >= 4}
    assert {"master-replica-0", "worker-replica-0", "ps-replica-0"} <= tasks
    assert "met again worker" in followed.out


def test_a_worker_that_always_fails_is_named(user):
    trainer = """
import json
if json.loads(os.environ["TF_CONFIG"])["task"]["type"] == "worker":
    raise ValueError("no such column")
time.sleep(600)
"""
    job = user.job("tfjob-failing", trainer, cluster_file())
    done = job.submit()
    assert done.code == 1
    assert "its worker-replica-0: exited with code 1: ValueError: no such column" in done.err
