"""A cluster for the tests, and a user who has a namespace in it.

With KUBECONFIG it is the cluster named there, with Katib in it. These are then needed as well:
HPTUNE_TEST_REGISTRY, a registry that this machine pushes to and the cluster pulls from, such as
127.0.0.1:5000/hptune; HPTUNE_TEST_S3_ENDPOINT, the address of an object store that both reach;
HPTUNE_TEST_S3_BUCKET, a bucket there; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, its key.

Without KUBECONFIG a cluster of one node is built and started on this machine. It runs on after the tests;
``python -m tests.cluster down`` ends it.
"""

import fcntl
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster import bring_up, machine, settings
from tests.cluster.build import images
from tests.cluster.build.parts import kubectl
from tests.cluster.node import store
from tests.cluster.shell import MissingError
from tests.cluster.users import User

_NAMESPACE = "hptune-tests"
_LABELS = {"katib.kubeflow.org/metrics-collector-injection": "enabled"}


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.cluster)


@dataclass(frozen=True)
class TestCluster:
    """Where the tests' cluster, its registry and its object store are."""

    __test__ = False

    kubeconfig: Path
    registry: str
    bucket: str
    store: dict[str, str]
    kubectl: str
    engine: images.Engine


@pytest.fixture(scope="session")
def cluster():
    if os.environ.get("KUBECONFIG"):
        return _named_cluster()
    try:
        machine.check()
    except MissingError as error:
        pytest.skip(str(error))
    with _one_at_a_time():
        bring_up.bring_up()
    endpoint = {"AWS_ENDPOINT_URL": settings.S3, **store.CREDENTIALS}
    registry = f"{settings.REGISTRY}/hptune"
    return TestCluster(
        settings.KUBECONFIG, registry, f"s3://{store.BUCKET}", endpoint, str(kubectl()), images.OWN_ENGINE
    )


def _named_cluster():
    needed = ("HPTUNE_TEST_REGISTRY", "HPTUNE_TEST_S3_ENDPOINT", "HPTUNE_TEST_S3_BUCKET")
    needed += ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    missing = [name for name in needed if not os.environ.get(name)]
    if missing:
        pytest.skip(f"with KUBECONFIG these are needed as well: {', '.join(missing)}")
    program = shutil.which("kubectl")
    if not program:
        pytest.skip("kubectl is not installed")
    given = {name: os.environ[name] for name in needed}
    keys = {name: given[name] for name in needed if name.startswith("AWS_")}
    return TestCluster(
        Path(os.environ["KUBECONFIG"]),
        given["HPTUNE_TEST_REGISTRY"],
        f"s3://{given['HPTUNE_TEST_S3_BUCKET']}",
        {"AWS_ENDPOINT_URL": given["HPTUNE_TEST_S3_ENDPOINT"], "AWS_DEFAULT_REGION": "us-east-1", **keys},
        program,
        images.machines_engine(),
    )


@pytest.fixture(scope="session")
def image(cluster):
    """The hptune image of this checkout, in the cluster's registry."""
    with _one_at_a_time():
        revision = images.push_hptune(cluster.registry, cluster.engine)
    return f"{cluster.registry}/hptune:{revision}"


@pytest.fixture(scope="session")
def namespace(cluster, image, tmp_path_factory):
    """A namespace for trials, with the object store's key; and gp-bandit is registered with Katib."""
    user = _administrator(cluster, image, tmp_path_factory.mktemp("administrator"))
    with _one_at_a_time():
        user.make_namespace(_NAMESPACE, **_LABELS)
        registered = user.hptune("katib-register", "--image", image)
        assert registered.code == 0, registered.err
    return _NAMESPACE


def _administrator(cluster, image, home):
    return User(cluster.kubeconfig, _NAMESPACE, image, cluster.bucket, cluster.store, cluster.kubectl, home)


@pytest.fixture
def user(cluster, image, namespace, tmp_path):
    assert namespace == _NAMESPACE
    return _administrator(cluster, image, tmp_path)


@contextmanager
def _one_at_a_time():
    """Lets workers of one test run, and test runs of one machine, take turns."""
    settings.CACHE.mkdir(parents=True, exist_ok=True)
    with (settings.CACHE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
