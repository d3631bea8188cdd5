"""A whole job with each algorithm that a user can ask for, from `hptune submit` to its results."""

import json
import re

import fsspec
import pytest

from tests.cluster.users import NUMBERED, TAG, X, job_file, wait_for

TRAINER = "print(f'{args[\"log\"]} {trial}')\nprint(f'step=1 score={x / 2}')\nprint(f'step=2 score={x}')\n"
GRID = [
    {"parameterName": "x", "type": "INTEGER", "minValue": 1, "maxValue": 2},
    {"parameterName": "kind", "type": "CATEGORICAL", "categoricalValues": ["a", "b"]},
]
CASES = {
    "gp-bandit": (job_file(maxTrials=4), ("--algorithm", "gp-bandit")),
    "bayesianoptimization": (job_file(maxTrials=4), ("--algorithm", "bayesianoptimization")),
    "random": (job_file(maxTrials=3, algorithm="RANDOM_SEARCH"), ()),
    "grid": (job_file(maxTrials=9, maxParallelTrials=4, algorithm="GRID_SEARCH", params=GRID), ()),
}
TRIALS = {"gp-bandit": 4, "bayesianoptimization": 4, "random": 3, "grid": 4}


def stored(user, address):
    options = {"client_kwargs": {"endpoint_url": user.store["AWS_ENDPOINT_URL"]}}
    keys = {"key": user.store["AWS_ACCESS_KEY_ID"], "secret": user.store["AWS_SECRET_ACCESS_KEY"]}
    with fsspec.open(address, "rb", **options, **keys) as file:
        return file.read()


@pytest.mark.parametrize("algorithm", CASES)
def test_a_job_runs_all_its_trials_and_keeps_what_they_found(user, algorithm):
    content, flags = CASES[algorithm]
    job = user.job(f"with-{algorithm}", TRAINER, content)
    done = job.submit(*flags, "--", "--log", "hello-from")
    assert done.code == 0, done.err
    results = json.loads(stored(user, f"{job.job_dir}/results.json"))["trainingOutput"]
    trials = results["trials"]
    assert sorted(int(trial["trialId"]) for trial in trials) == list(range(1, TRIALS[algorithm] + 1))
    for trial in trials:
        assert trial["state"] == "SUCCEEDED"
        found = trial["finalMetric"]
        assert found["objectiveValue"] == pytest.approx(float(trial["hyperparameters"]["x"]))
        assert int(found["trainingStep"]) == 2
    values = [trial["finalMetric"]["objectiveValue"] for trial in trials]
    assert values == sorted(values, reverse=True)
    assert f"trial {trials[0]['trialId']}" in done.out, "the best one is told"
    assert b"<html" in stored(user, f"{job.job_dir}/report.html")[:1000].lower()
    if algorithm == "grid":
        assert len({tuple(sorted(trial["hyperparameters"].items())) for trial in trials}) == 4
    else:
        assert all(X["minValue"] <= value <= X["maxValue"] for value in values)


def test_an_experiment_that_hptune_katib_prints_runs_with_another_algorithm_of_katibs(user):
    job = user.job("with-tpe", TRAINER)
    printed = user.hptune(
        *("katib", job.folder / "hptune.yaml", "--name", job.name, "--namespace", user.namespace),
        *("--module-name", "trainer.task", "--image", user.image, "--gpus", "0", "--cpu", "0.05"),
        *("--memory", "200Mi", "--", "--log", "hello-from"),
    )
    assert printed.code == 0, printed.err
    # The user's own change; the trainer is not in the image, so that its trials fail at once.
    changed = printed.out.replace("algorithmName: bayesianoptimization", "algorithmName: tpe")
    changed = without_settings(changed)
    user.ask("create", "--filename", "-", given=changed)
    wait_for("its trials have failed", lambda: job.has("Failed"))
    trials = job.trials()
    assert len(trials) == 2
    assert all(0.1 <= float(trial["hyperparameters"]["x"]) <= 1 for trial in trials)


def without_settings(text):
    import yaml

    experiment = yaml.safe_load(text)
    experiment["spec"]["algorithm"].pop("algorithmSettings", None)
    return json.dumps(experiment)


def test_a_trainer_is_stopped_early_and_its_trial_keeps_what_it_reported(user):
    trainer = (
        "good = trial <= 3\n"
        "for step in range(1, 4 if good else 400):\n"
        "    print(f'step={step} score={x + 10 if good else x - 10}', flush=True)\n"
        "    time.sleep(0.2 if good else 1)\n"
    )
    settings = {"enableTrialEarlyStopping": True, "maxTrials": 5, "maxParallelTrials": 1}
    job = user.job("early", trainer, job_file(**settings))
    done = job.submit(*NUMBERED)
    assert done.code == 0, done.err
    trials = {int(trial["trialId"]): trial for trial in job.trials()}
    stopped = [number for number, trial in trials.items() if trial.get("isTrialStoppedEarly")]
    assert stopped, done.err
    assert min(stopped) > 3
    for number in stopped:
        final = trials[number]["finalMetric"]
        assert float(final["objectiveValue"]) < 0
        assert int(final["trainingStep"]) < 300, "its trainer did not run to its end"
    assert TAG in done.out
    # Once, and not first as a trial that has reported nothing.
    assert "reported no" not in done.err
    assert len(re.findall(r"trial 4/5 (?!runs)", done.err)) == 1
