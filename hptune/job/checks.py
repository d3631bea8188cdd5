"""What a tuning job must satisfy as a whole: which fields it needs and which values go together."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hptune.errors import JobFileError
from hptune.job.document import FieldPath
from hptune.job.fields import show
from hptune.job.findings import Findings
from hptune.job.machines import Machine, resolve_machine
from hptune.job.reading import field_names, read_fields
from hptune.job.replicas import BESIDE_MASTER, Replicas, Role, idle_fields, resolve_replicas
from hptune.job.schema import (
    IDLE_JOB_FIELDS,
    JOB_FIELDS,
    Algorithm,
    HyperparameterSpec,
    ParameterSpec,
    ParameterType,
    ScaleType,
    TrainingInput,
)
from hptune.search.scale import Scale
from hptune.search.space import (
    Categorical,
    Discrete,
    Double,
    Integer,
    Parameter,
    SearchSpace,
    format_number,
)

MAX_DISCRETE_VALUES = 1000
MAX_EXACT_INTEGER = 2**53
"""The largest whole number allowed: beyond it, neighbours share one double."""

_TUNING: FieldPath = ("hyperparameters",)
_PARAMS: FieldPath = (*_TUNING, "params")

_SCALES = {
    None: Scale.LINEAR,
    ScaleType.NONE: Scale.LINEAR,
    ScaleType.LINEAR: Scale.LINEAR,
    ScaleType.LOG: Scale.LOG,
    ScaleType.REVERSE_LOG: Scale.REVERSE_LOG,
}

_UNUSED = {
    ParameterType.DOUBLE: ("categoricalValues", "discreteValues"),
    ParameterType.INTEGER: ("categoricalValues", "discreteValues"),
    ParameterType.DISCRETE: ("categoricalValues", "minValue", "maxValue"),
    ParameterType.CATEGORICAL: ("discreteValues", "minValue", "maxValue", "scaleType"),
}

_ELSEWHERE = "has no effect outside Cloud ML Engine"
_RUNTIME = "is a hint here, where the trainer's source decides what it runs in; in a cluster the image does"
_PYTHON = "chooses no interpreter; --python does on this machine, in a cluster the image"
_SAME_COMMAND = "is ignored; every task of a trial runs the same program"
_NOT_HONOURED: dict[FieldPath, str] = {
    **{
        (f"{role.field}Config", field): _ELSEWHERE
        for field in ("diskConfig", "tpuTfVersion")
        for role in Role
    },
    **{
        (f"{role.field}Config", field): _SAME_COMMAND
        for field in ("containerCommand", "containerArgs")
        for role in BESIDE_MASTER
    },
    ("region",): _ELSEWHERE,
    ("runtimeVersion",): _RUNTIME,
    ("pythonVersion",): _PYTHON,
    ("network",): _ELSEWHERE,
    ("serviceAccount",): _ELSEWHERE,
    ("enableWebAccess",): _ELSEWHERE,
    ("encryptionConfig",): _ELSEWHERE,
    ("scheduling", "maxWaitTime"): _ELSEWHERE,
    ("scheduling", "priority"): _ELSEWHERE,
    ("nasJobSpec",): "is ignored; neural architecture search is not supported",
}


def read_training_input(findings: Findings) -> TrainingInput:
    """Reads every field by its own type; what is faulty is noted and left out."""
    training = read_fields(findings, TrainingInput, apart=_PARAMS)
    for name in findings.outside:
        findings.warn_outside(name, JOB_FIELDS, field_names(TrainingInput))
        if name in IDLE_JOB_FIELDS:
            findings.warn_beside(name, _ELSEWHERE)
    findings.warn_repeated()
    return training


def check_machine(training: TrainingInput, findings: Findings) -> Machine | None:
    """Reads the master's machine; None where a fault was noted."""
    config = training.master_config
    accelerator = config.accelerator_config if config else None
    try:
        machine = resolve_machine(
            training.scale_tier,
            training.master_type,
            accelerator.type if accelerator else None,
            accelerator.count if accelerator else None,
        )
    except JobFileError as error:
        for fault in error.faults:
            findings.fault(tuple(fault.place.split(".")), fault.problem)
        return None
    for warning in machine.warnings:
        findings.warn(("scaleTier",) if training.scale_tier else ("masterType",), warning)
    return machine


def check_replicas(training: TrainingInput, findings: Findings) -> tuple[Replicas, ...]:
    """Reads the tasks beside the master; of use only where no fault was noted."""
    for field, warning in idle_fields(training):
        findings.warn((field,), warning)
    try:
        replicas = resolve_replicas(training)
    except JobFileError as error:
        for fault in error.faults:
            findings.fault(tuple(fault.place.split(".")), fault.problem)
        return ()
    for each in replicas:
        for warning in each.machine.warnings:
            findings.warn((f"{each.role.field}Type",), warning)
    return replicas


