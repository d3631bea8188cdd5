"""The client against real HTTP: what is seen of an Experiment's trials whatever happens to the connection."""

import json
import threading
import time

import pytest
from kubernetes import client as kubernetes_client
from kubernetes_stand_in import KUBECONFIG, Fault, failing, kubernetes_stand_in, status

from hptune.backends.katib.cluster.client import Cluster
from hptune.backends.katib.cluster.connection import connect
from hptune.backends.katib.cluster.errors import ExistsError, NotThereError
from hptune.backends.katib.experiment.names import EXPERIMENT_LABEL
from hptune.backends.katib.shortage import nodes_if_told
from hptune.errors import ClusterError, UsageError
from hptune.retry import ONCE, Patience

HEARTBEAT_S = 1.0


def trial(number, state="Created"):
    return {
        "metadata": {"name": f"job-{number}", "labels": {EXPERIMENT_LABEL: "job"}},
        "status": {"conditions": [{"type": state, "status": "True"}]},
    }


STORY = [
    (1, "Created"),
    (2, "Created"),
    (1, "Running"),
    (2, "Running"),
    (1, "Succeeded"),
    (3, "Created"),
    (2, "Failed"),
]


def tell(server, story=STORY):
    for number, state in story:
        server.put("trials", trial(number, state))


def state_of(trials):
    return {item["metadata"]["name"]: item["status"]["conditions"][0]["type"] for item in trials}


END = {"job-1": "Succeeded", "job-2": "Failed", "job-3": "Created"}


def follow_until(cluster, end):
    """All that was seen until the trials were as ``end`` says."""
    seen = []
    for trials in cluster.follow_trials("job", HEARTBEAT_S):
        seen.append(state_of(trials))
        if seen[-1] == end:
            return seen
    raise AssertionError("unreachable")


def watches(method, path):
    return method == "GET" and "watch=true" in path


def length_of_story():
    """Bytes that a watch sends of the whole story."""
    with kubernetes_stand_in() as server:
        tell(server)
        events = [event for _, _, event in server.history]
    return sum(len(json.dumps(event)) + 1 for event in events[1:])


@pytest.mark.parametrize("forget", [False, True])
def test_no_update_is_lost_wherever_a_watch_breaks_off(make_cluster, forget):
    for cut in range(0, length_of_story(), 23):
        with kubernetes_stand_in() as server:
            tell(server, STORY[:1])
            broken = Fault(watches, after_bytes=cut)
            # What is forgotten while nobody is connected can only be learned from a new list.
            again = Fault(watches, only_before=True, before=server.forget_history if forget else lambda: None)
            server.faults += [broken, again]
            follower = follow_in_thread(make_cluster(at=server, first_pause_s=0.001))
            tell(server, STORY[1:])
            assert follower() == END, cut
            assert not broken.times, "it did break"


def follow_in_thread(cluster):
    """Follows until the story's end; returns, once it has begun, what waits for the end."""
    seen, begun = [], threading.Event()

    def follow():
        for trials in cluster.follow_trials("job", HEARTBEAT_S):
            seen.append(state_of(trials))
            begun.set()
            if seen[-1] == END:
                return

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    assert begun.wait(10)

    def join():
        thread.join(20)
        assert not thread.is_alive(), "the last update never came"
        return seen[-1]

    return join


def test_every_change_is_told_as_it_happens(server, cluster):
    tell(server, STORY[:1])
    begun, seen = time.monotonic(), []
    for trials in cluster.follow_trials("job", 30):
        seen.append(state_of(trials))
        if len(seen) == 1:
            threading.Thread(target=tell, args=(server, STORY[1:])).start()
        if seen[-1] == END:
            break
    assert time.monotonic() - begun < 10, "not only with a heartbeat"
    assert len(seen) == len(STORY)


def test_trials_of_other_experiments_are_not_seen(server, cluster):
    other = trial(9)
    other["metadata"]["labels"] = {EXPERIMENT_LABEL: "other"}
    server.put("trials", other)
    tell(server)
    assert follow_until(cluster, END) == [END]


def test_a_deleted_trial_is_seen_to_go(server, cluster):
    tell(server)
    threading.Timer(0.2, server.remove, ("trials", "job-3")).start()
    assert follow_until(cluster, {"job-1": "Succeeded", "job-2": "Failed"})[0] == END


def test_a_silent_watch_has_a_heartbeat(server, cluster):
    tell(server)
    following = cluster.follow_trials("job", 1.0)
    assert [state_of(next(following)) for _ in range(2)] == [END, END]


def test_an_expired_version_is_listed_anew(server, cluster):
    tell(server, STORY[:1])
    expired = {"type": "ERROR", "object": {"code": 410, "reason": "Expired"}}
    server.faults.append(
        Fault(watches, event=expired, before=lambda: (tell(server, STORY[1:]), server.forget_history()))
    )
    assert follow_until(cluster, END)[-1] == END
    lists = [path for method, path, _ in server.requests if "watch" not in path]
    assert len(lists) == 2


