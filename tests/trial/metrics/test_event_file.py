import io
import struct

import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_BOOL, DT_DOUBLE, DT_FLOAT, DT_INT64, DT_STRING
from tensorboard.summary.writer.record_writer import RecordWriter

from hptune.trial.metrics.event_file import EventFile, Scalar

FOOTER_BYTES = 4

WALL_TIME_S = 1.7e9 + 0.25


def simple(tag, value):
    return Summary.Value(tag=tag, simple_value=value)


def tensor(tag, plugin="scalars", **fields):
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin))
    return Summary.Value(tag=tag, metadata=metadata, tensor=TensorProto(**fields))


def record(*values, step=0):
    event = (
        Event(wall_time=WALL_TIME_S, step=step, summary=Summary(value=values))
        if values
        else Event(file_version="brain.Event:2")
    )
    buffer = io.BytesIO()
    RecordWriter(buffer).write(event.SerializeToString())
    return buffer.getvalue()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.out.tfevents.1525851440.host"


def scalars(file):
    return list(file.read_new())


def test_simple_values_of_tensorflow_1_are_read_with_their_steps(path):
    path.write_bytes(
        record()
        + record(simple("accuracy", 0.5), simple("loss", 2), step=10)
        + record(simple("loss", 1), step=20)
    )
    assert scalars(EventFile(path)) == [
        Scalar("accuracy", 0.5, 10, WALL_TIME_S),
        Scalar("loss", 2.0, 10, WALL_TIME_S),
        Scalar("loss", 1.0, 20, WALL_TIME_S),
    ]


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"dtype": DT_FLOAT, "float_val": [0.25]}, 0.25),
        ({"dtype": DT_DOUBLE, "double_val": [0.1]}, 0.1),
        ({"dtype": DT_INT64, "int64_val": [7]}, 7.0),
        ({"dtype": DT_FLOAT, "tensor_content": struct.pack("<f", 0.25)}, 0.25),
        ({"dtype": DT_DOUBLE, "tensor_content": struct.pack("<d", 0.1)}, 0.1),
    ],
)
@pytest.mark.parametrize("plugin", ["scalars", ""])
def test_tensor_scalars_of_tensorflow_2_are_read(path, fields, value, plugin):
    path.write_bytes(record(tensor("epoch_accuracy", plugin, **fields), step=3))
    assert scalars(EventFile(path)) == [Scalar("epoch_accuracy", value, 3, WALL_TIME_S)]


@pytest.mark.parametrize(
    "value",
    [
        tensor("text", "text", dtype=DT_STRING, string_val=[b"0.5"]),
        tensor("text", "", dtype=DT_STRING, string_val=[b"0.5"]),
        tensor("histogram", "histograms", dtype=DT_DOUBLE, double_val=[0.5]),
        tensor(
            "vector", dtype=DT_FLOAT, float_val=[1, 2], tensor_shape={"dim": [TensorShapeProto.Dim(size=2)]}
        ),
        tensor("flag", dtype=DT_BOOL, bool_val=[True]),
        tensor("empty", dtype=DT_FLOAT),
        tensor("unknown type", dtype=0),
        Summary.Value(tag="image", image=Summary.Image(height=1, width=1, encoded_image_string=b"png")),
    ],
    ids=lambda value: value.tag,
)
def test_summaries_that_are_no_scalars_are_passed_over(path, value):
    path.write_bytes(record(value, simple("accuracy", 0.5)))
    assert scalars(EventFile(path)) == [Scalar("accuracy", 0.5, 0, WALL_TIME_S)]


def test_a_big_image_between_scalars_is_passed_over(path):
    image = Summary.Value(tag="image", image=Summary.Image(encoded_image_string=bytes(200_000)))
    path.write_bytes(record(simple("a", 1)) + record(image) + record(simple("a", 2)))
    assert [scalar.value for scalar in scalars(EventFile(path))] == [1.0, 2.0]


def test_each_reading_yields_only_what_was_written_since(path):
    file = EventFile(path)
    assert scalars(file) == []
    for step in range(3):
        with path.open("ab") as stream:
            stream.write(record(simple("a", step), step=step))
        assert scalars(file) == [Scalar("a", step, step, WALL_TIME_S)]
    assert scalars(file) == []


def test_a_record_cut_at_any_byte_waits_for_its_rest(path):
    first, second = record(simple("a", 1), step=1), record(simple("a", 2), step=2)
    for cut in range(len(second)):
        path.write_bytes(first + second[:cut])
        file = EventFile(path)
        assert scalars(file) == [Scalar("a", 1.0, 1, WALL_TIME_S)], cut
        path.write_bytes(first + second)
        assert scalars(file) == [Scalar("a", 2.0, 2, WALL_TIME_S)], cut


def test_a_record_with_any_damaged_byte_is_never_taken_for_a_measurement(path):
    first, second = record(simple("a", 1), step=1), record(simple("a", 2), step=2)
    for place in range(len(second)):
        damaged = bytearray(second)
        damaged[place] ^= 0x10
        path.write_bytes(first + damaged)
        assert scalars(EventFile(path)) == [Scalar("a", 1.0, 1, WALL_TIME_S)], place


def test_reading_goes_on_behind_damaged_data(path):
    damaged = bytearray(record(simple("a", 1)))
    damaged[-FOOTER_BYTES - 1] ^= 1
    path.write_bytes(damaged + record(simple("a", 2)))
    assert [scalar.value for scalar in scalars(EventFile(path))] == [2.0]


def test_nothing_is_read_behind_a_damaged_length(path):
    damaged = bytearray(record(simple("a", 1)))
    damaged[0] ^= 1
    path.write_bytes(damaged)
    file = EventFile(path)
    assert scalars(file) == []
    with path.open("ab") as stream:
        stream.write(record(simple("a", 2)))
    assert scalars(file) == []


def test_a_file_that_is_taken_away_is_empty(path):
    path.write_bytes(record(simple("a", 1)))
    file = EventFile(path)
    path.unlink()
    assert scalars(file) == []
