"""The argv that a trainer's pod gets, with a real shell behind what Katib and the kubelet do."""

import string
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pod_of_a_trial import start
from rules import violations
from submissions import LR, submission

from hptune.backends.katib.experiment.annotations import read_submission
from hptune.backends.katib.experiment.build import build_experiment
from hptune.backends.katib.experiment.names import experiment_name
from hptune.backends.katib.experiment.quoting import find_faults, json_template
from hptune.backends.katib.options import KatibOptions
from hptune.errors import UsageError
from hptune.trial.pod.encoding import decode_value, encode_value
from hptune.trial.spec import TRIAL_FORM

PIECES = [
    *(
        "'",
        '"',
        "\\",
        "$",
        "$$",
        "$(HOME)",
        "$(HPTUNE_TRIAL)",
        "${HOME}",
        "`id`",
        "$'",
        "'$",
        "\n",
        "\t",
    ),
    *(
        "${trialParameters.lr}",
        "${trialParameters.none}",
        "${trialSpec.Name}",
        "{",
        "}",
        "${",
        "$(",
        "&&",
        "#",
    ),
    *(
        "echo completed",
        "\u2028",
        "\x80\x81\x88",
        "ü",
        "\U0001f600",
        "\x7f",
        "*",
        "~",
        "=",
        "<>&",
        "%24",
        "\r",
    ),
]
TEXT = st.lists(
    st.sampled_from(PIECES)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5),
    max_size=6,
).map("".join)
NAME = st.text(st.sampled_from(string.ascii_letters + "-_.$(){}'\"\\`;|&é#"), min_size=1, max_size=12).filter(
    lambda name: name != "job-dir" and "${trialSpec." not in name
)


def is_carried(tag):
    """Whether a metric's tag is one that the reader takes and Katib's collector can carry."""
    return tag.strip() and tag.isprintable() and not any(mark in tag for mark in (";", "$(", "$$"))


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory(prefix="trial") as name:
        yield Path(name)


def trial_of(started):
    """The trial as ``python -m hptune.trial`` reads it."""
    assert started.argv == ["-P", "-m", "hptune.trial"]
    return TRIAL_FORM.parse(started.document)


@settings(max_examples=60, deadline=None)
@given(
    args=st.lists(TEXT, max_size=4),
    names=st.lists(NAME, min_size=1, max_size=3, unique=True),
    categories=st.lists(TEXT, min_size=1, max_size=3, unique=True),
    metric=TEXT.filter(is_carried),
    early_stopping=st.booleans(),
)
def test_a_trainer_gets_what_was_meant(folder, args, names, categories, metric, early_stopping):
    params = [
        {"parameterName": name, "type": "CATEGORICAL", "categoricalValues": categories} for name in names
    ]
    job = submission(
        *params,
        user_args=args,
        hyperparameterMetricTag=metric,
        training={"args": args},
        enableTrialEarlyStopping=early_stopping,
    )
    experiment = build_experiment(job, KatibOptions())
    assert violations(experiment) == []
    assert read_submission(experiment) == job
    name = experiment_name("a-job", "kubeflow")
    values = {name: encode_value(categories[i % len(categories)]) for i, name in enumerate(names)}
    started = start(experiment, values, f"{name}-7", folder, early_stopping=early_stopping)
    assert started.marked
    trial = trial_of(started)
    assert list(trial.user_args) == args
    assert trial.metric == metric
    assert (trial.trial_id, trial.pod.trial_prefix) == (f"{name}-7", f"{name}-")
    wanted = {name: categories[i % len(categories)] for i, name in enumerate(names)}
    assert {n: decode_value(value) for n, value in trial.parameters.items()} == wanted
    assert trial.training_input == job.job.training_input


def test_every_nasty_piece_comes_through(folder):
    job = submission(user_args=PIECES, training={"args": PIECES})
    experiment = build_experiment(job, KatibOptions())
    trial = trial_of(start(experiment, {"lr": "1e-05"}, "a-job-1", folder))
    assert list(trial.user_args) == PIECES
    assert trial.parameters == {"lr": "1e-05"}
    assert trial.training_input["args"] == PIECES


def test_values_need_no_escapes(folder):
    nasty = "'; echo $(id) ${trialParameters.lr} \" \n"
    job = submission(LR, {"parameterName": "c", "type": "CATEGORICAL", "categoricalValues": [nasty, ""]})
    experiment = build_experiment(job, KatibOptions())
    listed = experiment["spec"]["parameters"][1]["feasibleSpace"]["list"]
    assert list(map(decode_value, listed)) == [nasty, ""]
    for text, meant in zip(listed, [nasty, ""], strict=True):
        trial = trial_of(start(experiment, {"lr": "0.1", "c": text}, "a-job-1", folder))
        assert decode_value(trial.parameters["c"]) == meant


def test_text_that_no_pod_can_hold_is_refused_with_its_place():
    with pytest.raises(UsageError) as caught:
        build_experiment(submission(user_args=["fine", "a\0b", "\udcff"]), KatibOptions())
    assert [fault.place for fault in caught.value.faults] == ["USER_ARGS[1]", "USER_ARGS[2]"]
    assert list(find_faults("ä", "here")) == []


def test_a_document_longer_than_a_process_may_have_is_refused():
    with pytest.raises(UsageError, match=r"USER_ARGS: makes \d+ bytes"):
        build_experiment(submission(user_args=["x" * 2**17]), KatibOptions())
    experiment = build_experiment(submission(user_args=["x" * (2**17 - 4096)]), KatibOptions())
    with tempfile.TemporaryDirectory(prefix="trial") as name:
        trial = trial_of(start(experiment, {"lr": "0.1"}, "a-job-12345678", Path(name)))
    assert len(trial.user_args[0]) == 2**17 - 4096


def test_what_katib_fills_in_is_all_that_it_sees():
    text = json_template({"a": ["$(x)", "ü"], "b": 1}, {"c": "${trialParameters.c}", "d": {"$d": "${x}"}})
    assert text == ('{"a":["\\u0024(x)","\\u00fc"],"b":1,"c":"${trialParameters.c}","d":{"\\u0024d":"${x}"}}')
