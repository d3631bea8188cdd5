"""HyperparameterTuningJob -> training input: which of Vertex AI's fields is which of ML Engine's.

The rest of hptune knows one kind of job. What is wrong with one of its fields is said of the field here that
it was made of, so that a file is only ever spoken of in its own words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic.alias_generators import to_camel

from hptune.job.document import Document, FieldPath, plain_document, with_names
from hptune.job.fields import show
from hptune.job.findings import Findings
from hptune.job.overrides import Override
from hptune.job.reading import read_fields
from hptune.job.schema import ParameterType, Service
from hptune.job.vertex.schema import HyperparameterTuningJob

_STUDY = "studySpec"
_TRIAL_JOB = "trialJobSpec"
_METRICS: FieldPath = (_STUDY, "metrics")
_PARAMETERS: FieldPath = (_STUDY, "parameters")
_POOLS: FieldPath = (_TRIAL_JOB, "workerPoolSpecs")
_PARAMS: FieldPath = ("hyperparameters", "params")

_JOB = {
    "studySpec": "hyperparameters",
    "studySpec.algorithm": "hyperparameters.algorithm",
    "studySpec.measurementSelectionType": "hyperparameters.measurementSelectionType",
    "maxTrialCount": "hyperparameters.maxTrials",
    "parallelTrialCount": "hyperparameters.maxParallelTrials",
    "maxFailedTrialCount": "hyperparameters.maxFailedTrials",
    "trialJobSpec.scheduling.timeout": "scheduling.maxRunningTime",
    "trialJobSpec.baseOutputDirectory.outputUriPrefix": "jobDir",
}
_SAID_OTHERWISE = {
    "scaleTier": "trialJobSpec.workerPoolSpecs",
    "runtimeVersion": "trialJobSpec.workerPoolSpecs[0].pythonPackageSpec.executorImageUri",
    "hyperparameters.params": "studySpec.parameters",
    "hyperparameters.enableTrialEarlyStopping": "studySpec.medianAutomatedStoppingSpec",
}
"""Fields of a training input that are made of what is not their like."""
_METRIC = {
    "metricId": "hyperparameters.hyperparameterMetricTag",
    "goal": "hyperparameters.goal",
}
_RANGE = {"minValue": "minValue", "maxValue": "maxValue"}
_VALUE_SPECS = {
    "doubleValueSpec": (ParameterType.DOUBLE, _RANGE),
    "integerValueSpec": (ParameterType.INTEGER, _RANGE),
    "categoricalValueSpec": (ParameterType.CATEGORICAL, {"values": "categoricalValues"}),
    "discreteValueSpec": (ParameterType.DISCRETE, {"values": "discreteValues"}),
}
_ROLES = ("master", "worker", "parameterServer", "evaluator")
"""What the worker pools are, in their order."""
_POOL = {
    "machineSpec.machineType": "{role}Type",
    "machineSpec": "{role}Config.acceleratorConfig",
    "machineSpec.acceleratorType": "{role}Config.acceleratorConfig.type",
    "machineSpec.acceleratorCount": "{role}Config.acceleratorConfig.count",
    "containerSpec.imageUri": "{role}Config.imageUri",
    "containerSpec.command": "{role}Config.containerCommand",
    "containerSpec.args": "{role}Config.containerArgs",
    "containerSpec.env": "{role}Config.env",
    "pythonPackageSpec.env": "{role}Config.env",
}
_MASTER = {
    "pythonPackageSpec.pythonModule": "pythonModule",
    "pythonPackageSpec.packageUris": "packageUris",
    "pythonPackageSpec.args": "args",
}
_OTHERS = {"replicaCount": "{role}Count"}

_ELSEWHERE = "has no effect outside Vertex AI"
_NOTHING: tuple[object, ...] = (None, "", "0", [], {}, False, "false")
_MEDIAN = "is taken for medianAutomatedStoppingSpec: a trial worse than the median of the others is stopped"
_STOPPING_RULES = ("decayCurveStoppingSpec", "convexAutomatedStoppingSpec", "convexStopConfig")
_NOT_HONOURED: dict[str, Mapping[str, str]] = {
    "": {
        "displayName": "names nothing here; the job's name on the command line does",
        "labels": _ELSEWHERE,
        "encryptionSpec": _ELSEWHERE,
    },
    _STUDY: {
        "observationNoise": "is ignored; the algorithm estimates the noise",
        "studyStoppingConfig": "is not supported; the job ends after maxTrialCount trials",
        "transferLearningConfig": "is not supported; the job learns from its own trials alone",
        "medianAutomatedStoppingSpec.useElapsedDuration": "is ignored; trials are compared at equal steps",
        **dict.fromkeys(_STOPPING_RULES, _MEDIAN),
    },
    _TRIAL_JOB: dict.fromkeys(
        (
            *("serviceAccount", "network", "reservedIpRanges", "pscInterfaceConfig"),
            *("protectedArtifactLocationId", "persistentResourceId", "tensorboard", "enableWebAccess"),
            *("enableDashboardAccess", "experiment", "experimentRun", "models"),
            *("scheduling.restartJobOnWorkerRestart", "scheduling.strategy", "scheduling.disableRetries"),
            "scheduling.maxWaitDuration",
        ),
        _ELSEWHERE,
    ),
    "pool": dict.fromkeys(
        (
            *("diskSpec", "nfsMounts", "lustreMounts", "machineSpec.tpuTopology"),
            *("machineSpec.reservationAffinity", "machineSpec.gpuPartitionSize"),
            "machineSpec.minGpuDriverVersion",
        ),
        _ELSEWHERE,
    ),
    "metric": {"safetyConfig": "is not supported; each trial may run"},
    "parameter": {
        f"{spec}.defaultValue": "is ignored, as by Vertex AI's tuning jobs; an argument of the trainer's own "
        "names the first trial's value"
        for spec in _VALUE_SPECS
    },
}

_PARAM_NAMES = {
    "parameterName": "parameterId",
    **{target: source for _, table in _VALUE_SPECS.values() for source, target in table.items()},
}
_PARAM = re.compile(r"hyperparameters\.params\[(\d+)\](?:\.(\w+))?")
_EXECUTOR = re.compile(r"/tf-(?:cpu|gpu|tpu)\.(\d+)-(\d+)\b")
"""Google's images for TensorFlow, which name its version."""
_TABLES = (
    ("", "", _JOB),
    ("", f"{_STUDY}.metrics[0].", _METRIC),
    *(
        (role, f"{_TRIAL_JOB}.workerPoolSpecs[{i}].", {**_POOL, **(_OTHERS if i else _MASTER)})
        for i, role in enumerate(_ROLES)
    ),
)
_VERTEX_NAMES = _SAID_OTHERWISE | {
    target.format(role=role): f"{at}{source}"
    for role, at, table in _TABLES
    for source, target in table.items()
}
_ONE_OBJECTIVE = "must list one metric, the objective: a trial is judged by one"