def check_module(training: TrainingInput, findings: Findings) -> None:
    """Checks a module's name: it goes on a command line and must not look like anything else there."""
    name = training.python_module
    if name is not None and (not name or name.startswith("-") or not name.isprintable() or " " in name):
        findings.fault(("pythonModule",), f"is {show(name)}; must be a module's name, such as trainer.task")


def check_environment(training: TrainingInput, findings: Findings) -> None:
    """Checks the names of the environment variables that the job sets for the trainer."""
    variables = (training.master_config and training.master_config.env) or []
    for i, variable in enumerate(variables):
        name = variable.name or ""
        if not name.isprintable() or not name or "=" in name or "\0" in (variable.value or ""):
            path: FieldPath = ("masterConfig", "env", i, "name")
            findings.fault(path, f"is {show(variable.name)}; must be the name of an environment variable")


def warn_not_honoured(given: dict[str, Any], findings: Findings) -> None:
    """Warns of what ``given``, the training input, asks for in vain."""
    for path, why in _NOT_HONOURED.items():
        value: Any = given
        for name in path:
            value = value.get(name, {})
        if value:
            findings.warn(path, why)


def check_tuning(training: TrainingInput, findings: Findings) -> tuple[HyperparameterSpec, SearchSpace]:
    """Checks the tuning and its space; both are of use only where no fault was noted."""
    tuning = training.hyperparameters
    if tuning is None:
        findings.missing(_TUNING, "a tuning job needs at least params, and usually maxTrials and goal")
        return HyperparameterSpec(), SearchSpace(())
    _check_metric_tag(tuning.hyperparameter_metric_tag, findings)
    _check_algorithm(tuning, findings)
    if not tuning.params:
        earlier = tuning.resume_previous_job_id
        nowhere = f", and there is no job {earlier!r} beside this one to inherit them from" if earlier else ""
        findings.missing(_PARAMS, f"must list at least one parameter{nowhere}")
    return tuning, _search_space(tuning.params or [], findings)


def _check_metric_tag(tag: str | None, findings: Findings) -> None:
    if tag is not None and (not tag.strip() or not tag.isprintable()):
        path = (*_TUNING, "hyperparameterMetricTag")
        findings.fault(path, f"is {show(tag)}; must be the tag of the objective, on one line")


def _check_algorithm(tuning: HyperparameterSpec, findings: Findings) -> None:
    if tuning.algorithm is Algorithm.POPULATION_BASED_TRAINING:
        allowed = f"{Algorithm.BAYESIAN} (Bayesian), {Algorithm.GRID_SEARCH} or {Algorithm.RANDOM_SEARCH}"
        problem = f"is {tuning.algorithm}, which is not supported; must be {allowed}"
        findings.fault((*_TUNING, "algorithm"), problem)
    for i, spec in enumerate(tuning.params or []):
        if tuning.algorithm is Algorithm.GRID_SEARCH and spec.type is ParameterType.DOUBLE:
            problem = "is DOUBLE; must be INTEGER, CATEGORICAL or DISCRETE with algorithm GRID_SEARCH"
            findings.fault((*_PARAMS, i, "type"), problem)


def _search_space(specs: list[ParameterSpec], findings: Findings) -> SearchSpace:
    parameters = [_parameter(spec, (*_PARAMS, i), findings) for i, spec in enumerate(specs)]
    seen: dict[str, int] = {}
    for i, spec in enumerate(specs):
        name = spec.parameter_name or ""
        if seen.setdefault(name, i) != i and name:
            problem = f"is {show(name)}, the name of params[{seen[name]}] too; must be unique"
            findings.fault((*_PARAMS, i, "parameterName"), problem)
    return SearchSpace(tuple(parameter for parameter in parameters if parameter))


def _parameter(spec: ParameterSpec, at: FieldPath, findings: Findings) -> Parameter | None:
    _check_name(spec.parameter_name, (*at, "parameterName"), findings)
    _warn_unused(spec, at, findings)
    if spec.type is ParameterType.DOUBLE:
        return _double(spec, at, findings)
    if spec.type is ParameterType.INTEGER:
        return _integer(spec, at, findings)
    if spec.type is ParameterType.DISCRETE:
        return _discrete(spec, at, findings)
    if spec.type is ParameterType.CATEGORICAL:
        return _categorical(spec, at, findings)
    allowed = "must be DOUBLE, INTEGER, CATEGORICAL or DISCRETE"
    if spec.type is None:
        findings.missing((*at, "type"), allowed)
    else:
        findings.fault((*at, "type"), f"is {spec.type}; {allowed}")
    return None


