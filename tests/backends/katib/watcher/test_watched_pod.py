"""What the state of a watched pod means."""

import pytest
from test_watcher import ended, step_pod

from hptune.backends.katib.watcher.pod import grace_s, has_ended, own_container, pod_name

SOON_S, LATER_S = 20.0, 300.0
DISRUPTED = {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"KFP_POD_NAME": "tune-1", "HOSTNAME": "node-7"}, "tune-1"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "tune-1"}, "tune-1"),
        ({"HOSTNAME": "laptop"}, None),
    ],
)
def test_the_name_of_the_pod_that_a_process_runs_in(environment, name):
    assert pod_name(environment) == name


@pytest.mark.parametrize(
    ("status", "grace"),
    [
        (ended(143, reason="Error"), SOON_S),
        (ended(130, reason="Error"), SOON_S),
        (ended(137, reason="Error"), SOON_S),
        (ended(137, reason="OOMKilled"), LATER_S),
        (ended(1, reason="Error"), LATER_S),
        ({**ended(143), **DISRUPTED}, LATER_S),
        ({**ended(137), "phase": "Failed", "reason": "Evicted"}, LATER_S),
    ],
)
def test_a_step_that_was_told_to_stop_is_not_waited_for_as_long_as_one_that_may_be_tried_again(status, grace):
    pod = step_pod("step", **status)
    assert has_ended(pod)
    assert grace_s(pod) == grace


def test_a_pod_that_somebody_deletes_is_not_tried_again():
    pod = step_pod("step")
    pod["metadata"]["deletionTimestamp"] = "2026-11-24T08:00:00Z"
    assert not has_ended(pod), "it still has its grace period"
    assert grace_s(pod) == SOON_S
    assert grace_s(None) == LATER_S, "nobody knows how it ended"


def test_a_pod_that_argo_does_not_wait_for_any_more_has_ended_though_it_runs():
    pod = step_pod("step")
    pod["metadata"]["labels"] = {"workflows.argoproj.io/completed": "false"}
    assert not has_ended(pod)
    pod["metadata"]["labels"] = {"workflows.argoproj.io/completed": "true"}
    assert has_ended(pod)
    assert grace_s(pod) == SOON_S
    pod["status"] = ended(1)
    assert grace_s(pod) == LATER_S, "a step that failed may be tried again"


def test_a_container_that_is_started_again_has_not_ended():
    pod = step_pod("step", **ended(137))
    pod["spec"]["restartPolicy"] = "OnFailure"
    assert not has_ended(pod)


def test_a_sidecar_that_ends_is_not_the_step():
    pod = step_pod("step", containerStatuses=[{"name": "wait", "state": {"terminated": {"exitCode": 1}}}])
    assert not has_ended(pod)


def test_the_container_of_a_pod_that_is_not_argos():
    pod = step_pod("step")
    pod["spec"]["containers"][1]["name"] = "notebook"
    assert own_container(pod)["name"] == "wait", "the first one"
    pod["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": "notebook"}
    assert own_container(pod)["name"] == "notebook"
