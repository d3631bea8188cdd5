import math
import time

import pytest

from hptune.trial.metrics import Source, StdoutSource
from hptune.trial.metrics.printed import tags_in

RED, BOLD, END = "\x1b[31m", "\x1b[1m", "\x1b[0m"


def printed(metric, line):
    """Value and step of each report of the objective in a printed line."""
    return [(r.measurement.value, r.measurement.step) for r in StdoutSource(metric).read_line(line)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("accuracy=0.5", 0.5),
        ("accuracy = 0.5", 0.5),
        ("accuracy=.5", 0.5),
        ("accuracy=1.", 1.0),
        ("accuracy=-3", -3.0),
        ("accuracy=+1e-3", 0.001),
        ("accuracy=1.5E+02", 150.0),
        ("accuracy=inf", math.inf),
        ("accuracy=-Infinity", -math.inf),
        ("done: loss=1.0, accuracy=0.5, val_accuracy=0.7", 0.5),
        ("the accuracy=0.5.", 0.5),
        ("{accuracy=0.5}", 0.5),
    ],
)
def test_the_objective_is_read_from_a_printed_line(text, value):
    assert printed("accuracy", text) == [(value, 0)]


def test_a_printed_nan_is_a_measurement():
    [(value, _)] = printed("loss", "loss=NaN")
    assert math.isnan(value)


@pytest.mark.parametrize(
    "text",
    [
        "val_accuracy=0.5",
        "val/accuracy=0.5",
        "top-accuracy=0.5",
        "--accuracy=0.5",
        "Accuracy=0.5",
        "accuracy_top5=0.5",
        "accuracy=high",
        "accuracy=0.5x",
        "accuracy=0.91s",
        "accuracy=1,234s",
        "accuracy==0.91",
        "accuracy=>0.91",
        "accuracy::0.91",
        "accuracy=1e",
        "accuracy=0x1p-3",
        "accuracy=\u0660.\u0669",
        "accuracy=[0.5, high]",
        "accuracy=()",
        "accuracy=1.2.3",
        "accuracy=\u0131nf",
        "accuracy=",
        "accuracy",
        "",
    ],
)
def test_what_only_resembles_the_objective_is_not_read(text):
    assert printed("accuracy", text) == []


@pytest.mark.parametrize(
    "tag", ["training/hptuning/metric", "mean squared error", "val-loss", "top-5 acc. (%)", "f1|macro", "a+b"]
)
def test_tags_are_taken_literally(tag):
    assert printed(tag, f"step=3 {tag}=0.25") == [(0.25, 3)]
    assert printed(tag, f"step=3 x{tag}=0.25") == []


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("step=100 loss=1", 100),
        ("loss=1 step = 100", 100),
        ("global_step=7 loss=1", 7),
        ("epoch=3/10 loss=1", 3),
        ("epoch=3 step=100 loss=1", 100),
        ("step=1 global_step=100 loss=1", 100),
        ("steps=5 last_step=6 loss=1", 0),
        ("step=1.5 loss=1", 0),
        ("step=" + "9" * 5000 + " loss=1", 0),
    ],
)
def test_the_step_is_read_beside_the_objective(line, step):
    assert printed("loss", line) == [(1.0, step)]


