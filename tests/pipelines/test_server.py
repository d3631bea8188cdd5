"""upload and submit with the real KFP client against a stand-in for the server."""

import json
import re

import pytest
import yaml
from click.testing import CliRunner
from kfp_stand_in import kfp_stand_in

from components.images import TRAINER_IMAGE
from hptune.errors import HptuneError, UsageError
from pipelines.__main__ import cli
from pipelines.mnist import MNIST


@pytest.fixture
def server():
    with kfp_stand_in() as running:
        yield running


def call(*args, server):
    return CliRunner().invoke(
        cli, [*args, "--endpoint", server.endpoint], catch_exceptions=False, standalone_mode=False, obj=MNIST
    )


def test_upload_makes_a_version_named_by_the_revision_and_content(server):
    result = call("upload", server=server)
    [version] = server.versions
    assert [pipeline["display_name"] for pipeline in server.pipelines] == ["mnist-hptune"]
    assert re.fullmatch(r"([0-9a-f]{12}(-dirty)?|dev)-[0-9a-f]{8}", version["display_name"])
    assert f"version {version['display_name']}: uploaded" in result.output
    assert b"pipelineInfo" in version["package"]


def test_a_second_upload_adds_nothing(server):
    call("upload", server=server)
    result = call("upload", server=server)
    assert "was there before" in result.output
    assert (len(server.pipelines), len(server.versions)) == (1, 1)


def test_another_content_at_the_same_revision_is_another_version(server):
    call("upload", server=server)
    call("upload", "--gpus", "1", server=server)
    assert (len(server.pipelines), len(server.versions)) == (1, 2)


def test_submit_starts_a_run_of_the_uploaded_version(server, tmp_path):
    job_file = tmp_path / "hptune.yaml"
    job_file.write_text("trainingInput: {}\n")
    parameters = ["-p", "data=gs://bucket/x.npz", "-p", "job_max_trials=20", "-p", f"job_file=@{job_file}"]
    result = call("submit", *parameters, "--service-account", "runner", server=server)
    [run] = server.runs
    assert run["runtime_config"]["parameters"] == {
        "data": "gs://bucket/x.npz",
        "job_max_trials": 20,
        "job_file": "trainingInput: {}\n",
    }
    reference = run["pipeline_version_reference"]
    assert reference["pipeline_version_id"] == server.versions[0]["pipeline_version_id"]
    assert run["experiment_id"] == "experiments-1"
    assert run["service_account"] == "runner"
    assert "run: runs-1" in result.output


def test_parameters_that_do_not_fit_are_all_reported_before_anything_is_sent(server):
    with pytest.raises(UsageError) as caught:
        call("submit", "-p", "colour=red", "-p", "job_max_trials=many", server=server)
    assert "--parameter colour: is unknown; must be one of" in str(caught.value)
    assert "--parameter job_max_trials: 'many' is not JSON; must be NUMBER_INTEGER" in str(caught.value)
    assert server.pipelines == []


def test_one_key_of_a_json_object_is_set_and_the_others_stay(server):
    call("submit", "-p", "katib.memory=4Gi", "-p", "katib.gpus=0", server=server)
    [run] = server.runs
    katib = run["runtime_config"]["parameters"]["katib"]
    assert (katib["memory"], katib["gpus"]) == ("4Gi", 0)
    assert katib["image"] == TRAINER_IMAGE


def test_what_the_cluster_would_refuse_is_told_before_anything_is_sent(server):
    with pytest.raises(UsageError) as caught:
        call("submit", "-p", "katib.gpus=two", "-p", "katib.gpu=1", "-p", "data.x=1", server=server)
    assert [fault.place for fault in caught.value.faults] == [
        "--parameter data.x",
        "--parameter katib.gpus",
        "--parameter katib.gpu",
    ]
    assert server.pipelines == []


def test_links_are_of_the_pages_and_not_of_a_port_that_ends_with_the_command(server):
    result = call("submit", "--ui", "http://localhost:8080/", server=server)
    [version] = server.versions
    assert server.endpoint not in result.output
    place = f"p1/version/{version['pipeline_version_id']}"
    assert f"open: http://localhost:8080/#/pipelines/details/{place}\n" in result.output
    assert "open: http://localhost:8080/#/runs/details/runs-1\n" in result.output


def test_token_and_namespace_reach_the_server(server):
    call("upload", "--token", "s3cret", "--namespace", "team-a", server=server)
    assert server.tokens == {"Bearer s3cret"}
    assert "team-a" in server.namespaces


def test_what_the_server_answers_is_told(server):
    server.failing = True
    with pytest.raises(HptuneError, match=r"the KFP server answered 503 .*down for repair"):
        call("upload", server=server)


def test_a_server_that_is_not_there_is_told():
    with pytest.raises(HptuneError, match=r"the KFP server cannot be reached: .*127\.0\.0\.1"):
        CliRunner().invoke(
            cli, ["upload", "--endpoint", "http://127.0.0.1:9"], catch_exceptions=False, standalone_mode=False
        )


def test_the_endpoint_may_come_from_the_environment(server):
    CliRunner().invoke(
        cli, ["upload"], obj=MNIST, env={"KF_PIPELINES_ENDPOINT": server.endpoint}, catch_exceptions=False
    )
    assert len(server.versions) == 1


def test_the_uploaded_package_is_the_compiled_pipeline(server, tmp_path):
    call("upload", server=server)
    package = tmp_path / "pipeline.yaml"
    CliRunner().invoke(cli, ["compile", "-o", str(package)], obj=MNIST, catch_exceptions=False)
    compiled = list(yaml.safe_load_all(package.read_text()))
    uploaded = re.search(rb"\r\n\r\n(# PIPELINE.*?)\r\n--", server.versions[0]["package"], re.DOTALL)[1]
    assert json.dumps(list(yaml.safe_load_all(uploaded)), sort_keys=True) == json.dumps(
        compiled, sort_keys=True
    )
