"""Jobs submitted from Python, to the stand-in for a cluster."""

import pytest
from kubernetes_stand_in import NAMESPACE
from tiny_jobs import PRELUDE, job_text

import hptune


@pytest.fixture
def submit(tmp_path, kubeconfig, katib):
    assert kubeconfig.is_file()
    assert katib
    volume = tmp_path / "volume"
    package = tmp_path / "src" / "trainer"
    for folder in (volume, package):
        folder.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "task.py").write_text(PRELUDE + "print(f'accuracy={x}')")
    (tmp_path / "hptune.yaml").write_text(job_text(maxTrials=2))
    options = hptune.KatibOptions(namespace=NAMESPACE, volume_claim="jobs", mount_path=str(volume))

    def submit(**more):
        return hptune.submit(
            tmp_path / "hptune.yaml",
            options=options,
            module_name="trainer.task",
            package_path=package,
            job_dir=volume / "mine",
            **more,
        )

    return submit


def test_a_job_is_submitted_looked_at_and_waited_for(submit):
    assert submit().state.value in ("RUNNING", "SUCCEEDED")
    assert hptune.describe("mine", namespace=NAMESPACE).study.name == "mine"
    status = submit(wait=True)
    assert status.state.value == "SUCCEEDED"
    assert status.study.best is not None
