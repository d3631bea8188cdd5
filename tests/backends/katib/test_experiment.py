"""Submissions as Experiments: point by point, against Katib's rules, and back."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rules import violations
from submissions import LR, of_job, ranged, submission

from hptune.backends.katib.experiment.annotations import SUBMISSION_ANNOTATION, read_submission
from hptune.backends.katib.experiment.build import build_experiment
from hptune.backends.katib.experiment.checks import differences, unwatched_differences
from hptune.backends.katib.options import KatibAlgorithm, KatibOptions
from hptune.errors import InputError, JobDirError, UsageError
from hptune.job.submission import Program
from hptune.job.tuning_job import load_job, parse_job, parse_training_input
from hptune.search.scale import Scale
from hptune.search.space import Double, Integer
from hptune.storage.job_dir import JobDir
from hptune.trial.spec import TRIAL_FORM
from tests import job_texts

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "mnist" / "trainer" / "hptune.yaml"
JOB_FILES = sorted((ROOT / "tests" / "job" / "job_files").iterdir())
DEFAULTS = KatibOptions()
BANDIT = KatibOptions(algorithm=KatibAlgorithm.BANDIT)
STEPS = {"parameterName": "units", "type": "DISCRETE", "discreteValues": [16, 32.5, 64]}
SHAPE = {"parameterName": "shape", "type": "CATEGORICAL", "categoricalValues": ["64,16", "a b"]}


def spec_of(submission, options=DEFAULTS):
    return build_experiment(submission, options)["spec"]


def settings_of(spec):
    return {setting["name"]: setting["value"] for setting in spec["algorithm"]["algorithmSettings"]}


def container_of(spec):
    (container,) = pod_of(spec)["containers"]
    return container


def trial_of(spec):
    """What a trial is told, with Katib's marks where it fills something in."""
    (variable,) = container_of(spec)["env"]
    assert variable["name"] == "HPTUNE_TRIAL"
    return TRIAL_FORM.parse(variable["value"])


