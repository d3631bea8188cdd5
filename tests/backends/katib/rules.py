"""What Katib 0.19 refuses of an Experiment, and what its services stumble over at run time.

Written from what is known of its webhook and its services, to stand in for them; test_rules.py tries each
rule.
"""

import json
import posixpath
import re
from collections import Counter

import kubernetes_validate
from kubeflow_katib_api.models import V1beta1Experiment

NAMESPACE_LABEL = "katib.kubeflow.org/metrics-collector-injection"
ALGORITHMS = {"bayesianoptimization", "gp-bandit", "random", "grid", "tpe"}
EARLY_STOPPING = {"medianstop"}
SETTINGS = {
    "bayesianoptimization": {
        "base_estimator",
        "n_initial_points",
        "acq_func",
        "acq_optimizer",
        "random_state",
    },
    "random": {"random_state"},
    "grid": {"random_state"},
}
KUBERNETES = "1.36"
# Quantities of whole bytes as Kubernetes writes them itself.
CANONICAL = re.compile(r"[1-9]\d*([MGT]i)?")


def violations(experiment, namespace_labels=(NAMESPACE_LABEL,)):
    """Everything that is wrong, as texts."""
    found = [] if NAMESPACE_LABEL in namespace_labels else ["namespace"]
    name = experiment["metadata"].get("name", "")
    if not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name) or len(name) > 40:
        found.append("name")
    spec = experiment["spec"]
    found += _counts(spec)
    found += _objective(spec.get("objective"))
    found += _algorithm(spec)
    if bool(spec.get("parameters")) == bool(spec.get("nasConfig")):
        found.append("parameters or nasConfig")
    for parameter in spec.get("parameters") or []:
        found += _parameter(parameter, spec.get("algorithm", {}).get("algorithmName"))
    found += _collector(spec.get("metricsCollectorSpec") or {})
    found += _template(spec)
    if V1beta1Experiment.from_dict(experiment).to_dict() != experiment:
        found.append("a field that Katib does not know, and drops")
    return found


def _counts(spec):
    most, parallel, failed = (
        spec.get(field) for field in ("maxTrialCount", "parallelTrialCount", "maxFailedTrialCount")
    )
    if most is None or most <= 0:
        yield "maxTrialCount"
    elif parallel is None or not 0 < parallel <= most:
        yield "parallelTrialCount"
    elif failed is None or not 0 <= failed <= most:
        yield "maxFailedTrialCount"


def _objective(objective):
    if not objective:
        yield "objective"
        return
    metric = objective.get("objectiveMetricName")
    additional = objective.get("additionalMetricNames", [])
    if objective.get("type") not in ("minimize", "maximize"):
        yield "objective type"
    if not metric:
        yield "objective metric"
    if metric in additional:
        yield "objective repeated"
    if "goal" in objective:
        yield "a goal, which would end the job early"
    for name in (metric or "", *additional):
        if ";" in name or "$(" in name or "$$" in name or len(name.encode()) > 255 or name == "timestamp":
            yield "metric name that the collector cannot carry"
    strategies = {strategy["name"]: strategy["value"] for strategy in objective.get("metricStrategies", [])}
    if strategies != dict.fromkeys([metric, *additional], "latest"):
        yield "strategy: the defaulter would take the best value"


def _algorithm(spec):
    algorithm = spec.get("algorithm") or {}
    name = algorithm.get("algorithmName")
    if name not in ALGORITHMS:
        yield "algorithm"
    settings = {each["name"]: each["value"] for each in algorithm.get("algorithmSettings", [])}
    if name in SETTINGS and set(settings) - SETTINGS[name]:
        yield "setting that the service does not know"
    if not all(isinstance(value, str) for value in settings.values()):
        yield "setting that is not text"
    if name == "bayesianoptimization":
        initial = int(settings.get("n_initial_points", 10))
        if not 1 <= initial < max(spec.get("maxTrialCount") or 1, 2):
            yield "n_initial_points: a random search from end to end"
    stopping = spec.get("earlyStopping")
    if stopping and stopping.get("algorithmName") not in EARLY_STOPPING:
        yield "early stopping"


