"""The Role says what client.py does: each method is called against a recorder in place of the API server."""

import inspect
import itertools
import json
from urllib.parse import urlsplit

import pytest
from checkouts import ROOT, rendered
from kubernetes.client import Configuration

from hptune.backends.katib.cluster.client import Cluster
from hptune.retry import Patience

EXPERIMENT = {"metadata": {"name": "tuning"}}
VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete", "PUT": "update"}
# With the arguments of each method; one that is missing here fails the test.
CALLS = {
    "create_experiment": (EXPERIMENT,),
    "create_job": (EXPERIMENT,),
    "experiment": ("tuning",),
    "experiments": (),
    "suggestion": ("tuning",),
    "limit_failures": ("tuning", 0),
    "annotate_experiment": ("tuning", {}),
    "delete_experiment": ("tuning",),
    "delete_trial": ("tuning-1",),
    "trials": ("tuning",),
    "follow_trials": ("tuning", 0.01),
    "pod": ("pod",),
    "pods": ("tuning",),
    "log": ("pod", "trainer"),
    "events": ("Trial", "tuning-1"),
}
# Of the deployer, who changes Katib's settings with rights of their own.
DEPLOYERS = {"edit_config_map"}


class Answer:
    status = 200
    data = json.dumps({"metadata": {"resourceVersion": "1"}, "items": []}).encode()

    def stream(self, **_):
        return iter(())

    def read(self, *_, **__):
        return b""

    def close(self):
        pass


class Recorder:
    """Stands in for the library's ApiClient: notes requests as RBAC has them, and answers with nothing."""

    def __init__(self):
        self.configuration = Configuration()
        self.asked = set()

    def call_api(self, path, method, query_params=(), **_):
        parts = urlsplit(path).path.strip("/").split("/")
        group = parts[1] if parts[0] == "apis" else ""
        resource, *rest = parts[parts.index("namespaces") + 2 :]
        if len(rest) == 2:
            resource = f"{resource}/{rest[1]}"
        if method == "GET":
            verb = "get" if rest else "watch" if dict(query_params).get("watch") else "list"
        else:
            verb = VERBS[method]
        self.asked.add((group, resource, verb))
        return Answer()


def public_methods():
    return {name for name, _ in inspect.getmembers(Cluster, inspect.isfunction) if not name.startswith("_")}


def test_every_method_is_called():
    # Nodes belong to no namespace: who may not list them is told less of a pod that none has room for.
    assert public_methods() == CALLS.keys() | DEPLOYERS | {"nodes"}


@pytest.mark.parametrize("overlay", ["gke", "local", "multi-user"])
def test_the_role_has_what_the_client_does_and_no_more(overlay):
    recorder = Recorder()
    cluster = Cluster(recorder, "kubeflow", patience=Patience(total_s=60, first_pause_s=0.01))
    for name, arguments in CALLS.items():
        result = getattr(cluster, name)(*arguments)
        if inspect.isgenerator(result):
            # Once for the list, once for the watch.
            list(itertools.islice(result, 2))
    objects = rendered(ROOT / "manifests" / "overlays" / overlay)
    (role,) = (
        each
        for each in objects
        if each["metadata"]["name"] == "hptune-experiments" and each["kind"] == "Role"
    )
    allowed = {
        each
        for rule in role["rules"]
        for each in itertools.product(rule["apiGroups"], rule["resources"], rule["verbs"])
    }
    assert allowed == recorder.asked
