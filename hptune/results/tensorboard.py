"""A trial as an event file, so that TensorBoard shows its parameters beside its curve.

TensorBoard's plugin HParams takes the parameters and the objective from one run, whatever the trainer itself
wrote: https://www.tensorflow.org/tensorboard/hyperparameter_tuning_with_hparams.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from google.protobuf import struct_pb2
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.api_pb2 import Status
from tensorboard.plugins.hparams.metadata import (
    NULL_TENSOR,
    SESSION_END_INFO_TAG,
    SESSION_START_INFO_TAG,
    create_summary_metadata,
)
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboard.summary.writer.record_writer import RecordWriter

from hptune.results.study import Study, Trial, TrialState
from hptune.search.space import Value
from hptune.storage.atomic import replacing

_FILE = "events.out.tfevents.hptune"


def write_trial_events(directory: Path, study: Study, trial: Trial) -> None:
    """Writes a trial's parameters and the curve of its objective, in place of what was there of it.

    Args:
        directory: The run, as TensorBoard calls it; made where it is missing.
        study: The trial's study.
        trial: The trial.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with replacing(directory / _FILE) as temporary, temporary.open("wb") as file:
        writer = RecordWriter(file)
        for event in _events(study, trial):
            writer.write(event.SerializeToString())


def _events(study: Study, trial: Trial) -> Iterator[Event]:
    start_s, end_s = _seconds(trial.start_time), _seconds(trial.end_time)
    yield Event(wall_time=start_s, file_version="brain.Event:2")
    start = SessionStartInfo(group_name=f"trial {trial.id}", start_time_secs=start_s)
    for name, value in trial.parameters.items():
        start.hparams[name].CopyFrom(_value(value))
    yield _hparams(start_s, SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=start))
    for measurement in trial.measurements:
        scalar = Summary.Value(tag=study.metric, simple_value=measurement.value)
        yield Event(wall_time=end_s, step=measurement.step, summary=Summary(value=[scalar]))
    status = Status.STATUS_SUCCESS if trial.state is TrialState.SUCCEEDED else Status.STATUS_FAILURE
    end = SessionEndInfo(status=status, end_time_secs=end_s)
    yield _hparams(end_s, SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=end))


def _hparams(time_s: float, tag: str, data: HParamsPluginData) -> Event:
    value = Summary.Value(tag=tag, metadata=create_summary_metadata(data), tensor=NULL_TENSOR)
    return Event(wall_time=time_s, summary=Summary(value=[value]))


def _value(value: Value) -> struct_pb2.Value:
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    return struct_pb2.Value(number_value=value)


def _seconds(time: datetime | None) -> float:
    return time.timestamp() if time else 0.0
