"""What becomes of each command that a page has people type. A line of a page is decided once, here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """Is run by tests/docs/test_shell_lines.py, from the root of a copy of the clone, with a tiny job."""


@dataclass(frozen=True)
class DryRun:
    """Is run there with DRY_RUN=1: what it would tell Google and a cluster is printed."""


@dataclass(frozen=True)
class AnotherTest:
    """Is what another test runs.

    Attributes:
        test: The test, as pytest names it.
    """

    test: str


@dataclass(frozen=True)
class Left:
    """Is run by no test; that it can be read as it stands is tested all the same.

    Attributes:
        why: The reason.
    """

    why: str


A_CLUSTER = Left("asks a cluster about what only that cluster has")
GOOGLE = Left("needs a project of Google Cloud")
INSTALLS = Left("installs packages from a registry")
MINUTES = Left("measures for minutes to hours, and needs a machine that does nothing else")
PEERS = Left("needs an environment with the packages of others")

COMMANDS_IN_A_CLUSTER = "tests/backends/katib/test_cluster_commands.py"
LISTED_IN_A_CLUSTER = "tests/backends/katib/test_listed_jobs.py"
IN_CONTAINERS = "tests/images/test_local_containers.py"
A_CLUSTERS_TESTS = Left("runs for half an hour as root: CONTRIBUTING.md says when to run it")

DECISIONS = {
    # hptune and its jobs.
    ". .venv/bin/activate": Run(),
    "hptune download": Run(),
    "hptune preprocess": Run(),
    "hptune run mnist": Run(),
    "hptune run job": Run(),
    "hptune run job --config hptune.yaml --job-dir out --master-image-uri": AnotherTest(
        f"{IN_CONTAINERS}::test_an_images_own_entrypoint_runs_with_the_services_arguments_and_environment"
    ),
    "hptune run with-mlflow": Run(),
    "hptune run digits --config hptune.yaml": AnotherTest(
        "tests/cases/test_page.py::test_the_pages_job_runs"
    ),
    "hptune run digits --config trainer/hptune.yaml": AnotherTest(
        "tests/e2e/test_distributed_trainers.py::test_the_example_of_parameter_servers"
    ),
    "hptune list": Run(),
    "hptune list --namespace": AnotherTest(
        f"{LISTED_IN_A_CLUSTER}::test_the_jobs_of_a_namespace_are_listed_as_those_of_a_directory_are"
    ),
    "hptune describe out/": Run(),
    "hptune stream-logs out/": Run(),
    "hptune report out/": Run(),
    "hptune train out/": Run(),
    "hptune validate": Run(),
    "hptune delete": AnotherTest("tests/cli/test_list_and_delete.py::test_a_person_is_asked"),
    "hptune dashboard": AnotherTest(
        "tests/cli/test_dashboard.py::test_the_dashboard_has_the_job_by_its_name_with_metric_and_messages"
    ),
    'eval "$(_HPTUNE_COMPLETE=bash_source hptune)"': AnotherTest(
        "tests/cli/test_completion.py::test_the_line_of_the_manual_is_one_that_bash_takes"
    ),
    "hptune katib": Run(),
    "hptune submit": AnotherTest(f"{COMMANDS_IN_A_CLUSTER}::test_a_job_is_submitted_watched_and_described"),
    "hptune describe mnist": AnotherTest(
        f"{COMMANDS_IN_A_CLUSTER}::test_a_job_is_submitted_watched_and_described"
    ),
    "hptune stream-logs mnist": AnotherTest(f"{COMMANDS_IN_A_CLUSTER}::test_logs_are_shown_while_a_job_runs"),
    "hptune report mnist": Left("asks a cluster; of a job that has ended there the tests describe it"),
    "hptune cancel mnist": AnotherTest(
        f"{COMMANDS_IN_A_CLUSTER}::test_a_cancelled_job_is_gone_from_the_cluster_and_kept_in_its_directory"
    ),
    "hptune delete mnist": AnotherTest(
        f"{LISTED_IN_A_CLUSTER}::test_a_job_is_deleted_with_its_trials_and_its_results_stay"
    ),
    # The pipeline.
    "make run": AnotherTest("tests/pipelines/test_run.py::test_all_steps_run_and_are_shown_as_they_go"),
    "python -m pipelines run --help": Run(),
    "python -m pipelines compile": Run(),
    "python -m pipelines.mnist submit": Left("asks a KFP, of which tests/pipelines have a stand-in"),
    # Trainers by hand, and other tools.
    "python -m trainer.mnist_mlp_lr_numsteps": AnotherTest(
        "tests/examples/test_mnist_trainer.py::test_200_steps_at_lr_0_1_reach_the_reference_accuracy_on_mnist"
    ),
    "tensorboard": Left("serves until Ctrl-C; tests/results/test_tensorboard.py reads what it shows"),
    "pip install": INSTALLS,
    # A cluster of Google's.
    "make cluster": DryRun(),
    "make addons": DryRun(),
    "make deploy": DryRun(),
    "make submit": DryRun(),
    "make ui": DryRun(),
    "make undeploy": DryRun(),
    "gcloud": GOOGLE,
    "kubectl": A_CLUSTER,
    "export": Run(),
    # Images.
    "make images": Left("builds for minutes; tests/images build them in a Docker engine"),
    "make push": Left("pushes to a registry; tests/deploy do so with a stand-in for docker"),
    "docker build": Left("builds for minutes; tests/images build the same targets"),
    "images/standin.sh": Left("needs root, debootstrap and minutes; tests/images begin with it"),
    # For those who change hptune.
    "make test": Left("runs all tests, of which this is one"),
    "make docs": AnotherTest("tests/docs/test_site.py::test_the_site_is_built_without_a_warning"),
    ".venv/bin/python -m tests.docs.live_picture": AnotherTest(
        "tests/docs/test_live_picture.py::test_the_picture_is_what_the_view_draws_now"
    ),
    "UPDATE_SNAPSHOTS=1 .venv/bin/pytest": Left("changes what the tests compare with"),
    "apt-get": Left("changes the machine, as root"),
    "nohup dockerd": Left("changes the machine, as root"),
    "DOCKER=/usr/bin/docker make test-images": Left("runs tests/images, which needs a Docker engine"),
    "make test-cluster": A_CLUSTERS_TESTS,
    "make cluster-down": A_CLUSTERS_TESTS,
    ".venv/bin/python -m benchmarks": MINUTES,
    "python3 -m venv .venv-": PEERS,
    ".venv-": PEERS,
}
"""By the beginning of a command; the longest that fits decides."""


def decision_of(command):
    """Returns the beginning that decides about a command; None where there is none."""
    return max((start for start in DECISIONS if command.startswith(start)), key=len, default=None)
