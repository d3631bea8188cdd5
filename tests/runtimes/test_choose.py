import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from hptune.errors import UsageError
from hptune.job.runtime import Runtime, RuntimeKind
from hptune.job.submission import Program, Submission
from hptune.job.tuning_job import parse_training_input
from hptune.runtimes import environment, managed
from hptune.runtimes.choose import choose
from hptune.runtimes.interpreters import ask

SOURCES = {
    "tf1": "import tensorflow as tf\ntf.placeholder",
    "estimator": "import tensorflow as tf\ntf.estimator.DNNClassifier",
    "keras": "from tensorflow import keras\nimport tensorflow as tf\ntf.keras.Model",
    "keras 2 alone": "from tensorflow.keras import layers\nlayers.DenseFeatures",
    "keras of 2": "import tensorflow as tf\ntf.keras.Model; tf.function",
    "moved": "from sklearn.externals import joblib",
    "sklearn": "import sklearn.svm",
    "pandas of its time": "import pandas as pd\npd.read_csv('x', delim_whitespace=True)",
    "python 2": "print 'x'",
}


def submission(project, version=None, runtime=None, **program):
    tuning = {"params": [{"parameterName": "x", "type": "DOUBLE", "minValue": 0, "maxValue": 1}]}
    given = {"hyperparameters": tuning, **({"runtimeVersion": version} if version else {})}
    job = parse_training_input(given, "j.yaml")
    started = Program(**(program or {"module": "trainer.task", "python_path": (str(project),)}))
    return Submission("j", job, started, (), "out", runtime=runtime)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "trainer").mkdir()
    (tmp_path / "trainer" / "__init__.py").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("source", "version", "kind"),
    [
        ("tf1", "1.6", "tf1"),
        ("tf1", None, "tf1"),
        ("tf1", "1.15", "tf1"),
        ("estimator", "1.8", "tf1"),
        ("estimator", None, "tf1"),
        ("estimator", "2.1", "keras2"),
        ("keras", "1.13", "tf1"),
        ("keras", "2.3", "keras2"),
        ("keras", "2.15", "keras2"),
        ("keras", "2.16", "python"),
        ("keras", None, "python"),
        ("keras 2 alone", "1.15", "tf1"),
        ("keras 2 alone", None, "keras2"),
        ("keras of 2", "1.6", "python"),
        ("moved", "1.15", "tf1"),
        ("moved", "2.1", "keras2"),
        ("moved", None, "keras2"),
        ("pandas of its time", "1.15", "tf1"),
        ("pandas of its time", None, "keras2"),
        ("sklearn", "1.15", "python"),
        ("sklearn", "2.1", "python"),
        ("python 2", "1.4", "python"),
    ],
)
def test_source_and_version_decide_together(project, source, version, kind):
    (project / "trainer" / "task.py").write_text(SOURCES[source])
    assert choose(submission(project, version)).runtime.kind == kind


def test_the_choice_is_told_with_its_reason_where_it_is_not_the_usual(project):
    (project / "trainer" / "task.py").write_text(SOURCES["tf1"])
    told = choose(submission(project, "1.6")).reason
    assert told == "TensorFlow 1: runtimeVersion 1.6, tf.placeholder in trainer/task.py"
    (project / "trainer" / "task.py").write_text(SOURCES["sklearn"])
    assert choose(submission(project)).reason == ""
    assert choose(submission(project, "1.6")).reason.startswith(
        "hptune's own Python: runtimeVersion 1.6, but"
    )


def test_a_trainer_whose_source_is_elsewhere_gets_what_its_version_says():
    elsewhere = {"module": "no_such_package.task"}
    assert choose(submission(None, "1.8", **elsewhere)).runtime.kind is RuntimeKind.TF1
    assert choose(submission(None, "2.1", **elsewhere)).runtime.kind is RuntimeKind.PYTHON
    assert choose(submission(None, "1.8", command=("Rscript", "x.R"))).runtime.kind is RuntimeKind.PYTHON