def _parameter(parameter, algorithm):
    kind, space = parameter.get("parameterType"), parameter.get("feasibleSpace") or {}
    if kind not in ("int", "double", "categorical", "discrete"):
        yield "parameterType"
    if not space:
        yield "feasibleSpace"
        return
    if space.get("distribution") not in ("uniform", "logUniform"):
        yield "distribution"
    if kind in ("int", "double"):
        yield from _range(kind, space, algorithm)
    else:
        members = space.get("list") or []
        if space.get("min") or space.get("max") or space.get("step"):
            yield "min, max or step of a list"
        if not members or max(Counter(members).values()) > 1:
            yield "list that is empty or repeats itself"
        if any(re.search(r'["\\\s\'$`&|;<>()*?]', member) for member in members):
            yield "value that breaks the JSON or the shell it is put into"


def _range(kind, space, algorithm):
    if space.get("list"):
        yield "list of a range"
    if not space.get("min") or not space.get("max"):
        yield "range without an end"
        return
    number = int if kind == "int" else float
    low, high = number(space["min"]), number(space["max"])
    if low >= high:
        yield "range that is empty"
    if space.get("distribution") == "logUniform" and low <= 0:
        yield "logarithm of what is not positive"
    if algorithm == "bayesianoptimization" and kind == "double" and low <= 0:
        yield "DOUBLE that is not positive, which scikit-optimize takes the logarithm of"


def _collector(collector):
    path = (collector.get("source") or {}).get("fileSystemPath") or {}
    if (collector.get("collector") or {}).get("kind") != "File":
        yield "collector"
    elif path.get("kind") != "File" or not posixpath.isabs(path.get("path", "")):
        yield "collector's path"
    elif path.get("format") not in ("TEXT", "JSON"):
        yield "collector's format"
    elif path["format"] == "JSON" and collector["source"].get("filter"):
        yield "filter with JSON"


def _template(spec):
    template = spec.get("trialTemplate") or {}
    if not template.get("primaryContainerName"):
        yield "primaryContainerName"
    if not template.get("successCondition") or not template.get("failureCondition"):
        yield "conditions"
    if not template.get("trialParameters"):
        yield "trialParameters"
        return
    if bool(template.get("trialSpec")) == bool(template.get("configMap")):
        yield "trialSpec or configMap"
        return
    yield from _trial_parameters(template, {parameter["name"] for parameter in spec.get("parameters") or []})
    yield from _job(template)


def _trial_parameters(template, known):
    parameters = template["trialParameters"]
    names = [parameter.get("name") or "" for parameter in parameters]
    references = [parameter.get("reference") or "" for parameter in parameters]
    if not all(names) or not all(references) or any(re.search("[{}]", name) for name in names):
        yield "trialParameter without a name or reference, or with braces"
    if len({*names}) < len(names) or len({*references}) < len(references):
        yield "trialParameter repeated"
    tuned = {reference for reference in references if not re.search(r"\$\{trialSpec\.(.+?)\}", reference)}
    if tuned != known:
        yield "trialParameters other than the parameters"
    text = json.dumps(template["trialSpec"], ensure_ascii=False)
    for name in names:
        if f"${{trialParameters.{name}}}" not in text:
            yield "trialParameter that the template has no place for"
        text = text.replace(f"${{trialParameters.{name}}}", "test-value")
    if re.search(r"\$\{trialParameters\..+?\}", text):
        yield "place in the template that no trialParameter fills"


def _job(template):
    job = template["trialSpec"]
    metadata = job.get("metadata") or {}
    if not job.get("apiVersion") or not job.get("kind"):
        yield "apiVersion or kind of the template"
        return
    if metadata.get("name") or metadata.get("namespace"):
        yield "name or namespace in the template"
        return
    for each in _as_jobs(job):
        try:
            kubernetes_validate.validate({**each, "metadata": {"name": "x"}}, KUBERNETES, strict=True)
        except (kubernetes_validate.ValidationError, kubernetes_validate.InvalidSchemaError) as error:
            yield f"not a batch/v1 Job: {error}"
            return
        yield from _pod(template, each["spec"]["template"]["spec"])


def _as_jobs(job):
    """The pods of a TFJob each as a Job, whose schema is at hand, with the operator's own policy for it."""
    if job["kind"] != "TFJob":
        return [job]
    templates = [replica["template"] for replica in job["spec"]["tfReplicaSpecs"].values()]
    pods = [{**each, "spec": {**each["spec"], "restartPolicy": "Never"}} for each in templates]
    return [{"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": pod}} for pod in pods]


def _pod(template, pod):
    if template.get("primaryContainerName") not in [container["name"] for container in pod["containers"]]:
        yield "primary container that the Job does not have"
    for volume in pod.get("volumes", []):
        limit = volume.get("emptyDir", {}).get("sizeLimit")
        if limit and not CANONICAL.fullmatch(limit):
            yield "quantity that Kubernetes writes differently"
