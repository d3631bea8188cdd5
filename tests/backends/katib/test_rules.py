"""The rules that other tests hold Experiments to do find what they are there for."""

import copy

import pytest
from rules import violations
from submissions import LR, submission

from hptune.backends.katib.experiment.build import build_experiment
from hptune.backends.katib.options import KatibOptions

UNITS = {"parameterName": "units", "type": "DISCRETE", "discreteValues": [16, 32]}
PARAMETERS, TEMPLATE = ("spec", "parameters"), ("spec", "trialTemplate")
POD = (*TEMPLATE, "trialSpec", "spec", "template", "spec")
SPACE, LIST = (*PARAMETERS, 0, "feasibleSpace"), (*PARAMETERS, 1, "feasibleSpace")
PATH = ("spec", "metricsCollectorSpec", "source", "fileSystemPath")
COLLECTOR = ("spec", "metricsCollectorSpec", "collector", "kind")
MISSING = object()


@pytest.fixture(scope="module")
def valid():
    experiment = build_experiment(submission(LR, UNITS, enableTrialEarlyStopping=True), KatibOptions())
    assert violations(experiment) == []
    return experiment


def changed(experiment, path, value):
    """A copy with another value at a path, or without it."""
    result = copy.deepcopy(experiment)
    *parents, last = path
    owner = result
    for key in parents:
        owner = owner[key]
    if value is MISSING:
        del owner[last]
    else:
        owner[last] = value
    return result


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        (("metadata", "name"), "Upper", "name"),
        (("metadata", "name"), "ends-", "name"),
        (("metadata", "name"), "a" * 41, "name"),
        (("spec", "maxTrialCount"), MISSING, "maxTrialCount"),
        (("spec", "maxTrialCount"), 0, "maxTrialCount"),
        (("spec", "parallelTrialCount"), 0, "parallelTrialCount"),
        (("spec", "parallelTrialCount"), 11, "parallelTrialCount"),
        (("spec", "maxFailedTrialCount"), -1, "maxFailedTrialCount"),
        (("spec", "maxFailedTrialCount"), 11, "maxFailedTrialCount"),
        (("spec", "objective"), MISSING, "objective"),
        (("spec", "objective", "type"), "MAXIMIZE", "objective type"),
        (("spec", "objective", "objectiveMetricName"), "", "objective metric"),
        (("spec", "objective", "additionalMetricNames"), ["accuracy"], "objective repeated"),
        (("spec", "objective", "goal"), 0.9, "a goal"),
        (("spec", "objective", "metricStrategies"), [], "strategy"),
        (("spec", "objective", "objectiveMetricName"), "a;b", "metric name"),
        (("spec", "algorithm", "algorithmName"), "vizier", "algorithm"),
        (("spec", "algorithm", "algorithmSettings"), [{"name": "seed", "value": "0"}], "setting"),
        (
            ("spec", "algorithm", "algorithmSettings"),
            [{"name": "n_initial_points", "value": "10"}],
            "n_initial",
        ),
        (("spec", "earlyStopping", "algorithmName"), "median", "early stopping"),
        (PARAMETERS, [], "parameters or nasConfig"),
        (("spec", "nasConfig"), {"graphConfig": {"numLayers": 1}}, "parameters or nasConfig"),
        ((*PARAMETERS, 0, "parameterType"), "float", "parameterType"),
        (SPACE, {}, "feasibleSpace"),
        ((*SPACE, "distribution"), MISSING, "distribution"),
        ((*SPACE, "list"), ["1"], "list of a range"),
        ((*SPACE, "min"), "", "range without an end"),
        ((*SPACE, "max"), MISSING, "range without an end"),
        ((*SPACE, "min"), "0.1", "range that is empty"),
        ((*SPACE, "min"), "0", "logarithm"),
        (SPACE, {"min": "-1", "max": "1", "distribution": "uniform"}, "DOUBLE that is not positive"),
        ((*LIST, "max"), "1", "min, max or step of a list"),
        ((*LIST, "step"), "1", "min, max or step of a list"),
        ((*LIST, "list"), [], "list that is empty"),
        ((*LIST, "list"), ["1", "1"], "list that is empty or repeats"),
        ((*LIST, "list"), ['a"b'], "value that breaks"),
        (COLLECTOR, "StdOut", "collector"),
        ((*PATH, "path"), "metrics.json", "collector's path"),
        ((*PATH, "kind"), "Directory", "collector's path"),
        ((*PATH, "format"), MISSING, "collector's format"),
        (("spec", "metricsCollectorSpec", "source", "filter"), {"metricsFormat": ["x"]}, "filter with JSON"),
        ((*TEMPLATE, "primaryContainerName"), MISSING, "primaryContainerName"),
        ((*TEMPLATE, "primaryContainerName"), "main", "primary container that"),
        ((*TEMPLATE, "failureCondition"), "", "conditions"),
        ((*TEMPLATE, "successCondition"), MISSING, "conditions"),
        ((*TEMPLATE, "trialParameters"), MISSING, "trialParameters"),
        ((*TEMPLATE, "trialSpec"), MISSING, "trialSpec or configMap"),
        ((*TEMPLATE, "configMap"), {"configMapName": "x"}, "trialSpec or configMap"),
        ((*TEMPLATE, "trialParameters", 1, "name"), "{lr}", "or with braces"),
        ((*TEMPLATE, "trialParameters", 1, "name"), "", "without a name"),
        ((*TEMPLATE, "trialParameters", 1, "reference"), "", "without a name"),
        ((*TEMPLATE, "trialParameters", 1, "name"), "units", "trialParameter repeated"),
        ((*TEMPLATE, "trialParameters", 1, "reference"), "units", "trialParameter repeated"),
        ((*TEMPLATE, "trialParameters", 1, "reference"), "other", "trialParameters other"),
        ((*TEMPLATE, "trialParameters", 1, "name"), "other", "no place for"),
        ((*POD, "containers", 0, "command", 0), "${trialParameters.other}", "no trialParameter fills"),
        ((*TEMPLATE, "trialSpec", "kind"), MISSING, "apiVersion or kind"),
        ((*TEMPLATE, "trialSpec", "metadata"), {"name": "x"}, "name or namespace"),
        ((*TEMPLATE, "trialSpec", "metadata"), {"namespace": "x"}, "name or namespace"),
        ((*TEMPLATE, "trialSpec", "apiVersion"), MISSING, "apiVersion or kind"),
        ((*POD, "restartPolicy"), 1, "not a batch/v1 Job"),
        ((*POD, "restartpolicy"), "Never", "not a batch/v1 Job"),
        ((*POD, "volumes", 1, "emptyDir", "sizeLimit"), "1000Ki", "quantity"),
        (("spec", "parallelTrials"), 1, "a field that Katib does not know"),
    ],
)
def test_a_rule_finds_what_it_is_for(valid, path, value, rule):
    found = violations(changed(valid, path, value))
    assert [each for each in found if each.startswith(rule) or rule in each], found


def test_the_namespace_must_let_katib_in(valid):
    assert violations(valid, namespace_labels=()) == ["namespace"]