def test_a_scripts_siblings_are_its_source_too(project):
    (project / "trainer" / "task.py").write_text("import model")
    (project / "trainer" / "model.py").write_text(SOURCES["tf1"])
    command = ("python", str(project / "trainer" / "task.py"))
    assert choose(submission(None, "1.6", command=command)).runtime.kind is RuntimeKind.TF1


def test_what_was_asked_for_is_taken(project):
    (project / "trainer" / "task.py").write_text(SOURCES["tf1"])
    asked = choose(submission(project, "1.6", runtime=Runtime(python="/usr/bin/python3")))
    assert (asked.runtime.kind, asked.runtime.python, asked.reason) == ("python", "/usr/bin/python3", "")


def test_its_projects_requirements_go_with_it_and_its_own_modules_are_no_imports(project):
    (project / "setup.py").write_text("setup(install_requires=['attrs'])")
    (project / "requirements.txt").write_text("torch")
    (project / "trainer" / "helper.py").touch()
    (project / "trainer" / "task.py").write_text("import helper, os, torch\nfrom trainer import helper")
    runtime = choose(submission(project)).runtime
    assert (runtime.requirements, runtime.optional, runtime.imports) == (("attrs",), ("torch",), ("torch",))


def test_what_the_archives_of_its_package_need_goes_with_it(project):
    wheel = project / "trainer-0.1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("trainer-0.1.dist-info/METADATA", "Name: trainer\nRequires-Dist: attrs>=20\n")
    given = replace(submission(project, module="trainer.task"), packages=(str(wheel),))
    assert choose(given).runtime.requirements == ("attrs>=20",)


def ready(given, **options):
    return environment.make_ready(given, print, **options).program


def test_a_job_of_before_runs_as_it_did(project):
    given = submission(project)
    assert environment.make_ready(given, pytest.fail) is given


def test_what_is_there_needs_no_environment_of_its_own(project):
    runtime = Runtime(requirements=("numpy>=1", "tensorflow==1.8"), optional=("torch",), imports=("numpy",))
    assert ready(submission(project, runtime=runtime), may_install=False).python == ""


def test_what_every_runtime_of_the_service_had_is_installed_where_it_is_imported(
    project, monkeypatch, tmp_path
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    # Here numpy is there; neither is XGBoost, nor what nobody's runtime had.
    runtime = Runtime(optional=("attrs",), imports=("no_such", "numpy", "xgboost"))
    with pytest.raises(UsageError, match="--no-install: the trainer needs xgboost"):
        ready(submission(project, runtime=runtime), may_install=False)


def test_no_install_names_what_would_be_installed(project, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    missing = Runtime(requirements=("no-such-package==1",))
    with pytest.raises(UsageError, match="--no-install: the trainer needs no-such-package==1; install it"):
        ready(submission(project, runtime=missing), may_install=False)
    with pytest.raises(UsageError, match="an environment with tensorflow"):
        ready(submission(project, runtime=Runtime(RuntimeKind.TF1)), may_install=False)
    assert not list((tmp_path / "hptune").glob("*"))


def test_another_interpreter_finds_hypertune_and_must_run(project, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    program = ready(submission(project, runtime=Runtime(python=sys.executable)))
    assert [path.name for path in Path(program.variables["PYTHONPATH"]).glob("h*")] == ["hypertune"]
    with pytest.raises(UsageError, match="--python: '/no/python' is no Python that can be run"):
        ready(submission(project, runtime=Runtime(python="/no/python")))


def test_a_missing_python_is_asked_for_by_name(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(managed, "VERSIONS", ((3, 1),))
    with pytest.raises(managed.RuntimeNotReady, match=r"none of python3\.1 is on PATH"):
        managed.prepare(print)


def test_an_interpreter_tells_its_version():
    assert ask(sys.executable).version == sys.version_info[:2]
    assert ask("/bin/false") is None
