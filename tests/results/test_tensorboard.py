"""What TensorBoard reads of the event files that hptune writes of trials."""

import math
import subprocess
import sys
from datetime import UTC, datetime

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import Status

from hptune.results.study import Goal, Measurement, Study, Trial, TrialState
from hptune.results.tensorboard import write_trial_events

START = datetime(2026, 5, 9, 12, 0, 0, tzinfo=UTC)
CURVE = (Measurement(0.5, 10), Measurement(math.nan, 15), Measurement(0.75, 20))
TRIAL = Trial(
    3, {"lr": 0.1, "units": 64, "kind": "a,b"}, TrialState.SUCCEEDED, CURVE, CURVE[-1], start_time=START
)
STUDY = Study("job", "accuracy", Goal.MAXIMIZE, 4, (TRIAL,))


def read(folder):
    reader = EventAccumulator(str(folder))
    reader.Reload()
    return reader


def test_the_objective_is_a_scalar_by_its_name(tmp_path):
    write_trial_events(tmp_path / "3", STUDY, TRIAL)
    scalars = read(tmp_path / "3").Scalars("accuracy")
    assert [(each.step, each.value) for each in scalars if each.value == each.value] == [
        (10, 0.5),
        (20, 0.75),
    ]


def test_the_parameters_are_those_of_the_plugin(tmp_path):
    write_trial_events(tmp_path, STUDY, TRIAL)
    content = read(tmp_path).PluginTagToContent(metadata.PLUGIN_NAME)
    start = metadata.parse_session_start_info_plugin_data(content[metadata.SESSION_START_INFO_TAG])
    values = {name: value.WhichOneof("kind") for name, value in start.hparams.items()}
    assert values == {"lr": "number_value", "units": "number_value", "kind": "string_value"}
    assert (start.hparams["lr"].number_value, start.hparams["kind"].string_value) == (0.1, "a,b")
    assert (start.group_name, start.start_time_secs) == ("trial 3", START.timestamp())
    end = metadata.parse_session_end_info_plugin_data(content[metadata.SESSION_END_INFO_TAG])
    assert end.status == Status.STATUS_SUCCESS


def test_a_trial_that_runs_again_has_one_file(tmp_path):
    for _ in range(2):
        write_trial_events(tmp_path, STUDY, TRIAL)
    assert len(list(tmp_path.iterdir())) == 1


def test_tensorflow_is_not_needed(tmp_path):
    program = "import sys, hptune.results.tensorboard; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False).returncode == 0
