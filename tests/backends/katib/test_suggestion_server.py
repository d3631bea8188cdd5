"""The service as a process: health, its end, what it takes."""

import importlib.util
import random
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from suggestion_server import MIXED, MODULE, KatibStandIn, Status, experiment, finish, parameter, running

import hptune.backends.katib.suggestion
from hptune.backends.katib.suggestion import api_pb2 as api

FOLDER = Path(hptune.backends.katib.suggestion.__file__).parent
ROOT = Path(__file__).parents[3]
MAX_RESIDENT_KIB = 500 * 1024


def health_of(address, service):
    with grpc.insecure_channel(address) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        return health_pb2_grpc.HealthStub(channel).Check(request, timeout=10, wait_for_ready=True).status


def thousand_trials():
    katib = KatibStandIn(experiment(MIXED, max_trials=2000), count=1000)
    rng = random.Random(0)
    for number in range(1000):
        trial, lr = api.Trial(name=f"mnist-{number}"), rng.uniform(0.001, 0.1)
        for name, text in {
            "lr": repr(lr),
            "momentum": repr(rng.uniform(0.5, 0.999)),
            "layers": str(rng.randint(1, 4)),
            "batch": rng.choice(["256", "32", "6.4e1"]),
            "optimizer": rng.choice(["adam", "sgd", "64%2C16"]),
            "fixed": "7",
        }.items():
            trial.spec.parameter_assignments.assignments.add(name=name, value=text)
        # Of noise alone a suggestion takes no time.
        finish(
            trial,
            None if number % 10 == 0 else repr(-abs(lr - 0.05) + 0.01 * rng.random()),
            Status.FAILED if number % 10 == 0 else 2,
        )
        katib.trials.append(trial)
    return katib


@pytest.mark.parametrize("service", ["manager.v1beta1.Suggestion", ""])
def test_it_says_that_it_serves(service):
    with running() as server:
        assert health_of(server.address, service) == health_pb2.HealthCheckResponse.SERVING


def test_sigterm_ends_it_calmly_once_the_answer_is_out():
    with running("--grace", "60") as server, server.stub() as stub:
        answer = stub.GetSuggestions.future(thousand_trials().request(3), timeout=60)
        time.sleep(0.3)
        assert not answer.done(), "the test's request is too small"
        server.process.terminate()
        assert len(answer.result().parameter_assignments) == 3
        assert server.process.wait(timeout=30) == 0
        assert "Traceback" not in server.process.stderr.read()


def test_sigterm_ends_it_though_an_answer_is_not_out():
    with running("--grace", "0.1") as server, server.stub() as stub:
        answer = stub.GetSuggestions.future(thousand_trials().request(1000), timeout=60)
        while health_of(server.address, "") != health_pb2.HealthCheckResponse.SERVING:
            time.sleep(0.05)
        server.process.terminate()
        assert server.process.wait(timeout=30) == 0
        assert answer.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)
        assert "Traceback" not in server.process.stderr.read()


def test_ctrl_c_ends_it_too():
    with running() as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=30) == 0


def test_a_port_that_is_taken_is_said():
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", MODULE, "--port", str(port)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert f"hptune: port {port} cannot be listened on" in ended.stderr
    assert "Traceback" not in ended.stderr


def listed(members):
    return experiment([parameter("optimizer", api.CATEGORICAL, members=members)])


OVERSIZED = {
    "values": lambda: listed([str(number) for number in range(120_000)]),
    "the same value": lambda: listed(["x"] * 300_000),
    "parameters": lambda: experiment([parameter(f"x{n}", api.DOUBLE, "0", "1") for n in range(40_000)]),
    "parameters of a name": lambda: experiment([parameter("x", api.DOUBLE, "0", "1")] * 60_000),
    "settings": lambda: experiment(MIXED, {f"scale.{n}": "UNIT_LOG_SCALE" for n in range(40_000)}),
}


@pytest.mark.parametrize("make", OVERSIZED.values(), ids=OVERSIZED)
def test_requests_that_are_far_too_large_hold_up_neither_health_nor_the_end(make):
    request = api.ValidateAlgorithmSettingsRequest(experiment=make())
    assert request.ByteSize() > 800_000
    with running() as server, server.stub() as stub:
        answers = [stub.ValidateAlgorithmSettings.future(request, timeout=120) for _ in range(8)]
        assert health_of(server.address, "") == health_pb2.HealthCheckResponse.SERVING
        codes = {answer.code() for answer in answers}
        assert codes <= {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert grpc.StatusCode.INVALID_ARGUMENT in codes
        server.process.terminate()
        assert server.process.wait(timeout=30) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_thousand_trials_are_answered_in_seconds_and_little_memory_while_it_stays_healthy():
    katib = thousand_trials()
    with running() as server, server.stub() as stub:
        start = time.monotonic()
        answer = stub.GetSuggestions.future(katib.request(8), timeout=60)
        while not answer.done():
            assert health_of(server.address, "manager.v1beta1.Suggestion")
        assert time.monotonic() - start < 40.0
        assert len(answer.result().parameter_assignments) == 8
        status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="utf-8")
    assert int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) < MAX_RESIDENT_KIB


@pytest.mark.skipif(importlib.util.find_spec("grpc_tools") is None, reason="grpcio-tools is not installed")
def test_the_modules_are_what_the_proto_file_makes(tmp_path):
    settings = [
        f"BIN={Path(sys.executable).parent}",
        f"PROTO_OUT={tmp_path}",
        "--old-file=.venv/installed-dev",
    ]
    subprocess.run(["make", "proto", *settings], cwd=ROOT, check=True, capture_output=True, timeout=60)
    for name in ("api_pb2.py", "api_pb2.pyi", "api_pb2_grpc.py"):
        [made] = tmp_path.rglob(name)
        assert made.read_text(encoding="utf-8") == (FOLDER / name).read_text(encoding="utf-8"), (
            "run make proto"
        )
