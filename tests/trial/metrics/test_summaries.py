import threading

import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from hptune.trial.metrics import Source, SummarySource


def write_summary(path, tag, value, step=0, time_s=0.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        event = Event(
            wall_time=time_s, step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)])
        )
        RecordWriter(file).write(event.SerializeToString())


def values(source, tag="accuracy"):
    return [report.measurement.value for report in source.read_new() if report.tag == tag]


def test_summaries_below_the_directory_are_read_as_they_are_written(tmp_path):
    source = SummarySource(tmp_path)
    assert values(source) == []
    write_summary(tmp_path / "events.out.tfevents.1", "accuracy", 0.25)
    write_summary(tmp_path / "deep/er/events.out.tfevents.1", "accuracy", 0.5)
    assert sorted(values(source)) == [0.25, 0.5]
    assert values(source) == []


def test_summaries_that_an_earlier_attempt_left_are_not_read(tmp_path):
    write_summary(tmp_path / "eval/events.out.tfevents.1", "accuracy", 0.9)
    source = SummarySource(tmp_path)
    write_summary(tmp_path / "eval/events.out.tfevents.2", "accuracy", 0.5)
    assert values(source) == [0.5]


@pytest.mark.parametrize(
    ("directory", "source"),
    [
        (".", Source.SUMMARY),
        ("train", Source.TRAINING_SUMMARY),
        ("tests/train", Source.TRAINING_SUMMARY),
        ("test_hp/train", Source.TRAINING_SUMMARY),
        ("eval/training", Source.TRAINING_SUMMARY),
        ("eval_on_train", Source.TRAINING_SUMMARY),
        ("loss_train", Source.TRAINING_SUMMARY),
        ("train/eval", Source.EVALUATION_SUMMARY),
        ("loss_eval", Source.EVALUATION_SUMMARY),
        ("lr0.1-eval", Source.EVALUATION_SUMMARY),
        ("EvalSet", Source.EVALUATION_SUMMARY),
        ("fold3/cv2", Source.EVALUATION_SUMMARY),
        ("dev", Source.EVALUATION_SUMMARY),
        ("hold-out", Source.EVALUATION_SUMMARY),
        ("values", Source.SUMMARY),
        ("tests", Source.SUMMARY),
        ("valves/testing", Source.SUMMARY),
        ("devices", Source.SUMMARY),
        ("latest", Source.SUMMARY),
        ("constrained", Source.SUMMARY),
        ("eval", Source.EVALUATION_SUMMARY),
        ("eval_holdout", Source.EVALUATION_SUMMARY),
        ("validation", Source.EVALUATION_SUMMARY),
        ("logs/val", Source.EVALUATION_SUMMARY),
    ],
)
def test_summaries_of_an_evaluation_are_told_from_those_of_training(tmp_path, directory, source):
    # The trial's own directory says nothing, whatever it is called.
    root = tmp_path / "eval"
    reader = SummarySource(root)
    write_summary(root / directory / "events.out.tfevents.1", "accuracy", 0.5)
    [report] = reader.read_new()
    assert report.source is source


def test_directories_that_come_and_go_do_not_disturb_the_reading(tmp_path):
    source = SummarySource(tmp_path)
    stop = threading.Event()

    def move_checkpoints():
        while not stop.is_set():
            for i in range(20):
                (tmp_path / f"tmp-{i}" / "variables").mkdir(parents=True)
            for i in range(20):
                (tmp_path / f"tmp-{i}" / "variables").rmdir()
                (tmp_path / f"tmp-{i}").rmdir()

    mover = threading.Thread(target=move_checkpoints)
    mover.start()
    try:
        for _ in range(300):
            assert values(source) == []
    finally:
        stop.set()
        mover.join()


def test_reports_of_all_files_come_in_the_order_of_writing(tmp_path):
    source = SummarySource(tmp_path)
    for name, moments in {"a": (1, 4), "b": (2, 3), "c": (0, 5)}.items():
        for moment in moments:
            write_summary(
                tmp_path / name / "events.out.tfevents.1", "accuracy", moment, time_s=100.0 + moment
            )
    assert values(source) == [0, 1, 2, 3, 4, 5]


def test_thousands_of_files_are_read_without_being_held_open(tmp_path):
    source = SummarySource(tmp_path)
    for i in range(1500):
        write_summary(tmp_path / f"events.out.tfevents.{i}", "accuracy", i, time_s=float(i))
    assert values(source) == [*range(1500)]
