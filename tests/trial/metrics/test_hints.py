import pytest

from hptune.trial.metrics.hints import Hints


def message(*lines, metric="accuracy", tags=()):
    hints = Hints(metric)
    for tag in tags:
        hints.saw_tag(tag)
    for line in lines:
        hints.saw_line(line)
    return hints.message("hyperparameterMetricTag")


def test_the_nearest_names_come_first_and_a_cut_list_says_so():
    text = message("loss=1 lr=2", tags=[*(f"zz{i:02}" for i in range(40)), "val_accuracy", "Accuracy"])
    assert "it reported Accuracy, val_accuracy, " in text
    assert text.endswith(" and 24 more; make one of them the hyperparameterMetricTag")
    assert message(tags=["loss"]).endswith("it reported loss; make one of them the hyperparameterMetricTag")


@pytest.mark.parametrize(
    "line",
    [
        "accuracy 0.91",
        "Accuracy=0.91",
        "accuracy -> 0.91",
        "accuracy=0.91s",
        "\x1b[1maccuracy is\x1b[0m 0.91",
    ],
)
def test_a_line_that_only_resembles_a_report_is_shown_with_what_to_print(line):
    shown = line.replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert message("loss=1", line).endswith(
        f"; it printed {shown!r}, which is not read: print 'accuracy=VALUE'"
    )


@pytest.mark.parametrize("line", ["", "training", "val_accuracy=0.9", "accuracy is high", "accuracies 5"])
def test_a_line_without_the_objective_is_not_shown(line):
    assert "it printed" not in message(line)


def test_another_spelling_of_a_name_of_several_words_is_shown():
    assert "'Mean squared error: 3'" in message("Mean squared error: 3", metric="mean_squared_error")


def test_environment_variables_are_no_metrics():
    assert message("set TF_ENABLE_ONEDNN_OPTS=0").endswith("it reported no metric at all")


def test_a_trainer_that_reports_without_end_costs_no_memory():
    hints = Hints("accuracy")
    for i in range(5000):
        hints.saw_tag(f"tag{i}")
    assert len(hints._tags) == 1000
    assert "or even more than these" in hints.message("metricId")
