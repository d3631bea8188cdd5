"""Reads what a trainer measures: metric file, TensorBoard summaries, printed lines."""

from hptune.trial.metrics.metric_file import HypertuneSource
from hptune.trial.metrics.objective import Objective
from hptune.trial.metrics.printed import StdoutSource
from hptune.trial.metrics.report import Curve, Report, Source
from hptune.trial.metrics.summaries import SummarySource

__all__ = ["Curve", "HypertuneSource", "Objective", "Report", "Source", "StdoutSource", "SummarySource"]