def _check_name(name: str | None, path: FieldPath, findings: Findings) -> None:
    if name is None:
        findings.missing(path, "every parameter needs a name")
    elif name == "job-dir":
        findings.fault(
            path, "is job-dir; must be another name, for each trial gets its directory as --job-dir"
        )
    elif not name or not name.isprintable() or "=" in name or any(map(str.isspace, name)):
        findings.fault(path, f"is {show(name)}; must be a name without spaces, '=' or control characters")


def _warn_unused(spec: ParameterSpec, at: FieldPath, findings: Findings) -> None:
    given = spec.model_dump(by_alias=True, exclude_none=True)
    for name in _UNUSED.get(spec.type, ()) if spec.type else ():
        if given.get(name) and given[name] is not ScaleType.NONE:
            findings.warn((*at, name), f"is ignored for a {spec.type} parameter")


def _double(spec: ParameterSpec, at: FieldPath, findings: Findings) -> Double | None:
    bounds = _bounds(spec, at, findings)
    if bounds is None:
        return None
    low, high = bounds
    return Double(spec.parameter_name or "", float(low), float(high), _SCALES[spec.scale_type])


def _integer(spec: ParameterSpec, at: FieldPath, findings: Findings) -> Integer | None:
    bounds = _bounds(spec, at, findings)
    for name, value in (("minValue", spec.min_value), ("maxValue", spec.max_value)):
        if value is not None and (value != int(value) or abs(value) > MAX_EXACT_INTEGER):
            allowed = f"a whole number within +-{MAX_EXACT_INTEGER} for an INTEGER parameter"
            findings.fault((*at, name), f"is {format_number(value)}; must be {allowed}")
    if bounds is None:
        return None
    low, high = bounds
    return Integer(spec.parameter_name or "", int(low), int(high), _SCALES[spec.scale_type])


def _bounds(spec: ParameterSpec, at: FieldPath, findings: Findings) -> tuple[float, float] | None:
    low, high = spec.min_value, spec.max_value
    if low is None:
        findings.missing((*at, "minValue"), f"must be a finite number for a {spec.type} parameter")
    elif low <= 0:
        _check_positive(low, spec, (*at, "minValue"), findings)
    if high is None:
        findings.missing((*at, "maxValue"), f"must be a finite number for a {spec.type} parameter")
    if low is None or high is None:
        return None
    if high < low:
        problem = f"is {format_number(high)}; must be at least minValue ({format_number(low)})"
        findings.fault((*at, "maxValue"), problem)
    return low, high


def _check_positive(value: float, spec: ParameterSpec, path: FieldPath, findings: Findings) -> None:
    if value <= 0 and _SCALES[spec.scale_type] is not Scale.LINEAR:
        problem = f"{format_number(value)} is not allowed with {spec.scale_type} (must be > 0)"
        findings.fault(path, problem)


def _discrete(spec: ParameterSpec, at: FieldPath, findings: Findings) -> Discrete | None:
    path, values = (*at, "discreteValues"), spec.discrete_values
    if not values:
        findings.missing(path, "must hold at least one number for a DISCRETE parameter")
        return None
    if len(values) > MAX_DISCRETE_VALUES:
        findings.fault(path, f"holds {len(values)} numbers; must hold at most {MAX_DISCRETE_VALUES}")
    ordered = sorted(values)
    seen: set[float] = set()
    for i, value in enumerate(values):
        if value in seen:
            findings.fault((*path, i), f"{format_number(value)} is given twice; must be given once")
        seen.add(value)
    if ordered != list(values):
        findings.warn(
            path, "are not in increasing order, as the service wanted them; they are taken in that order"
        )
    _check_positive(ordered[0], spec, (*path, values.index(ordered[0])), findings)
    return Discrete(spec.parameter_name or "", tuple(ordered), _SCALES[spec.scale_type])


def _categorical(spec: ParameterSpec, at: FieldPath, findings: Findings) -> Categorical | None:
    path, values = (*at, "categoricalValues"), spec.categorical_values
    if not values:
        findings.missing(path, "must hold at least one text for a CATEGORICAL parameter")
        return None
    for value, times in Counter(values).items():
        if times > 1:
            findings.fault(path, f"holds {show(value)} {times} times; must hold each value once")
    return Categorical(spec.parameter_name or "", tuple(values))
