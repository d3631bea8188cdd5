"""Jobs in the middle of their work, to be shown."""

from datetime import UTC, datetime, timedelta

from hptune.results.study import Goal, Measurement, Study, Trial, TrialState

NOW = datetime(2026, 5, 9, 12, 0, 0, tzinfo=UTC)
SINCE = NOW - timedelta(minutes=12)
NAMES = (
    "learning_rate",
    "batch_size",
    "hidden_units",
    "dropout",
    "optimizer",
    "momentum",
    "weight_decay",
    "num_steps",
    "activation",
    "layers",
    "warmup",
    "label_smoothing",
    "clip_norm",
    "seed_of_the_augmentation",
)


def parameters(number, count):
    values = {
        "optimizer": ("adam", "sgd", "a rather long name of an optimizer")[number % 3],
        "activation": "relu",
        "batch_size": 2 ** (4 + number % 5),
        "num_steps": 1000 * number,
    }
    return {
        name: values.get(name, 0.0123456789 * (number + place)) for place, name in enumerate(NAMES[:count])
    }


def curve(number, length=12):
    return tuple(Measurement(0.5 + number / 100 + step / 50, step * 100) for step in range(1, length + 1))


def job_at_work(count):
    """16 trials with so many parameters: 2 run, one failed, one was stopped early."""

    def trial(number, state=TrialState.SUCCEEDED, **fields):
        begun = SINCE + timedelta(seconds=40 * number)
        ended = begun + timedelta(seconds=60 + number) if state.finished else None
        times = {"start_time": begun, "end_time": ended, "measurements": curve(number), **fields}
        return Trial(number, parameters(number, count), state, **times)

    done = [trial(number, final=curve(number)[-1]) for number in range(1, 13)]
    failed = trial(13, TrialState.FAILED, measurements=(), message="exited with code 1: ValueError: no data")
    median = "0.5 at best by step 300, below the median 0.6 of 9 trials"
    stopped = trial(14, stopped_early=True, final=Measurement(0.5, 300), message=median)
    running = [
        trial(15, TrialState.RUNNING, start_time=NOW - timedelta(seconds=50)),
        trial(16, TrialState.RUNNING, start_time=NOW - timedelta(seconds=2), measurements=()),
    ]
    return Study("digits", "accuracy", Goal.MAXIMIZE, 18, (*done, failed, stopped, *running))