def vertex_name(name: str) -> str:
    """Returns what Vertex AI calls a field of a training input, both dotted; a name of its own stays."""
    if match := _PARAM.fullmatch(name):
        inner = _PARAM_NAMES.get(match[2], match[2])
        return f"{'.'.join(map(str, _PARAMETERS))}[{match[1]}]" + (f".{inner}" if inner else "")
    return _VERTEX_NAMES.get(name, name)


def metric_field(service: Service) -> str:
    """Returns what a service's job file calls the field that has the objective's name, without its path."""
    name = "hyperparameters.hyperparameterMetricTag"
    return (vertex_name(name) if service is Service.VERTEX_AI else name).rpartition(".")[2]


def is_vertex(data: object) -> bool:
    """Returns whether a job file's data is a HyperparameterTuningJob, in either spelling of its fields."""
    return (
        isinstance(data, dict)
        and not {"trainingInput", "hyperparameters"} & data.keys()
        and bool({_STUDY, _TRIAL_JOB} & set(map(_camel, data)))
    )


def _camel(name: str) -> str:
    # A name with a capital is as the JSON form has it.
    return to_camel(name) if "_" in name else name


def read_vertex(document: Document, source: str, overrides: Sequence[Override]) -> Findings:
    """Reads a HyperparameterTuningJob as a training input.

    Args:
        document: The file.
        source: What to call it in messages.
        overrides: The fields of the training input that flags set.

    Returns:
        The training input, with what is wrong with the file's own fields.
    """
    findings = Findings(source, with_names(document, _camel))
    job = read_fields(findings, HyperparameterTuningJob, apart=_PARAMETERS)
    findings.warn_repeated()
    given = job.model_dump(mode="json", by_alias=True, exclude_none=True)
    made = _Made(given)
    _translate_study(given.get(_STUDY, {}), made, findings)
    _translate_pools(given.get(_TRIAL_JOB, {}).get("workerPoolSpecs", []), made, findings)
    made.move((), (), _JOB)
    _warn_not_honoured(given, (), "", findings)
    _warn_not_honoured(given, (_STUDY,), _STUDY, findings)
    _warn_not_honoured(given, (_TRIAL_JOB,), _TRIAL_JOB, findings)
    # The one task is called the chief there.
    made.set(("service",), Service.VERTEX_AI.value)
    made.set(("useChiefInTfConfig",), True)
    findings.translate(plain_document(made.training_input).data, made.origins, overrides)
    return findings


