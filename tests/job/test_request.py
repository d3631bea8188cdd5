import sys
from pathlib import Path

import pytest

from hptune.errors import UsageError
from hptune.job.request import Place, Request, resolve
from hptune.job.runtime import RuntimeKind
from tests.job_texts import PARAM

JOB_FILE = """\
trainingInput:
  packageUris: [dist/trainer.whl]
  args: ["--from", "file"]
  pythonModule: trainer.task
  hyperparameters:
    params: [{parameterName: lr, type: DOUBLE, minValue: 1, maxValue: 2}]
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in {"hptune.yaml": JOB_FILE, "dist/trainer.whl": "", "code/__init__.py": ""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "code" / "task.py").touch()
    return tmp_path


def request(**flags):
    return Request(config=Path("hptune.yaml"), name="j", **flags)


def here(request):
    return resolve(request, Place.HERE)


def in_a_cluster(request):
    return resolve(request, Place.CLUSTER)


def test_what_the_flags_leave_out_comes_from_the_job_file(home):
    submission = here(request())
    assert submission.program.module == "trainer.task"
    assert submission.user_args == ("--from", "file")
    assert submission.packages == (str(home / "dist/trainer.whl"),)
    assert submission.program.python_path == (str(home / "hptune-jobs/j/hptune/packages"),)


def test_flags_override_the_job_file(home):
    submission = here(
        request(module_name="code.task", package_path=Path("code"), user_args=("--from", "flags"))
    )
    assert submission.program.module == "code.task"
    assert submission.user_args == ("--from", "flags")
    assert submission.packages == ()
    assert submission.program.python_path == (str(home),)


def test_archives_in_buckets_are_refused_unless_flags_replace_them(home):
    (home / "hptune.yaml").write_text(JOB_FILE.replace("dist/", "gs://b/"))
    with pytest.raises(UsageError, match=r"--packages: 'gs://b/trainer.whl' is not a file; must be a local"):
        here(request())
    assert here(request(packages=("dist/trainer.whl",))).packages == (str(home / "dist/trainer.whl"),)


def test_a_module_of_the_environment_needs_no_package():
    assert here(request(module_name="json.tool", packages=())).program.module == "json.tool"


def test_a_package_that_can_run_is_a_module(home):
    with pytest.raises(UsageError, match=r"__main__.py does not exist"):
        here(request(module_name="code", package_path=Path("code")))
    (home / "code" / "__main__.py").touch()
    assert here(request(module_name="code", package_path=Path("code"))).program.module == "code"


def test_a_module_that_is_looked_for_is_not_imported(home):
    (home / "code" / "__init__.py").write_text("raise SystemExit('imported')")
    assert here(request(module_name="code.task")).program.python_path[0] == str(home)


CLUSTER_JOB = JOB_FILE.replace("dist/", "gs://b/")


def test_a_cluster_takes_addresses_and_looks_for_nothing_on_this_machine(home):
    (home / "hptune.yaml").write_text(CLUSTER_JOB)
    submission = in_a_cluster(request(job_dir="gs://b/jobs/j/", module_name="elsewhere.task"))
    assert submission.program.module == "elsewhere.task"
    assert submission.program.python_path == ()
    assert submission.packages == ("gs://b/trainer.whl",)
    assert submission.job_dir == "gs://b/jobs/j"
    assert submission.pass_job_dir
    assert submission.user_args == ("--from", "file")


def test_a_cluster_job_without_a_directory_gives_trainers_none(home):
    (home / "hptune.yaml").write_text(CLUSTER_JOB)
    submission = in_a_cluster(request())
    assert (submission.job_dir, submission.pass_job_dir) == ("", False)


def test_a_cluster_job_is_named_after_its_directory(home):
    (home / "hptune.yaml").write_text(CLUSTER_JOB)
    job = Request(config=Path("hptune.yaml"), job_dir="s3://b/jobs/first")
    assert in_a_cluster(job).name == "first"


def test_a_package_that_is_yet_to_be_put_somewhere_replaces_the_job_files():
    assert in_a_cluster(request(package_path=Path("code"))).packages == ()


def test_what_a_cluster_cannot_use_is_refused_at_once(home):
    (home / "hptune.yaml").write_text(JOB_FILE.replace("trainer.task", "no-module"))
    with pytest.raises(UsageError) as caught:
        in_a_cluster(Request(config=Path("hptune.yaml"), job_dir="out", package_path=None))
    assert [fault.place for fault in caught.value.faults] == ["--job-dir", "--packages", "--module-name"]
    for job_dir in ("https://me:secret@host/x?key=secret", "file:///x", "ftp://x"):
        with pytest.raises(UsageError, match="cannot be written to; allowed: gs://") as refusal:
            in_a_cluster(request(job_dir=job_dir, packages=("gs://b/x.whl",), module_name="a.b"))
        assert "secret" not in str(refusal.value)


def test_an_image_alone_is_a_program_of_a_cluster(home):
    (home / "hptune.yaml").write_text(
        "masterConfig: {imageUri: gcr.io/p/t}\nhyperparameters: {params: [" + PARAM + "]}"
    )
    program = in_a_cluster(request()).program
    assert (program.image, program.command, program.module) == ("gcr.io/p/t", (), None)
    with_hptune = in_a_cluster(request(command="task", runtime=RuntimeKind.PYTHON)).program
    assert (with_hptune.image, with_hptune.command) == ("", ("task",))


def test_an_interpreter_named_here_runs_the_command_without_the_jobs_image(home):
    (home / "hptune.yaml").write_text(
        "masterConfig: {imageUri: gcr.io/p/t}\nhyperparameters: {params: [" + PARAM + "]}"
    )
    named = here(request(command=f"{sys.executable} -V", python=sys.executable))
    assert (named.program.image, named.runtime.kind) == ("", RuntimeKind.PYTHON)
    with pytest.raises(UsageError, match=r"--command 'python task\.py' beside it runs the trainer here"):
        here(request(python=sys.executable))
    with pytest.raises(
        UsageError, match=r"--python: names an interpreter; a container of gcr[.]io/p/t has its own$"
    ):
        in_a_cluster(request(command="task", python="python3"))