def pod_of(spec):
    return spec["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]


def refusals(submission, options=DEFAULTS):
    with pytest.raises(UsageError) as caught:
        build_experiment(submission, options)
    return [str(fault) for fault in caught.value.faults]


def test_the_example_point_by_point():
    job = of_job(load_job(EXAMPLE), user_args=["--train-file", "gs://bucket/data.npz"])
    experiment = build_experiment(job, KatibOptions(namespace="tuning"))
    assert violations(experiment) == []
    assert experiment["metadata"]["namespace"] == "tuning"
    assert experiment["metadata"]["labels"] == {"app.kubernetes.io/name": "hptune", "hptune.dev/job": "a-job"}
    spec = experiment["spec"]
    assert (spec["maxTrialCount"], spec["parallelTrialCount"], spec["maxFailedTrialCount"]) == (10, 1, 10)
    assert spec["objective"]["type"] == "maximize"
    assert spec["objective"]["objectiveMetricName"] == "accuracy"
    assert spec["algorithm"]["algorithmName"] == "bayesianoptimization"
    assert settings_of(spec) == {"random_state": "0", "n_initial_points": "3"}
    assert "earlyStopping" not in spec
    assert spec["parameters"] == [
        {
            "name": "num-steps",
            "parameterType": "int",
            "feasibleSpace": {"min": "200", "max": "10000", "distribution": "uniform"},
        },
        {
            "name": "lr",
            "parameterType": "double",
            "feasibleSpace": {"min": "0.001", "max": "0.1", "distribution": "logUniform"},
        },
    ]
    pod, container = pod_of(spec), container_of(spec)
    assert container["command"] == ["python", "-P", "-m", "hptune.trial"]
    trial = trial_of(spec)
    assert trial.trial_id == "${trialParameters.trialName}"
    assert trial.parameters == {each: f"${{trialParameters.{each}}}" for each in ("num-steps", "lr")}
    assert trial.user_args == ("--train-file", "gs://bucket/data.npz")
    assert trial.pod.upload_to == "gs://bucket/job"
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    assert pod["nodeSelector"] == {"cloud.google.com/gke-accelerator": "nvidia-tesla-t4"}
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert pod["restartPolicy"] == "Never"
    assert spec["trialTemplate"]["trialSpec"]["spec"]["backoffLimit"] == 0
    assert spec["trialTemplate"]["retain"] is True


def test_a_pod_that_ends_stops_its_own_trial_first():
    container = container_of(spec_of(submission()))
    hook = container["lifecycle"]["preStop"]["exec"]["command"]
    assert hook == ["python", "-P", "-m", "hptune.trial.pod.stop"]


@pytest.mark.parametrize("path", [*JOB_FILES, EXAMPLE], ids=lambda path: path.name)
@pytest.mark.parametrize("algorithm", KatibAlgorithm)
def test_every_job_file_becomes_a_valid_experiment(path, algorithm):
    try:
        job = load_job(path)
    except InputError:
        return
    # A cluster takes no trials from elsewhere; the rest of the file is to be tried.
    training = job.training_input
    tuning = {k: v for k, v in training["hyperparameters"].items() if k != "resumePreviousJobId"}
    job = parse_training_input({**training, "hyperparameters": tuning}, path.name)
    submitted = of_job(job)
    ranges = [each for each in job.space if isinstance(each, Double | Integer)]
    if algorithm is KatibAlgorithm.BAYESIAN and any(each.scale is Scale.REVERSE_LOG for each in ranges):
        assert all("gp-bandit" in fault for fault in refusals(submitted))
        return
    experiment = build_experiment(submitted, KatibOptions(algorithm=algorithm))
    assert violations(experiment) == []
    assert read_submission(experiment) == submitted


@pytest.mark.parametrize(
    "text",
    [
        job_texts.job_with_params(job_texts.PARAM),
        job_texts.job_with_params(job_texts.PARAM, goal="MINIMIZE", maxTrials=3, maxParallelTrials=1000),
        job_texts.job_with_params(job_texts.bounded(scaleType="UNIT_REVERSE_LOG_SCALE")),
        job_texts.job_with_params(job_texts.bounded(type="INTEGER", maxValue="1")),
        job_texts.job_with(scheduling="{maxRunningTime: 3600s}"),
    ],
)
def test_the_texts_of_the_readers_tests(text):
    submitted = of_job(parse_job(text, "job.yaml"))
    experiment = build_experiment(submitted, BANDIT)
    assert violations(experiment) == []
    assert read_submission(json.loads(json.dumps(experiment))) == submitted


def test_minimizing_with_limits():
    spec = spec_of(submission(goal="MINIMIZE", maxTrials=4, maxParallelTrials=9, maxFailedTrials=2))
    assert spec["objective"]["type"] == "minimize"
    assert (spec["parallelTrialCount"], spec["maxFailedTrialCount"]) == (4, 2)
    assert spec_of(submission(maxTrials=4, maxFailedTrials=9))["maxFailedTrialCount"] == 4


def test_lists_are_spelled_so_that_they_survive():
    spec = spec_of(submission(STEPS, SHAPE))
    assert [each["feasibleSpace"]["list"] for each in spec["parameters"]] == [
        ["16", "32.5", "64"],
        ["64%2C16", "a%20b"],
    ]
    assert [each["parameterType"] for each in spec["parameters"]] == ["discrete", "categorical"]


def test_a_range_of_one_value_is_a_list():
    spec = spec_of(submission(ranged("a", "INTEGER", 3, 3), ranged("b", "DOUBLE", 0, 0)))
    assert [each["feasibleSpace"]["list"] for each in spec["parameters"]] == [["3"], ["0"]]


def test_random_search():
    spec = spec_of(replace(submission(algorithm="RANDOM_SEARCH"), seed=7), BANDIT)
    assert spec["algorithm"]["algorithmName"] == "random"
    assert settings_of(spec) == {"random_state": "7"}


def test_a_grid_is_the_local_one_and_no_longer_than_it_is():
    job = submission(
        ranged("a", "INTEGER", 1, 3, "UNIT_REVERSE_LOG_SCALE"), SHAPE, algorithm="GRID_SEARCH", maxTrials=100
    )
    spec = spec_of(job)
    assert spec["algorithm"]["algorithmName"] == "grid"
    assert spec["maxTrialCount"] == 6
    assert spec["parameters"][0]["feasibleSpace"]["list"] == ["1", "2", "3"]
    assert violations(build_experiment(job, KatibOptions())) == []


def test_the_bandit_is_told_what_distributions_cannot_say():
    logged = {**STEPS, "scaleType": "UNIT_LOG_SCALE"}
    job = submission(
        ranged("a", "DOUBLE", 1, 9, "UNIT_REVERSE_LOG_SCALE"),
        logged,
        SHAPE,
        user_args=["--units=64", "--shape", "a b", "--a=2"],
    )
    settings = settings_of(spec_of(replace(job, seed=5), BANDIT))
    assert json.loads(settings.pop("first_points")) == [{"a": "2", "units": "64", "shape": "a%20b"}]
    assert settings == {
        "seed": "5",
        "trial_names": "numbered",
        "scale.a": "UNIT_REVERSE_LOG_SCALE",
        "scale.units": "UNIT_LOG_SCALE",
    }


@pytest.mark.parametrize(
    ("trials", "parallel", "parameters", "expected"),
    [
        (1, 1, 1, 1),
        (2, 1, 1, 1),
        (4, 1, 1, 2),
        (10, 1, 2, 3),
        (10, 8, 2, 2),
        (10, 10, 2, 1),
        (1000, 1, 14, 15),
    ],
)
def test_a_model_suggests_before_the_budget_is_spent(trials, parallel, parameters, expected):
    params = [ranged(f"p{i}", "INTEGER", 1, 9) for i in range(parameters)]
    spec = spec_of(submission(*params, maxTrials=trials, maxParallelTrials=parallel))
    assert settings_of(spec)["n_initial_points"] == str(expected)


def test_early_stopping():
    spec = spec_of(submission(enableTrialEarlyStopping=True))
    assert spec["earlyStopping"]["algorithmName"] == "medianstop"


def test_the_time_limit_leaves_the_pod_time_for_the_rest():
    spec = spec_of(submission(training={"scheduling": {"maxRunningTime": "7200.5s"}}))
    assert trial_of(spec).time_limit_s == 7200.5
    assert pod_of(spec)["activeDeadlineSeconds"] == 7201 + 3600
    unlimited = spec_of(submission())
    assert trial_of(unlimited).time_limit_s is None
    assert pod_of(unlimited)["activeDeadlineSeconds"] > 7 * 24 * 3600


def test_options_reach_the_pod():
    options = KatibOptions(
        image="registry/trainer:1",
        image_pull_secret="pull",
        service_account="account",
        secret="keys",
        volume_claim="claim",
        gpus=2,
        accelerator="nvidia-l4",
        cpu=1.5,
        memory_bytes=2**31,
        shared_memory_bytes=2**30,
        node_selector={"pool": "spot"},
        labels={"team": "research"},
        priority_class="low",
    )
    job = submission(job_dir="/mnt/hptune/jobs/a")
    experiment = build_experiment(job, options)
    assert violations(experiment) == []
    assert experiment["metadata"]["labels"]["team"] == "research"
    pod, container = pod_of(experiment["spec"]), container_of(experiment["spec"])
    assert container["image"] == "registry/trainer:1"
    assert container["envFrom"] == [{"secretRef": {"name": "keys"}}]
    assert container["resources"] == {
        "requests": {"cpu": "1500m", "memory": "2Gi"},
        "limits": {"nvidia.com/gpu": "2", "memory": "2Gi"},
    }
    assert pod["nodeSelector"] == {"cloud.google.com/gke-accelerator": "nvidia-l4", "pool": "spot"}
    assert pod["imagePullSecrets"] == [{"name": "pull"}]
    assert (pod["serviceAccountName"], pod["priorityClassName"]) == ("account", "low")
    assert "automountServiceAccountToken" not in pod
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    sources = {volume["name"]: volume for volume in pod["volumes"]}
    assert mounts["jobs"] == "/mnt/hptune"
    assert sources["jobs"]["persistentVolumeClaim"] == {"claimName": "claim"}
    assert sources["shared-memory"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "1Gi"}
    (variable,) = container["env"]
    assert TRIAL_FORM.parse(variable["value"]).directory == JobDir(Path("/mnt/hptune/jobs/a")).trial(
        "{trial_id}"
    )


def test_without_gpus_any_node_will_do():
    pod = pod_of(spec_of(of_job(load_job(EXAMPLE)), KatibOptions(gpus=0)))
    assert "nodeSelector" not in pod
    assert "tolerations" not in pod
    assert "limits" not in pod["containers"][0]["resources"]


def test_the_pod_fits_a_restricted_namespace():
    pod = pod_of(spec_of(submission()))
    assert pod["automountServiceAccountToken"] is False
    context = pod["containers"][0]["securityContext"]
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    for each in (context, pod["securityContext"]):
        assert each["runAsNonRoot"] is True
        assert each["runAsUser"] == 10001
        assert each["seccompProfile"] == {"type": "RuntimeDefault"}
    dockerfile = (ROOT / "images" / "Dockerfile").read_text()
    assert "--uid 10001" in dockerfile


def test_a_command_in_place_of_a_module():
    job = replace(submission(), program=Program(command=("python", "my trainer.py")), pass_job_dir=False)
    trial = trial_of(spec_of(job))
    assert (trial.program, trial.pass_job_dir) == (job.program, False)


def test_packages_are_fetched_by_the_trial():
    job = replace(submission(), packages=("gs://bucket/t.tar.gz#sha256=00",))
    assert trial_of(spec_of(job)).pod.packages == job.packages


@pytest.mark.parametrize(
    ("param", "algorithm", "place"),
    [
        (ranged("a", "DOUBLE", 0, 1), None, "params[0].minValue: is 0; must be > 0"),
        (ranged("a", "DOUBLE", -1, 1), None, "params[0].minValue: is -1; must be > 0"),
        (ranged("a", "DOUBLE", 1, 2, "UNIT_REVERSE_LOG_SCALE"), None, "params[0].scaleType"),
        (ranged("a", "INTEGER", 1, 9, "UNIT_REVERSE_LOG_SCALE"), None, "params[0].scaleType"),
        (ranged("a", "DOUBLE", 1, 2, "UNIT_REVERSE_LOG_SCALE"), "RANDOM_SEARCH", "params[0].scaleType"),
    ],
)
def test_what_katibs_algorithms_would_get_wrong_is_refused(param, algorithm, place):
    (fault,) = refusals(submission(param, algorithm=algorithm))
    assert fault.startswith(f"job.yaml: trainingInput.hyperparameters.{place}")
    assert "--algorithm gp-bandit" in fault
    assert build_experiment(submission(param), BANDIT)


def test_ranges_below_zero_are_fine_with_random_search():
    job = submission(ranged("a", "DOUBLE", -1, 1), algorithm="RANDOM_SEARCH")
    assert violations(build_experiment(job, KatibOptions())) == []


def test_all_that_is_refused_is_refused_at_once():
    job = submission(
        ranged("a", "DOUBLE", 0, 1),
        {**SHAPE, "parameterName": "${trialSpec.Name}"},
        hyperparameterMetricTag="a;b",
        resumePreviousJobId="earlier",
        job_dir="/elsewhere",
    )
    places = [fault.split(": ")[1] for fault in refusals(job, KatibOptions(namespace="No", gpus=-1))]
    assert places[:3] == [
        "'No' is not allowed (must be letters a-z, digits and '-', 63 at most)",
        *places[1:3],
    ]
    text = "\n".join(refusals(job, KatibOptions(namespace="No", gpus=-1)))
    for part in ("--namespace", "--gpus", "--job-dir", "resumePreviousJobId", "params[0].minValue"):
        assert part in text
    for part in ("params[1].parameterName", "hyperparameterMetricTag"):
        assert part in text


@pytest.mark.parametrize("tag", ["a;b", "$(x)", "a$$b", "timestamp", "hptune-training-step", "x" * 256])
def test_metric_tags_that_katib_cannot_carry_are_refused(tag):
    (fault,) = refusals(submission(hyperparameterMetricTag=tag))
    assert "hyperparameterMetricTag" in fault


def test_a_grid_larger_than_katib_holds_is_refused():
    values = [{**STEPS, "parameterName": name, "discreteValues": list(range(400))} for name in "ab"]
    (fault,) = refusals(submission(*values, algorithm="GRID_SEARCH"))
    assert "160000 points" in fault


@pytest.mark.parametrize("job_dir", ["/mnt/other/job", "/mnt/hptune/../job"])
def test_a_path_that_is_not_on_the_volume_is_refused(job_dir):
    (fault,) = refusals(submission(job_dir=job_dir), KatibOptions(volume_claim="claim"))
    assert "is not on the volume" in fault


def test_a_training_input_that_no_environment_holds_is_refused():
    (fault, *_) = refusals(submission(training={"args": ["$" * 30_000]}))
    assert fault.startswith("job.yaml: makes")


def test_what_differs_is_named():
    job = submission(
        ranged("a", "DOUBLE", 1, 2),
        ranged("b", "INTEGER", 1, 9, "UNIT_LOG_SCALE"),
        STEPS,
        {**STEPS, "parameterName": "two", "discreteValues": [1, 2]},
        SHAPE,
        ranged("fixed", "INTEGER", 1, 1, "UNIT_LOG_SCALE"),
        maxParallelTrials=2,
        enableTrialEarlyStopping=True,
        training={"scaleTier": "BASIC_GPU"},
        user_args=["--a=1.5", "--b=1", "--units=16", "--two=1", "--shape=a b", "--fixed=1"],
        job_dir="",
    )
    assert [line.split(" is ")[0].split(":")[0] for line in differences(job, KatibOptions())] == [
        "no --job-dir",
        "no --job-dir",
        "NVIDIA_TESLA_K80 of BASIC_GPU",
        "DOUBLE a with UNIT_LINEAR_SCALE",
        "INTEGER b with UNIT_LOG_SCALE",
        "DISCRETE units",
        "maxParallelTrials",
        "a trial that failed teaches nothing",
        "the point that the trainer's own arguments name",
        "enableTrialEarlyStopping",
    ]


def test_the_search_is_the_same_with_the_bandit():
    job = submission(
        ranged("a", "DOUBLE", -1, 2),
        ranged("b", "INTEGER", 1, 9, "UNIT_REVERSE_LOG_SCALE"),
        STEPS,
        maxParallelTrials=2,
        maxFailedTrials=1,
    )
    assert differences(job, BANDIT) == ()


def test_ends_of_whole_number_ranges_in_a_random_search():
    job = submission(
        ranged("a", "INTEGER", 1, 3),
        ranged("b", "INTEGER", 1, 2),
        algorithm="RANDOM_SEARCH",
        maxFailedTrials=1,
    )
    (line,) = differences(job, BANDIT)
    assert line.startswith("INTEGER a:")


@pytest.mark.parametrize(
    ("tuning", "lines"),
    [({}, 1), ({"maxFailedTrials": 1}, 0), ({"maxTrials": 1}, 0)],
)
def test_the_rule_that_holds_only_while_somebody_watches_is_told_apart(tuning, lines):
    job = submission(**{"maxTrials": 9, **tuning})
    assert not any("maxFailedTrials" in line for line in differences(job, KatibOptions()))
    told = unwatched_differences(job.job)
    assert [line.startswith("maxFailedTrials 0: while nobody watches") for line in told] == [True] * lines


def test_an_image_without_hptune_is_not_run():
    job = submission(training={"masterConfig": {"imageUri": "gcr.io/p/t:1"}}, maxFailedTrials=1)
    assert any("gcr.io/p/t:1" in line for line in differences(job, BANDIT))
    assert differences(job, replace(BANDIT, image="registry/t:1")) == ()


def test_a_submission_is_read_back_whole():
    job = replace(
        submission(LR, user_args=["a b", "ü"], training={"network": "n"}),
        name="A.job",
        seed=9,
        pass_job_dir=False,
        program=Program(None, ("x", "y z"), ("/code",)),
        packages=("gs://b/p.whl",),
    )
    assert job.job.warnings
    assert read_submission(build_experiment(job, KatibOptions())) == job


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "is not of hptune's making"),
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ("{}", "is damaged"),
        ('{"trainingInput": {}, "source": "x"}', "is damaged"),
    ],
)
def test_a_record_that_cannot_be_read_is_an_error_that_names_it(text, problem):
    experiment = build_experiment(submission(), KatibOptions())
    experiment["metadata"]["annotations"] = {SUBMISSION_ANNOTATION: text} if text else {"other": "x"}
    with pytest.raises(JobDirError, match=rf"Experiment a-job-[0-9a-f]{{8}}: .*{problem}"):
        read_submission(experiment)
