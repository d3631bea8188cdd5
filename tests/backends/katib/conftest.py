import pytest
from katib_stand_in import katib_stand_in
from kubernetes import client as kubernetes_client
from kubernetes_stand_in import KUBECONFIG, NAMESPACE, kubernetes_stand_in
from tiny_jobs import TinyJob, job_text

from hptune.backends.katib.backend import KatibBackend
from hptune.backends.katib.cluster.client import Cluster
from hptune.backends.katib.options import KatibOptions
from hptune.job.submission import Program, Submission
from hptune.job.tuning_job import parse_job
from hptune.retry import Patience
from tests.buckets import bucket, s3_server

__all__ = ["bucket", "s3_server"]


@pytest.fixture
def server():
    with kubernetes_stand_in() as server:
        yield server


@pytest.fixture
def make_cluster(server):
    def make(namespace=NAMESPACE, *, at=server, first_patience=None, **patience):
        configuration = kubernetes_client.Configuration(host=at.host)
        configuration.retries = False
        given = Patience(**{"total_s": 2.0, "first_pause_s": 0.01, **patience})
        api = kubernetes_client.ApiClient(configuration)
        return Cluster(api, namespace, patience=given, first_patience=first_patience or given)

    return make


@pytest.fixture
def cluster(make_cluster):
    return make_cluster()


@pytest.fixture
def kubeconfig(server, tmp_path, monkeypatch):
    path = tmp_path / "config"
    path.write_text(KUBECONFIG.format(host=server.host))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return path


@pytest.fixture
def katib(server, tmp_path):
    with katib_stand_in(server, tmp_path / "pods") as katib:
        yield katib


@pytest.fixture
def make_katib_job(katib, cluster, tmp_path):
    """Makes jobs whose trials are pods of the stand-in; their directory is on a volume, a real directory."""
    volume = tmp_path / "volume"
    volume.mkdir()
    options = KatibOptions(NAMESPACE, volume_claim="jobs", mount_path=str(volume))

    def make(body="print(f'accuracy={x}')", *, name="job", user_args=(), job_dir=None, **tuning):
        scratch = tmp_path / f"{name}-trainer"
        scratch.mkdir(exist_ok=True)
        submission = Submission(
            name=name,
            job=parse_job(job_text(**tuning), "job.yaml"),
            program=Program("tiny_trainer", python_path=(str(scratch),)),
            user_args=user_args,
            job_dir=str(volume / name) if job_dir is None else job_dir,
        )
        job = KatibJob(submission, scratch, katib, cluster, options)
        job.write_trainer(body)
        return job

    return make


class KatibJob(TinyJob):
    """A job of the stand-in's cluster, and what it takes to run it."""

    def __init__(self, submission, scratch, katib, cluster, options):
        self.submission = submission
        self.katib = katib
        self.server = katib.server
        self.warnings = []
        self.scratch = scratch
        self._cluster = cluster
        self._options = options
        self.backend = self.new_backend()

    def new_backend(self, **more):
        """One that knows nothing of what others have seen of the job."""
        given = {"warn": self.warnings.append, "heartbeat_s": 1.0, "lasting_s": 0.0, **more}
        return KatibBackend(lambda: self._cluster, self.submission.name, self._options, **given)

    @property
    def experiment(self):
        return self.server.get("experiments", self.backend.experiment)

    @property
    def trials(self):
        return self.server.all("trials", ("katib.kubeflow.org/experiment", self.backend.experiment))
