"""`make submit`, `results` and `logs`, with the same stand-ins."""

import json
import re
import subprocess
import sys

import pytest
from checkouts import LABEL_QUESTION, REGISTRY, ROOT, STATE

from hptune.backends.katib.options import KatibOptions
from tests.pipelines.kfp_stand_in import kfp_stand_in


def given_with(flag, command):
    words = command.split(f" {flag} ")[1:]
    return dict(re.split(" -(?:[pd]|-[a-z-]+) ", word)[0].split("=", 1) for word in words)


def parameters(command):
    return given_with("-p", command)


def form(command):
    return given_with("-d", command)


def test_submit_starts_a_run_with_what_was_deployed(deployed):
    result = deployed.make("submit", settings={}, JOB="mine", DATA="mnist")
    assert result.returncode == 0, result.stderr
    started = deployed.ran()[-1]
    assert started.startswith("python -m pipelines.mnist submit --endpoint http://127.0.0.1:54321 ")
    assert started.endswith(" --service-account hptune-launcher")
    assert parameters(started) == {
        "job_name": "mine",
        "katib.namespace": "kubeflow",
        "katib.algorithm": "gp-bandit",
        "job_dir": "gs://my-project-hptune/hptune-jobs/mine",
        "data": "mnist",
    }
    assert deployed.environments()[-1]["HPTUNE_TRAINER_IMAGE"] == f"{REGISTRY}/trainer:{deployed.revision}"
    assert "trials  make results JOB=mine" in result.stdout


def test_the_form_of_a_run_is_the_one_that_was_deployed(deployed):
    """Another form would be another version of the pipeline."""
    uploaded = form(deployed.ran()[-1])
    assert uploaded == {
        "katib.service_account": "hptune-trial",
        "trainer_node_selector": '{"cloud.google.com/gke-accelerator": "nvidia-tesla-t4"}',
        "katib.accelerator": "nvidia-tesla-t4",
    }
    deployed.make("submit", settings={}, JOB="mine", ALGORITHM="bayesianoptimization")
    assert form(deployed.ran()[-1]) == uploaded


def test_the_pipelines_program_takes_this_command_line(deployed):
    with kfp_stand_in() as server:
        deployed.make("submit", settings={}, JOB="mine", KFP_ENDPOINT=server.endpoint)
        (_, *arguments), _ = deployed.notes()[-1]
        command = [sys.executable, *arguments]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
    (run,) = server.runs
    assert run["service_account"] == "hptune-launcher"
    assert run["runtime_config"]["parameters"]["job_dir"] == "gs://my-project-hptune/hptune-jobs/mine"


def test_submit_takes_more_parameters(deployed):
    deployed.make("submit", settings={}, FLAGS="-p job_max_trials=20 -p 'trainer_args=[\"a b\"]'")
    assert deployed.ran()[-1].endswith(
        ' --service-account hptune-launcher -p job_max_trials=20 -p trainer_args=["a b"]'
    )


def test_submit_takes_another_job_file_and_keeps_the_images(deployed):
    before = deployed.revision
    (deployed.path / ".gitignore").write_text("build/\n.venv/\n")
    job_file = deployed.path.parent / "my job.yaml"
    job_file.touch()
    result = deployed.make("submit", settings={}, CONFIG=job_file)
    assert result.returncode == 0, result.stderr
    assert parameters(deployed.ran()[-1])["job_file"] == f"@{job_file}"
    assert deployed.environments()[-1]["HPTUNE_IMAGE"] == f"{REGISTRY}/hptune:{before}"
    assert f"warning: the images are those of {before}" in result.stderr


def test_submit_without_a_bucket_uses_kfps_object_store(checkout):
    local = {"OVERLAY": "local", "CONTEXT": "kind-tuning", "REGISTRY": "registry.test/x"}
    checkout.answers[LABEL_QUESTION] = "enabled"
    assert checkout.make("deploy", settings=local).returncode == 0
    assert checkout.make("submit", settings={}, JOB="mine").returncode == 0
    given = parameters(checkout.ran()[-1])
    assert given["job_dir"] == "minio://mlpipeline/hptune-jobs/mine"
    begins = form(checkout.ran()[-1])
    assert begins["katib.secret"] == "hptune-object-store"
    assert "trainer_node_selector" not in begins
    assert begins["katib.gpus"] == "0", "there is no GPU, whatever the job file asks for"


LOCAL = {"OVERLAY": "local", "CONTEXT": "kind-tuning", "REGISTRY": "registry.test/x"}


@pytest.fixture
def local(checkout):
    checkout.answers[LABEL_QUESTION] = "enabled"
    return checkout


def test_trials_on_this_machines_cluster_fit_its_nodes_and_the_data_needs_no_network(local):
    local.answers["kubectl get nodes"] = "4 8000000Ki"
    local.answers["kubectl get nodes --output"] = "7910m 16393216Ki"
    result = local.make("submit", settings=LOCAL, JOB="mine")
    assert result.returncode == 0, result.stderr
    given = parameters(local.ran()[-1])
    assert (given["katib.cpu"], given["katib.memory"]) == ("1977m", "4002Mi"), "a quarter of the larger"
    assert given["data"] == "digits"
    assert "each trial asks for CPU=1977m MEMORY=4002Mi" in result.stdout


def test_cpus_and_memory_that_are_given_are_taken(local):
    local.make("submit", settings=LOCAL, JOB="mine", CPU="2", MEMORY="3Gi", DATA="mnist")
    given = parameters(local.ran()[-1])
    assert (given["katib.cpu"], given["katib.memory"], given["data"]) == ("2", "3Gi", "mnist")