@dataclass
class _Made:
    """A training input that is being made, and of what each of its fields is made.

    Attributes:
        given: The HyperparameterTuningJob.
        training_input: The training input.
        origins: Path in the training input -> path in the HyperparameterTuningJob.
    """

    given: dict[str, Any]
    training_input: dict[str, Any] = field(default_factory=dict)
    origins: dict[FieldPath, FieldPath] = field(default_factory=dict)

    def move(self, at: FieldPath, to: FieldPath, table: Mapping[str, str], **names: str) -> None:
        """Puts fields below ``at`` where the table says, below ``to``; what is empty counts as not given.

        Args:
            at: Where the fields are.
            to: Where they go.
            table: Dotted path below ``at`` -> dotted path below ``to``.
            names: What stands for names in braces there.
        """
        for source, target in table.items():
            origin = (*at, *source.split("."))
            path = (*to, *target.format(**names).split("."))
            value = _value(self.given, origin)
            self.origins.setdefault(path, origin)
            if not isinstance(value, dict) and value not in (None, "", []):
                self.origins[path] = origin
                self.set(path, value)

    def set(self, path: FieldPath, value: object) -> None:
        """Sets a field; a list on the way has an item at each place already."""
        *way, name = path
        holder: Any = self.training_input
        for step in way:
            holder = holder[step] if isinstance(step, int) else holder.setdefault(step, {})
        holder[name] = value


def _value(data: Any, path: FieldPath) -> Any:  # noqa: ANN401
    for name in path:
        if data is None:
            return None
        data = data[name] if isinstance(name, int) else data.get(name)
    return data


def _translate_study(study: dict[str, Any], made: _Made, findings: Findings) -> None:
    if not study:
        findings.missing((_STUDY,), "a tuning job needs its metrics and parameters")
        return
    made.set(("hyperparameters",), {})
    _translate_metrics(study.get("metrics", []), made, findings)
    stopping = ("medianAutomatedStoppingSpec", *_STOPPING_RULES)
    if any(name in study for name in stopping):
        made.set(("hyperparameters", "enableTrialEarlyStopping"), True)
    parameters = study.get("parameters", [])
    made.set(_PARAMS, [{} for _ in parameters])
    made.origins[_PARAMS] = _PARAMETERS
    for i, parameter in enumerate(parameters):
        made.origins[*_PARAMS, i] = (*_PARAMETERS, i)
        _translate_parameter(parameter, i, made, findings)


def _translate_metrics(metrics: list[dict[str, Any]], made: _Made, findings: Findings) -> None:
    if not metrics:
        findings.missing(_METRICS, _ONE_OBJECTIVE)
        return
    if len(metrics) > 1:
        findings.fault(_METRICS, f"lists {len(metrics)}; {_ONE_OBJECTIVE}")
    at = (*_METRICS, 0)
    if not metrics[0].get("metricId"):
        findings.missing((*at, "metricId"), "the objective needs the name that trials report it by")
    made.move(at, (), _METRIC)
    _warn_not_honoured(made.given, at, "metric", findings)


