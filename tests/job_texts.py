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