def test_a_server_that_always_ends_watches_is_not_asked_without_a_pause(server, make_cluster):
    cluster = make_cluster(first_pause_s=0.05)
    tell(server)
    server.faults.append(Fault(watches, after_bytes=0, times=1000))
    following = cluster.follow_trials("job", 30)
    begun = time.monotonic()
    for _ in range(5):
        next(following)
    assert time.monotonic() - begun >= 3 * 0.05


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_what_passes_is_tried_again(server, cluster, code):
    server.put("experiments", {"metadata": {"name": "job"}})
    server.faults.append(failing("GET", status=code, body=b"<html>", times=2))
    assert cluster.experiment("job")["metadata"]["name"] == "job"
    assert len(server.requests) == 3


def test_a_server_that_asks_for_time_is_given_it(server, cluster):
    server.put("experiments", {"metadata": {"name": "job"}})
    server.faults.append(failing("GET", status=429, headers=(("Retry-After", "1"),)))
    begun = time.monotonic()
    cluster.experiment("job")
    assert time.monotonic() - begun >= 1


def test_connections_that_break_are_made_again(server, cluster):
    server.put("experiments", {"metadata": {"name": "job"}})
    server.faults.append(failing("GET", times=3))
    assert cluster.experiment("job")["metadata"]["name"] == "job"


def test_what_does_not_pass_is_told_with_where_and_why(server, make_cluster):
    cluster = make_cluster(total_s=0.1)
    server.faults.append(
        failing("GET", status=500, body=json.dumps(status(500, "", "etcd is down")).encode(), times=99)
    )
    with pytest.raises(ClusterError) as failure:
        cluster.trials("job")
    assert str(failure.value) == (
        "list trials.kubeflow.org in namespace 'team': the cluster answered 500 (etcd is down)"
    )


def test_a_cluster_that_is_not_there_is_named(server, make_cluster):
    cluster = make_cluster(total_s=0.05)
    server.shutdown()
    server.server_close()
    with pytest.raises(
        ClusterError, match=rf"get experiments.kubeflow.org 'x' .*{server.host} does not answer"
    ):
        cluster.experiment("x")


def test_a_right_that_is_missing_is_named_as_a_rule(server, cluster):
    body = json.dumps(status(403, "Forbidden", 'User "me" cannot list resource "trials"')).encode()
    server.faults.append(failing("GET", status=403, body=body))
    with pytest.raises(ClusterError) as failure:
        cluster.trials("job")
    rule = 'apiGroups: ["kubeflow.org"], resources: ["trials"], verbs: ["list"]'
    assert rule in str(failure.value)
    assert 'User "me" cannot list' in str(failure.value)


def test_the_right_to_read_logs_is_one_of_its_own(server, cluster):
    server.faults.append(failing("GET", status=403))
    with pytest.raises(ClusterError, match=r'apiGroups: \[""\], resources: \["pods/log"\], verbs: \["get"\]'):
        cluster.log("pod", "trainer")


def test_nodes_are_in_no_namespace_and_who_may_not_list_them_knows_none(server, cluster):
    server.put("nodes", {"metadata": {"name": "small"}, "status": {"allocatable": {"cpu": "2"}}})
    assert [each["metadata"]["name"] for each in nodes_if_told(cluster)] == ["small"]
    server.faults.append(failing("GET /api/v1/nodes", status=403, times=2))
    assert nodes_if_told(cluster) == ()
    with pytest.raises(ClusterError, match=r"list nodes: is forbidden; .*resources: \[\"nodes\"\]"):
        cluster.nodes()


def test_a_cluster_without_katib_is_told_from_a_job_that_is_not_there(server, cluster):
    with pytest.raises(NotThereError):
        cluster.experiment("x")
    server.kinds -= {"experiments"}
    with pytest.raises(ClusterError, match=r"the cluster has no experiments\.kubeflow\.org; install Katib"):
        cluster.experiment("x")


def test_a_namespace_that_is_not_there_is_a_fault_of_the_input(make_cluster):
    with pytest.raises(UsageError, match="--namespace: there is no namespace 'nowhere'"):
        make_cluster("nowhere").create_experiment({"metadata": {"name": "x"}})


def denied(reason):
    message = f'admission webhook "validator.experiment.katib.kubeflow.org" denied the request: {reason}'
    return json.dumps(status(400, "BadRequest", message)).encode()


def test_a_namespace_without_katibs_label_is_told_with_the_command(server, cluster):
    label = "katib.kubeflow.org/metrics-collector-injection"
    reason = f'Cannot create the Experiment "x": the namespace lacks label "{label}: enabled"'
    server.faults.append(failing("POST", status=400, body=denied(reason)))
    with pytest.raises(UsageError, match=f"kubectl label namespace team {label}=enabled"):
        cluster.create_experiment({"metadata": {"name": "x"}})


def test_what_katib_refuses_is_told_in_its_words(server, cluster):
    server.faults.append(failing("POST", status=400, body=denied("spec.algorithm.algorithmName: unknown")))
    with pytest.raises(UsageError, match=r"is refused by Katib: spec\.algorithm\.algorithmName: unknown"):
        cluster.create_experiment({"metadata": {"name": "x"}})


