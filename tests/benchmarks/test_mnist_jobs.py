"""The example's jobs under several samplers: no training is made twice, and none is lost."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.mnist_jobs import Trainer


def test_a_training_that_two_jobs_ask_for_at_once_is_made_once(tmp_path):
    trainings = []
    started, second_started = threading.Event(), threading.Event()

    def train(lr, steps):
        (second_started if trainings else started).set()
        trainings.append((lr, steps))
        # Time for the other job to begin the same one.
        second_started.wait(0.5)
        return 0.9

    trainer = Trainer(train, tmp_path / "results.jsonl")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(trainer.accuracy, 0.01, 200)
        assert started.wait(10)
        second = pool.submit(trainer.accuracy, 0.01, 200)
        assert [first.result(10), second.result(10)] == [0.9, 0.9]
    assert trainings == [(0.01, 200)]


def test_trainings_are_kept_for_the_next_time(tmp_path):
    trainings = []
    first = Trainer(lambda lr, steps: lr * steps / 100, tmp_path / "results.jsonl")
    assert first.accuracy(0.01, 200) == 0.02
    again = Trainer(lambda *asked: trainings.append(asked) or 0.5, tmp_path / "results.jsonl")
    assert again.accuracy(0.01, 200) == 0.02
    assert again.accuracy(0.01, 300) == 0.5
    assert trainings == [(0.01, 300)]


def test_a_training_that_fails_fails_every_job_that_asks_for_it(tmp_path):
    def train(_lr, _steps):
        raise RuntimeError("out of memory")

    trainer = Trainer(train, tmp_path / "results.jsonl")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="out of memory"):
            trainer.accuracy(0.01, 200)
    assert not (tmp_path / "results.jsonl").exists()
