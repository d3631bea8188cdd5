"""Users with fewer rights than an administrator's."""

import json
import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster.users import job_file, wait_for

ROLE = Path(__file__).parents[2] / "manifests" / "base" / "experiments.yaml"
TRAINER = "print(f'score={x}')\n"


@pytest.fixture
def account(user, tmp_path):
    """A user with an account of the namespace that has no rights; and what gives it a role."""
    name = f"someone-{secrets.token_hex(3)}"
    user.ask("create", "serviceaccount", name)
    token = user.ask("create", "token", name, "--duration=1h").strip()
    view = json.loads(user.ask("config", "view", "--minify", "--flatten", "--raw", "--output", "json"))
    view["users"] = [{"name": "someone", "user": {"token": token}}]
    view["contexts"][0]["context"]["user"] = "someone"
    home = tmp_path / "someone"
    home.mkdir()
    path = home / "config"
    path.write_text(json.dumps(view))
    yield replace(user, kubeconfig=path, home=home), name
    user.ask("delete", "serviceaccount,rolebinding", name, "--ignore-not-found")


def test_a_user_without_rights_is_told_which_one_is_missing(account):
    someone, _ = account
    done = someone.job("forbidden", TRAINER).submit()
    assert done.code == 1, done.err
    assert 'resources: ["experiments"], verbs: ["get"]' in done.err
    assert "Traceback" not in done.err
    described = someone.hptune("describe", "anything", "--namespace", someone.namespace)
    assert described.code == 1
    assert "forbidden" in described.err.lower() or "may not" in described.err.lower()


def test_the_role_of_the_manifests_is_enough_to_submit_follow_and_cancel(user, account):
    someone, name = account
    user.ask("apply", "--namespace", user.namespace, "--filename", ROLE)
    user.ask(
        "create",
        "rolebinding",
        name,
        "--role=hptune-experiments",
        f"--serviceaccount={user.namespace}:{name}",
    )
    job = someone.job("allowed", TRAINER, job_file(maxTrials=1, maxParallelTrials=1))
    done = job.submit()
    assert done.code == 0, done.err
    assert job.describe()["state"] == "SUCCEEDED"
    assert "score=" in someone.hptune("stream-logs", *job.words).out
    assert job.cancel().code == 0
    wait_for("its Experiment is gone", lambda: not replace(job, user=user).experiment)
