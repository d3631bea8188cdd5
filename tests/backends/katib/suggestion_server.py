"""The real suggestion service in a process of its own, and a stand-in for Katib's controllers that ask it."""

import contextlib
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import grpc

from hptune.backends.katib.suggestion import api_pb2 as api
from hptune.backends.katib.suggestion.api_pb2_grpc import SuggestionStub

MODULE = "hptune.backends.katib.suggestion"
Status = api.TrialStatus


@dataclass
class Server:
    process: subprocess.Popen
    port: int

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    @contextlib.contextmanager
    def stub(self) -> Iterator[SuggestionStub]:
        with grpc.insecure_channel(self.address) as channel:
            yield SuggestionStub(channel)

    def get(self, request: api.GetSuggestionsRequest, timeout: float = 60) -> api.GetSuggestionsReply:
        with self.stub() as stub:
            return stub.GetSuggestions(request, timeout=timeout, wait_for_ready=True)

    def validate(self, experiment: api.Experiment) -> None:
        request = api.ValidateAlgorithmSettingsRequest(experiment=experiment)
        with self.stub() as stub:
            stub.ValidateAlgorithmSettings(request, timeout=60, wait_for_ready=True)


@contextlib.contextmanager
def running(*flags: str) -> Iterator[Server]:
    command = [sys.executable, "-m", MODULE, "--port", "0", *flags]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stderr.readline()
            port = re.search(r"listening on port (\d+)", line)
            assert port, line
            yield Server(process, int(port[1]))
        finally:
            process.kill()


def parameter(name, kind, low="", high="", members=(), step="", distribution=api.UNIFORM):
    space = api.FeasibleSpace(min=low, max=high, list=members, step=step, distribution=distribution)
    return api.ParameterSpec(name=name, parameter_type=kind, feasible_space=space)


def experiment(parameters, settings=None, goal=api.MAXIMIZE, max_trials=0, name="mnist"):
    made = api.Experiment(name=name)
    made.spec.parameter_specs.parameters.extend(parameters)
    made.spec.objective.type = goal
    made.spec.objective.objective_metric_name = "accuracy"
    made.spec.algorithm.algorithm_name = "gp-bandit"
    for key, value in (settings or {}).items():
        made.spec.algorithm.algorithm_settings.add(name=key, value=value)
    made.spec.max_trial_count = max_trials
    return made


MIXED = (
    parameter("lr", api.DOUBLE, "0.001", "0.1", distribution=api.LOG_UNIFORM),
    parameter("momentum", api.DOUBLE, "0.5", "0.999"),
    parameter("layers", api.INT, "1", "4"),
    parameter("batch", api.DISCRETE, members=["256", "32", "6.4e1"]),
    parameter("optimizer", api.CATEGORICAL, members=["adam", "sgd", "64%2C16"]),
    parameter("fixed", api.INT, "7", "7"),
)
MIXED_SETTINGS = {"scale.momentum": "UNIT_REVERSE_LOG_SCALE", "scale.batch": "UNIT_LOG_SCALE"}


@dataclass
class KatibStandIn:
    """What Katib's controllers do with a service's answers, as its version 0.19.0 does it."""

    experiment: api.Experiment
    trials: list[api.Trial] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def request(self, number: int) -> api.GetSuggestionsRequest:
        asked = api.GetSuggestionsRequest(
            current_request_number=number, total_request_number=self.count + number
        )
        asked.experiment.CopyFrom(self.experiment)
        for key, value in self.settings.items():
            asked.experiment.spec.algorithm.algorithm_settings.add(name=key, value=value)
        sent = [trial for trial in self.trials if trial.status.condition != Status.METRICSUNAVAILABLE]
        # They come from a cache, in no order.
        asked.trials.extend(random.Random(number).sample(sent, len(sent)))
        return asked

    def take(self, reply: api.GetSuggestionsReply) -> list[api.Trial]:
        """Stores a reply and creates its trials."""
        self.settings |= {each.name: each.value for each in reply.algorithm.algorithm_settings}
        created = []
        for suggested in reply.parameter_assignments:
            self.count += 1
            trial = api.Trial(name=suggested.trial_name or f"{self.experiment.name}-x{self.count:03}")
            trial.spec.parameter_assignments.assignments.extend(suggested.assignments)
            trial.status.start_time = f"2030-01-01T{self.count // 60:02}:{self.count % 60:02}:00Z"
            trial.status.condition = Status.RUNNING
            created.append(trial)
        self.trials += created
        return created


def values(assignments) -> dict[str, str]:
    """Of a suggestion, or of a trial."""
    if isinstance(assignments, api.Trial):
        assignments = assignments.spec.parameter_assignments
    return {each.name: each.value for each in assignments.assignments}


def finish(trial: api.Trial, objective: str | None, condition=Status.SUCCEEDED) -> None:
    trial.status.condition = condition
    if objective is not None:
        trial.status.observation.metrics.add(name="hptune-training-step", value="1e9")
        trial.status.observation.metrics.add(name="accuracy", value=objective)
