"""An Experiment whose trials run in the user's own image, which has no hptune."""

from pathlib import Path

import pytest
import yaml

from hptune import __version__
from hptune.backends.katib.experiment.build import build_experiment
from hptune.backends.katib.options import KatibOptions
from hptune.job.request import Place, Request, resolve
from hptune.job.runtime import IMAGE_PYTHON, RuntimeKind
from hptune.job.submission import SUBMISSION_FORM
from tests.backends.katib import pod_of_a_trial
from tests.cases.small_jobs import Folder
from tests.entry_point import call
from tests.registry import registry

CONFIG = {"Entrypoint": ["python", "task.py"]}
IMAGE = {"masterConfig": {"imageUri": "gcr.io/p/i:1"}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path)


def experiment(line):
    ended = call(f"katib hptune.yaml --name c {line}")
    assert ended.code == 0, ended.err
    return yaml.safe_load(ended.out), ended.err


def pod_of(manifest):
    job = pod_of_a_trial.render(manifest, {"x": "0.5"}, "c-7")
    return job["spec"]["template"]["spec"]


def test_the_image_runs_unchanged_with_hptunes_program_beside_it(folder):
    folder.write_job(training=IMAGE)
    manifest, warnings = experiment("--hptune-image registry/hptune:2 --command 'python task.py'")
    pod = pod_of(manifest)
    (init,), (container,) = pod["initContainers"], pod["containers"]
    assert (init["image"], container["image"]) == ("registry/hptune:2", "gcr.io/p/i:1")
    assert container["command"] == ["/bin/sh", "/hptune-program/run", "hptune.trial"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert mounts["program"] == {"name": "program", "mountPath": "/hptune-program", "readOnly": True}
    assert {"name": "program", "emptyDir": {}} in pod["volumes"]
    # As the image's own user, who may be root.
    assert not {"runAsUser", "runAsNonRoot"} & {*pod["securityContext"], *container["securityContext"]}
    assert init["securityContext"]["runAsNonRoot"]
    assert "must have hptune" not in warnings


def test_what_the_image_runs_is_read_from_a_stand_in_for_its_registry_and_is_no_part_of_the_job(folder):
    folder.write_job()
    with registry(CONFIG) as server:
        manifest, _ = experiment(f"--master-image-uri {server.image}")
    (container,) = pod_of(manifest)["containers"]
    document = next(each["value"] for each in container["env"] if each["name"] == "HPTUNE_TRIAL")
    assert '"entrypoint":["python","task.py"]' in document
    submission = SUBMISSION_FORM.parse(manifest["metadata"]["annotations"]["hptune.dev/submission"])
    assert submission.identity["command"] == []


def test_a_registry_that_does_not_answer_is_one_message_that_names_the_way_out(folder):
    folder.write_job(training={"masterConfig": {"imageUri": "127.0.0.1:1/p/i:1"}})
    refused = call("katib hptune.yaml --name c")
    assert (refused.code, refused.out) == (2, "")
    assert "masterConfig.imageUri 127.0.0.1:1/p/i:1" in refused.err
    assert "--command" in refused.err


def test_an_image_with_hptune_is_not_asked_and_needs_a_command(folder):
    folder.write_job(training=IMAGE)
    manifest, _ = experiment("--image mine:3 --command 'python task.py'")
    pod = pod_of(manifest)
    assert pod["containers"][0]["image"] == "mine:3"
    assert pod["securityContext"]["runAsNonRoot"]
    assert "initContainers" not in pod
    refused = call("katib hptune.yaml --name c --image mine:3")
    assert refused.code == 2
    assert "--image: is an image with hptune, in which --command or --module-name must say" in refused.err


def test_packages_are_not_put_into_the_users_image(folder):
    folder.write_job(training=IMAGE)
    refused = call("katib hptune.yaml --name c --packages gs://b/p.tar.gz --command task")
    assert refused.code == 2
    assert "cannot be put into a container of gcr.io/p/i:1" in refused.err


@pytest.mark.parametrize(("runtime", "api"), [("tf1", "1"), ("keras2", "2")])
def test_a_managed_runtime_is_that_of_its_own_image(folder, runtime, api):
    folder.write_job()
    request = Request(folder.path / "hptune.yaml", "c", "trainer.task", runtime=RuntimeKind(runtime))
    submission = resolve(request, Place.CLUSTER)
    assert submission.program.python == IMAGE_PYTHON
    assert submission.program.variables == {"HPTUNE_TF_API": api}
    container = pod_of(build_experiment(submission, KatibOptions()))["containers"][0]
    assert container["image"] == f"hptune/trainer-tf1:{__version__}"
    named = pod_of(build_experiment(submission, KatibOptions(image="mine:1")))["containers"][0]
    assert named["image"] == "mine:1"


def test_the_image_of_a_managed_runtime_has_its_interpreter_where_it_is_looked_for():
    dockerfile = (Path(__file__).parents[3] / "images" / "Dockerfile").read_text()
    assert f'"${{TENSORFLOW}}" {IMAGE_PYTHON.removesuffix("/bin/python")}\n' in dockerfile