def _translate_parameter(parameter: dict[str, Any], i: int, made: _Made, findings: Findings) -> None:
    at, to = (*_PARAMETERS, i), (*_PARAMS, i)
    made.move(at, to, {"parameterId": "parameterName"})
    if parameter.get("scaleType") != "SCALE_TYPE_UNSPECIFIED":
        made.move(at, to, {"scaleType": "scaleType"})
    if parameter.get("conditionalParameterSpecs"):
        ways = "list those parameters with the others, or run a job for each value of this one"
        findings.fault(
            (*at, "conditionalParameterSpecs"), f"is not supported: each trial tunes every parameter; {ways}"
        )
    _warn_not_honoured(made.given, at, "parameter", findings)
    kinds = [name for name in _VALUE_SPECS if name in parameter]
    if len(kinds) != 1:
        has = f"has {' and '.join(kinds)}" if kinds else "has none of its values"
        findings.fault(at, f"{has}; must have one of {', '.join(_VALUE_SPECS)}")
        return
    kind, table = _VALUE_SPECS[kinds[0]]
    made.set((*to, "type"), kind.value)
    made.origins[*to, "type"] = (*at, kinds[0])
    made.move((*at, kinds[0]), to, table)


def _translate_pools(pools: list[dict[str, Any]], made: _Made, findings: Findings) -> None:
    if len(pools) > len(_ROLES):
        allowed = "the chief, workers, parameter servers and evaluators"
        findings.fault(_POOLS, f"lists {len(pools)}; must list at most {len(_ROLES)}: {allowed}")
    for i, (role, pool) in enumerate(zip(_ROLES, pools, strict=False)):
        at = (*_POOLS, i)
        if "containerSpec" in pool and "pythonPackageSpec" in pool:
            findings.fault(at, "has both containerSpec and pythonPackageSpec; must have one of them")
        made.move(at, (), _POOL, role=role)
        _warn_not_honoured(made.given, at, "pool", findings)
        if role != _ROLES[0]:
            made.move(at, (), _OTHERS, role=role)
            continue
        made.move(at, (), _MASTER)
        _translate_chief(pool, at, made, findings)


def _translate_chief(pool: dict[str, Any], at: FieldPath, made: _Made, findings: Findings) -> None:
    replicas = pool.get("replicaCount", 1)
    if replicas > 1:
        findings.fault((*at, "replicaCount"), f"is {replicas}; must be 1: the first pool is the chief's")
    machine = pool.get("machineSpec", {})
    if (machine.get("acceleratorType") or machine.get("acceleratorCount")) and not machine.get("machineType"):
        needed = "an accelerator needs a machine to be attached to, such as n1-standard-8"
        findings.missing((*at, "machineSpec", "machineType"), needed)
    image = pool.get("pythonPackageSpec", {}).get("executorImageUri")
    if not image:
        return
    origin = (*at, "pythonPackageSpec", "executorImageUri")
    if version := _EXECUTOR.search(image):
        made.set(("runtimeVersion",), ".".join(version.groups()))
        made.origins[("runtimeVersion",)] = origin
    else:
        ways = "the trainer runs in a runtime of this machine; in a cluster hptune's image is used"
        findings.warn(origin, f"is {show(image)}, which is not run: {ways}")


def _warn_not_honoured(given: dict[str, Any], at: FieldPath, group: str, findings: Findings) -> None:
    holder = _value(given, at)
    for name, why in _NOT_HONOURED[group].items():
        path: FieldPath = tuple(name.split("."))
        value = _value(holder, path)
        # An empty one is a rule without settings.
        is_given = value == {} if path[-1] in _STOPPING_RULES and not value else value not in _NOTHING
        if is_given and not str(value).endswith("_UNSPECIFIED"):
            findings.warn((*at, *path), why)
