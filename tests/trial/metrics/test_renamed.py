import pytest

from hptune.results.study import Measurement
from hptune.trial.metrics.keras_names import renamed
from hptune.trial.metrics.objective import Objective
from hptune.trial.metrics.report import Report, Source

EVALUATION, ANYWHERE, TRAINING = Source.EVALUATION_SUMMARY, Source.SUMMARY, Source.TRAINING_SUMMARY


def report(tag, source, value=0.5):
    return Report(tag, Measurement(value, 1), source, 1.0)


@pytest.mark.parametrize(
    ("metric", "tag", "source", "found_as"),
    [
        ("val_acc", "epoch_val_acc", ANYWHERE, Source.RENAMED_SUMMARY),
        ("epoch_acc", "epoch_accuracy", TRAINING, Source.RENAMED_TRAINING_SUMMARY),
        ("val_acc", "epoch_accuracy", EVALUATION, Source.RENAMED_EVALUATION_SUMMARY),
        ("mean_squared_error", "epoch_mse", EVALUATION, Source.RENAMED_EVALUATION_SUMMARY),
        ("val_mean_absolute_error", "val_mae", ANYWHERE, Source.RENAMED_SUMMARY),
    ],
)
def test_other_names_of_a_metric_are_known(metric, tag, source, found_as):
    assert renamed(metric, report(tag, source)) == report(tag, source)._replace(source=found_as)


@pytest.mark.parametrize(
    ("metric", "tag", "source"),
    [
        ("val_acc", "epoch_accuracy", TRAINING),
        ("val_acc", "epoch_acc", ANYWHERE),
        ("acc", "epoch_val_acc", ANYWHERE),
        ("accuracy", "epoch_auc", EVALUATION),
        ("accuracy", "acc", Source.STDOUT),
        ("accuracy", "acc", Source.HYPERTUNE),
    ],
)
def test_what_is_another_metric_or_no_summary_is_not_taken_for_it(metric, tag, source):
    assert renamed(metric, report(tag, source)) is None


def test_a_report_by_the_objectives_own_name_takes_the_place_of_another_name():
    objective = Objective()
    objective.add(renamed("val_acc", report("epoch_val_acc", ANYWHERE, 0.9)))
    assert objective.note == "epoch_val_acc counted, the metric's name in another release of Keras"
    objective.add(report("val_acc", Source.PRINTED_IN_PASSING, 0.7))
    objective.add(renamed("val_acc", report("epoch_val_acc", ANYWHERE, 0.95)))
    assert objective.measurement.value == 0.7