@pytest.mark.parametrize(
    "line",
    [
        "a" * 10**6,
        "1" * 10**6,
        "accuracy=" + "1" * 10**6 + "x",
        "accuracy" + " " * 10**6,
        "step=" * 10**5,
        "accuracy=" * 10**5,
        "accuracy=[" * 10**5,
        "accuracy=[" + "1," * 10**5,
        "accuracy=tensor(" * 10**5,
        "accuracy=<tf.Tensor:" * 10**5,
        "\x1b[" * 10**6,
        "I tensor" * 10**5,
        "a-" * 10**6 + "=",
    ],
)
def test_a_megabyte_in_one_line_is_read_within_seconds(line):
    start = time.process_time()
    assert printed("accuracy", line) == []
    tags_in(line)
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (f"{RED}accuracy=0.91{END}", 0.91),
        (f"{BOLD}accuracy{END}=0.91", 0.91),
        (f"accuracy={BOLD}0.91{END}", 0.91),
        (f"\x1b]8;;https://x\x07accuracy=0.91\x1b]8;;\x07 {RED}", 0.91),
        ("accuracy=1,234.56", 1234.56),
        ("accuracy=-1,234,567", -1234567.0),
        ("accuracy=0,25", 0.25),
        ("accuracy=1,2345", 1.2345),
        ("accuracy=0.91,loss=0.3", 0.91),
        ("accuracy=3,5,7", 3.0),
        ("accuracy=91%", 91.0),
        ("accuracy=0.91\u00b10.02", 0.91),
        ("'accuracy'=0.91", 0.91),
        ('"accuracy"="0.91"', 0.91),
        ("accuracy=np.float64(0.91)", 0.91),
        ("accuracy=tensor(0.91, device='cuda:0')", 0.91),
        ("accuracy=tf.Tensor(0.91, shape=(), dtype=float32)", 0.91),
        ("accuracy=<tf.Tensor: shape=(), dtype=float32, numpy=0.91>", 0.91),
        ("accuracy=[0.91]", 0.91),
        ("Epoch 1/3 - loss: 0.5 - accuracy: 0.91", 0.91),
        ("{'loss': 0.5, 'accuracy': np.float32(0.91)}", 0.91),
        ('{"accuracy": "0.91"}', 0.91),
        ("INFO:tensorflow:Saving dict for global step 9: accuracy = 0.91, loss = 0.3", 0.91),
        ("I0101 10:00:00.000 task.py:12] accuracy=0.91", 0.91),
    ],
)
def test_the_objective_is_read_as_programs_print_it(line, value):
    assert [value for value, _ in printed("accuracy", line)] == [value]


@pytest.mark.parametrize(
    "bar",
    [
        "1/7 \u2501\u2501\u2501 6s 1s/step - accuracy: 0.5625 - loss: 0.8393",
        "7/7 \u2501\u2501\u2501 0s 59ms/step",
        "100%|\u2588\u2588| 10/10 [00:01<00:00,  8.1it/s]",
        "[10/10] loss=1.5e-05",
        "progress 91%",
    ],
)
def test_a_print_behind_a_progress_bars_unfinished_line_is_read(bar):
    assert printed("val_accuracy", f"{bar}val_accuracy=0.45") == [(0.45, 0)]
    assert printed("accuracy", f"{bar}val_accuracy=0.45") == printed("accuracy", bar)


def test_a_list_is_one_of_values_a_step():
    history = "{'loss': [0.5, 0.3], 'val_loss': [0.4, np.float64(0.2)]}"
    assert printed("val_loss", history) == [(0.4, 0), (0.2, 1)]
    assert printed("val_loss", f"epoch=7 {history}") == [(0.4, 7), (0.2, 7)]


def test_what_is_printed_in_passing_is_told_from_a_report():
    [in_passing] = StdoutSource("accuracy").read_line("accuracy: 0.5")
    [report] = StdoutSource("accuracy").read_line("accuracy=0.5")
    assert (in_passing.source, report.source) == (Source.PRINTED_IN_PASSING, Source.STDOUT)


@pytest.mark.parametrize(
    "line",
    [
        "2024-01-01 10:00:00.123456: I tensorflow/core/x.cc:153] Turn it off by `TF_ENABLE=0` accuracy=1",
        "I0000 00:00:1795617374.702173    1271 port.cc:153] the variable `TF_ENABLE=0` accuracy=1",
    ],
)
def test_lines_of_tensorflows_own_log_are_no_metrics(line):
    assert printed("accuracy", line) == []
    assert tags_in(line) == []


def test_the_default_tag_may_have_a_scope_before_it():
    tag = "training/hptuning/metric"
    assert printed(tag, f"model/{tag}=0.5") == [(0.5, 0)]
    assert printed("accuracy", "model/accuracy=0.5") == []


def test_all_tags_in_a_line_are_found_for_a_message_to_name():
    assert tags_in("lr=0.1 val_loss: 2 name=mlp \u0442\u043e=1 'f1'=[0.5]") == [
        "lr",
        "val_loss",
        "\u0442\u043e",
        "f1",
    ]
