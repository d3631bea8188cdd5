"""Names that releases of Keras have given one metric, so that a job file names it as another release did."""

from __future__ import annotations

from functools import lru_cache

from hptune.trial.metrics.report import Report, Source

# As compile() takes them and Keras 2.3 reports them, and as Keras before it and TensorFlow 1 report them.
_LONG = {
    "acc": "accuracy",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
}
_RENAMED = {
    Source.EVALUATION_SUMMARY: Source.RENAMED_EVALUATION_SUMMARY,
    Source.SUMMARY: Source.RENAMED_SUMMARY,
    Source.TRAINING_SUMMARY: Source.RENAMED_TRAINING_SUMMARY,
}


def renamed(metric: str, report: Report) -> Report | None:
    """Returns a report of the objective under another name that Keras has for it; None where it is no such.

    The callback TensorBoard writes ``val_acc`` in Keras 2.2, ``epoch_val_acc`` in TensorFlow 1.13 and
    ``epoch_accuracy``, below the directory ``validation``, in TensorFlow 2.

    Args:
        metric: The objective's tag.
        report: A report of another tag.
    """
    source = _RENAMED.get(report.source)
    if source is None:
        return None
    name, held_out = _metric_of(metric)
    other, other_held_out = _metric_of(report.tag)
    if name != other or (other_held_out and not held_out):
        return None
    if held_out and not other_held_out and report.source is not Source.EVALUATION_SUMMARY:
        return None
    return report._replace(source=source)


# A trainer writes few tags, each of them very often.
@lru_cache(maxsize=256)
def _metric_of(tag: str) -> tuple[str, bool]:
    """Returns the long name of a tag's metric, and whether the tag says that it is of held-out data."""
    name = tag.removeprefix("epoch_")
    metric = name.removeprefix("val_")
    return _LONG.get(metric, metric), metric != name