def test_the_pipelines_program_takes_what_trials_ask_for(local):
    with kfp_stand_in() as server:
        local.answers["kubectl get nodes"] = "4 8000000Ki"
        result = local.make("submit", settings={**LOCAL, "KFP_ENDPOINT": server.endpoint}, JOB="mine")
        assert result.returncode == 0, result.stderr
        (_, *arguments), _ = local.notes()[-1]
        subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, check=True)
    (run,) = server.runs
    katib = KatibOptions.read(run["runtime_config"]["parameters"]["katib"])
    assert (katib.cpu, katib.memory_bytes, katib.gpus) == (1.0, 1953 * 2**20, 0)
    assert (katib.service_account, katib.namespace) == ("hptune-trial", "kubeflow")


def test_nodes_that_do_not_say_what_they_have_are_told(local):
    result = local.make("submit", settings=LOCAL, JOB="mine")
    assert result.returncode == 0, result.stderr
    assert "warning: the nodes do not say what they have; a trial asks for what" in result.stderr
    assert "katib.cpu" not in parameters(local.ran()[-1])


def test_links_are_of_the_address_that_make_ui_shows(deployed):
    deployed.make("submit", settings={}, JOB="mine", KFP_PORT="9000")
    assert " --ui http://localhost:9000 " in deployed.ran()[-1]


def test_submit_keeps_to_the_part_of_the_object_store_that_a_profile_may_use(checkout):
    checkout.answers["kubectl get namespace me --output jsonpath"] = "enabled"
    users = {"OVERLAY": "multi-user", "CONTEXT": "work", "REGISTRY": "registry.test/x", "NAMESPACE": "me"}
    users["KFP_ENDPOINT"] = "https://kubeflow.test/pipeline"
    result = checkout.make("submit", settings=users, JOB="mine")
    assert result.returncode == 0, result.stderr
    assert parameters(checkout.ran()[-1])["job_dir"] == "minio://mlpipeline/private/me/hptune-jobs/mine"


def test_submit_takes_the_accelerator_of_the_job_file(deployed):
    with kfp_stand_in() as server:
        result = deployed.make(
            "submit", settings={}, KFP_ENDPOINT=server.endpoint, FLAGS="-p katib.accelerator="
        )
        assert result.returncode == 0, result.stderr
        (_, *arguments), _ = deployed.notes()[-1]
        subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, check=True)
    (run,) = server.runs
    assert run["runtime_config"]["parameters"]["katib"]["accelerator"] == ""


def test_the_kube_configuration_of_a_deployment_may_be_the_users_own(checkout):
    """As docs/deploy.md says: export KUBECONFIG=build/deploy/.../kubeconfig."""
    own = checkout.path / "build" / "deploy" / "work" / "kubeconfig"
    own.parent.mkdir(parents=True)
    cluster = {"name": "c", "cluster": {"server": "https://cluster.test"}}
    context = {"name": "work", "context": {"cluster": "c", "user": "u"}}
    content = {"kind": "Config", "clusters": [cluster], "contexts": [context], "users": [{"name": "u"}]}
    own.write_text(json.dumps(content))
    for _ in range(2):
        result = checkout.make(
            "results", settings={"OVERLAY": "local", "CONTEXT": "work"}, JOB="mine", KUBECONFIG=own
        )
        assert result.returncode == 0, result.stderr
        assert "https://cluster.test" in own.read_text()


def test_submit_is_refused_where_katib_would_read_no_metrics(deployed):
    deployed.answers[LABEL_QUESTION] = ""
    result = deployed.make("submit", settings={})
    assert result.returncode == 2
    mend = (
        "kubectl label namespace kubeflow katib.kubeflow.org/metrics-collector-injection=enabled --overwrite"
    )
    assert f"run: {mend}" in result.stderr
    assert not any(command.startswith("python") for command in deployed.ran())


@pytest.mark.parametrize(
    ("name", "value"),
    [("JOB", "a; b"), ("JOB", "1"), ("CONFIG", "nowhere.yaml"), ("CPU", "two"), ("MEMORY", "4GB")],
)
def test_submit_tells_what_is_not_allowed(deployed, name, value):
    result = deployed.make("submit", settings={}, **{name: value})
    assert result.returncode == 2
    assert f"hptune: {name}: is '{value}'" in result.stderr


def test_results_and_logs_are_of_the_job_submitted_last(deployed):
    deployed.make("submit", settings={}, JOB="mine")
    for goal, command in (("results", "describe"), ("logs", "stream-logs")):
        result = deployed.make(goal, settings={})
        assert result.returncode == 0, result.stderr
        assert deployed.ran()[-1] == f"hptune {command} mine --namespace kubeflow"


def test_results_of_another_job(deployed):
    deployed.make("results", settings={}, JOB="other", FLAGS="--format json")
    assert deployed.ran()[-1] == "hptune describe other --namespace kubeflow --format json"


def test_results_without_a_job(checkout):
    result = checkout.make("results")
    assert result.returncode == 2
    assert "hptune: JOB: is missing; " in result.stderr


def test_results_of_another_cluster_leave_the_first_ones_access_alone(deployed):
    deployed.make("results", JOB="mine", CLUSTER="other")
    first = deployed.make("results", settings={}, JOB="mine")
    assert first.returncode == 0, first.stderr
    assert deployed.environments()[-1]["KUBECONFIG"] == str(deployed.path / STATE / "kubeconfig")


def test_results_can_be_piped(deployed):
    deployed.answers["hptune describe"] = "{}"
    assert deployed.make("results", settings={}, JOB="mine", FLAGS="--format json").stdout == "{}\n"
