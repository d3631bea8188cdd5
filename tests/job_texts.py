"""Job files as texts, for the tests of their reader."""

PARAM = "{parameterName: lr, type: DOUBLE, minValue: 0.1, maxValue: 1}"


def job_with_params(*params, **tuning):
    lines = [f"    {name}: {value}" for name, value in tuning.items()]
    return "\n".join(
        ["trainingInput:", "  hyperparameters:", *lines, "    params:", *(f"    - {each}" for each in params)]
    )


def job_with(**fields):
    return "\n".join(
        [*(f"{name}: {value}" for name, value in fields.items()), f"hyperparameters: {{params: [{PARAM}]}}"]
    )


def bounded(**changes):
    fields = {"parameterName": "lr", "type": "DOUBLE", "minValue": "1", "maxValue": "2", **changes}
    return "{" + ", ".join(f"{name}: {value}" for name, value in fields.items() if value is not None) + "}"


def mnist_job(max_trials, max_steps):
    """The example's job, with few steps a trial at the least."""
    return job_with_params(
        f"{{parameterName: num-steps, type: INTEGER, minValue: 5, maxValue: {max_steps}}}",
        "{parameterName: lr, type: DOUBLE, minValue: 0.01, maxValue: 0.1, scaleType: UNIT_LOG_SCALE}",
        hyperparameterMetricTag="accuracy",
        maxTrials=max_trials,
    )