def test_who_is_not_known_is_told_to_log_in(server, cluster):
    server.token = "secret"
    with pytest.raises(ClusterError, match="the cluster does not know who asks; log in again"):
        cluster.trials("job")


def test_a_creation_whose_answer_was_lost_is_seen_to_exist(server, cluster):
    make = {"metadata": {"name": "x"}}
    server.faults.append(failing("POST", before=lambda: server.put("experiments", make)))
    with pytest.raises(ExistsError):
        cluster.create_experiment(make)


def test_a_log_of_a_container_that_waits_is_empty(server, cluster):
    server.put("pods", {"metadata": {"name": "pod"}})
    assert cluster.log("pod", "trainer") == b""
    assert cluster.log("gone", "trainer") == b""


def test_what_others_write_to_a_config_map_meanwhile_is_kept(server, cluster):
    def write(key):
        server.change("configmaps", "config", lambda item: item["data"].update({key: "theirs"}))

    server.put("configmaps", {"metadata": {"name": "config"}, "data": {"a": "1"}})
    for key in ("b", "c"):
        server.faults.append(failing("PUT", only_before=True, before=lambda key=key: write(key)))
    assert cluster.edit_config_map("config", lambda data: {**data, "ours": "yes"})
    data = server.get("configmaps", "config")["data"]
    assert data == {"a": "1", "b": "theirs", "c": "theirs", "ours": "yes"}
    assert not cluster.edit_config_map("config", lambda data: data)


@pytest.mark.usefixtures("kubeconfig")
def test_kubectls_own_configuration_says_where_and_who(server):
    server.token = "secret"
    assert connect().namespace == "team"
    assert connect("team", "there").trials("job") == []
    assert connect(None, "there").namespace == "default"


@pytest.mark.usefixtures("kubeconfig")
def test_a_context_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match=r"--context: no cluster to talk to: .*elsewhere"):
        connect(None, "elsewhere")


def test_without_any_configuration_there_is_no_cluster(kubeconfig):
    kubeconfig.unlink()
    with pytest.raises(UsageError, match="kubeconfig: no cluster to talk to"):
        connect()


@pytest.mark.parametrize(
    "text",
    [
        "a: [b",
        "[]",
        "hello",
        "current-context: [here]",
        "clusters: [{}]",
        "clusters: 3",
        "!!python/object/apply:os.abort []",
        "\0",
        KUBECONFIG.replace("user: {{token: secret}}", "token: secret"),
        KUBECONFIG.replace("server:", "certificate-authority-data: '!', server:"),
        KUBECONFIG.replace('"{host}"', "h"),
    ],
)
def test_a_configuration_that_is_damaged_is_a_fault_of_the_input_and_its_secrets_stay_in_it(kubeconfig, text):
    kubeconfig.write_text(text.replace("{{", "{").replace("}}", "}"))
    with pytest.raises(UsageError, match="kubeconfig: ") as refusal:
        connect()
    assert "secret" not in str(refusal.value)


@pytest.mark.usefixtures("kubeconfig")
@pytest.mark.parametrize("namespace", ["..", "a/b", "Team", "-"])
def test_what_is_no_namespace_is_refused(namespace):
    with pytest.raises(UsageError, match="--namespace: "):
        connect(namespace)


@pytest.mark.parametrize("answer", [b"<html>Sign in</html>", b"[]", b'{"error": "sign in"}', b"\xff"])
def test_what_answers_but_is_no_cluster_is_told_from_one(server, cluster, answer):
    server.faults.append(failing("GET", status=200, body=answer))
    with pytest.raises(ClusterError, match=r"is not the API of a Kubernetes cluster"):
        cluster.trials("job")


def test_a_wrong_address_is_not_waited_for_as_long_as_a_server_that_is_away(server, make_cluster):
    cluster = make_cluster(total_s=60, first_patience=Patience(total_s=0.05, first_pause_s=0.01))
    server.faults.append(failing("GET", times=99))
    begun = time.monotonic()
    with pytest.raises(ClusterError, match="does not answer"):
        cluster.trials("job")
    assert time.monotonic() - begun < 10
    server.faults.clear()
    cluster.trials("job")
    server.faults.append(failing("GET", times=6))
    assert cluster.trials("job") == []


def test_in_a_pod_its_own_cluster_and_namespace_are_meant(tmp_path, monkeypatch):
    for name, text in (("token", "secret"), ("ca.crt", "a certificate"), ("namespace", "team\n")):
        (tmp_path / name).write_text(text)
    module = "kubernetes.config.incluster_config"
    monkeypatch.setattr(f"{module}.SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(f"{module}.SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert connect().namespace == "team"
    assert connect("other").namespace == "other"


def test_a_connection_that_is_not_secure_is_told(server):
    configuration = kubernetes_client.Configuration(host=server.host.replace("http:", "https:"))
    configuration.retries = False
    cluster = Cluster(kubernetes_client.ApiClient(configuration), "team", first_patience=ONCE)
    with pytest.raises(ClusterError, match=r"list trials.* no secure connection to https://127"):
        cluster.trials("job")
