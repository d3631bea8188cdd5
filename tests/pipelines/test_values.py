"""Values of parameters as a command line gives them."""

import pytest

from hptune.errors import UsageError
from pipelines.tuning import parameters
from pipelines.values import parse_values


@pytest.fixture(scope="module")
def form():
    return parameters()


def test_values_are_texts_or_json_by_their_parameters_type(form, tmp_path):
    job_file = tmp_path / "hptune.yaml"
    job_file.write_text("trainingInput: {}\n")
    given = ["data=5", "job_max_trials=5", 'trainer_args=["a b"]', f"job_file=@{job_file}", "job_name=a=b"]
    assert parse_values(given, form, "-p") == {
        "data": "5",
        "job_max_trials": 5,
        "trainer_args": ["a b"],
        "job_file": "trainingInput: {}\n",
        "job_name": "a=b",
    }


def test_keys_of_a_json_object_are_set_one_by_one(form):
    given = ["katib.secret=5", "katib.gpus=2", "katib.memory=4Gi", 'katib.labels={"team": "a"}']
    katib = parse_values(given, form, "-p")["katib"]
    assert {key: katib[key] for key in ("secret", "gpus", "memory", "labels")} == {
        "secret": "5",
        "gpus": 2,
        "memory": "4Gi",
        "labels": {"team": "a"},
    }
    assert katib["mount_path"] == "/mnt/hptune", "what the form begins with stays"
    selector = parse_values(["trainer_node_selector.cloud.google.com/x=1"], form, "-p")
    assert selector == {"trainer_node_selector": {"cloud.google.com/x": "1"}}


@pytest.mark.parametrize(
    ("word", "fault"),
    [
        ("data", "-p data: is not NAME=VALUE"),
        ("colour=red", "-p colour: is unknown; must be one of backend, data, "),
        ("job_max_trials=many", "-p job_max_trials: 'many' is not JSON; must be NUMBER_INTEGER"),
        ("job_max_trials=true", "-p job_max_trials: 'true' is not allowed (must be NUMBER_INTEGER)"),
        ("job_max_trials=1.5", "-p job_max_trials: '1.5' is not allowed"),
        ("katib_delete_on_cancel=1", "-p katib_delete_on_cancel: '1' is not allowed (must be BOOLEAN)"),
        ("katib=[1]", "-p katib: '[1]' is not allowed (must be STRUCT)"),
        ("job_file=@nowhere.yaml", "-p job_file: nowhere.yaml: No such file or directory"),
        ("data.x=1", "-p data.x: is STRING; only a JSON object has keys"),
        ("katib.cpu=-1", "-p katib.cpu: is -1; must be a number of CPUs"),
        ('katib={"gpu": 1}', "-p katib.gpu: is unknown; did you mean gpus?"),
    ],
)
def test_a_word_that_cannot_be_used_is_named_with_what_is_allowed(form, word, fault):
    with pytest.raises(UsageError) as caught:
        parse_values([word], form, "-p")
    assert str(caught.value).startswith(fault)
    assert len(caught.value.faults) == 1
