"""One door to a job: which backend a command line means."""

import json
import subprocess
import sys

import pytest

from hptune.backends.base import Backend, Cancellable, Detachable, Job
from hptune.backends.find import find
from hptune.backends.finished_job import FinishedJob
from hptune.backends.katib.backend import KatibBackend
from hptune.backends.local.backend import LocalBackend
from hptune.errors import UsageError


def test_a_directory_is_a_job_of_this_machine(tmp_path):
    job = find(str(tmp_path))
    assert isinstance(job, LocalBackend)
    assert not isinstance(job, Cancellable | Detachable)


@pytest.mark.parametrize("place", [{"namespace": "team"}, {"context": "there"}])
def test_a_namespace_or_a_context_makes_it_a_clusters(place):
    job = find("mnist", **place)
    assert isinstance(job, KatibBackend)
    assert isinstance(job, Cancellable)
    assert isinstance(job, Detachable)


def test_what_a_clusters_job_left_is_looked_at_where_it_lies(tmp_path):
    (tmp_path / "hptune").mkdir()
    (tmp_path / "hptune" / "study.json").write_text("{}")
    for place in (str(tmp_path), tmp_path.as_uri(), "gs://bucket/mnist"):
        job = find(place)
        assert isinstance(job, FinishedJob)
        assert not isinstance(job, Backend)


def test_a_job_that_is_kept_says_where_its_logs_are():
    with pytest.raises(UsageError, match=r"gs://bucket/mnist/hptune/trials/TRIAL/log\.txt"):
        find("gs://bucket/mnist").stream_logs()


@pytest.mark.parametrize("half", [Job, Backend])
def test_a_backend_that_leaves_something_out_cannot_be_made(half):
    with pytest.raises(TypeError, match="describe"):
        type("Half", (half,), {})()


@pytest.mark.parametrize(
    ("line", "absent"),
    [
        (["describe", "nowhere"], ["kubernetes", "kubeflow_katib_api"]),
        (["run", "--help"], ["kubernetes", "kubeflow_katib_api"]),
        (["submit", "--help"], ["optuna", "kubernetes"]),
        (["--help"], ["optuna", "kubernetes", "kubeflow_katib_api"]),
    ],
)
def test_a_command_loads_no_library_of_a_place_that_it_does_not_go_to(line, absent):
    code = (
        "import json, sys\nfrom hptune.cli.app import cli\n"
        f"try:\n    cli.main({line!r}, standalone_mode=False)\nexcept BaseException:\n    pass\n"
        "print('LOADED' + json.dumps(sorted(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = json.loads(out.rpartition("LOADED")[2])
    assert [name for name in absent if name in loaded] == []
