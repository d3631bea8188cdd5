"""One trial as this machine measures it and as its pod does."""

import json
import os
import runpy
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from hptune.job.submission import Program
from hptune.storage.job_dir import JobDir, TrialDir
from hptune.trial.metrics.curve import CurveWriter, read_curve
from hptune.trial.metrics.reader import MetricReader
from hptune.trial.outcome import Outcome
from hptune.trial.pod.collector import CollectorFile
from hptune.trial.spec import TRIAL_FORM, Pod, TrialSpec

TRAINERS = Path(__file__).parent / "trainers"
PATIENCE_S = 120


@dataclass
class Measured:
    """What is known of a trial that has ended.

    Attributes:
        outcome: How it ended.
        curve: Its values, in their order.
        directory: Where it ran.
    """

    outcome: Outcome
    curve: list[float]
    directory: TrialDir = field(compare=False)

    @property
    def log(self):
        return self.directory.log.read_text()


def collected(path, metric):
    """The values that Katib takes from a collector's file, in the order of their times."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    counting = sorted((line for line in lines if metric in line), key=lambda line: line["timestamp"])
    return [float(line[metric]) for line in counting]


def start(root, trainer, metric, *user_args, pod, cwd=None):
    """Starts a trial's process; returns what waits for it and finds its result."""
    directory, file = JobDir(root).trial(1), root / "collected.jsonl"
    spec = TrialSpec(
        trial_id="1",
        job_id="job",
        metric=metric,
        program=Program(command=(sys.executable, "-u", str(TRAINERS / f"{trainer}.py"))),
        directory=directory,
        user_args=user_args,
        pod=Pod(collector_file=file) if pod else None,
    )
    environment = {**os.environ, "HPTUNE_TRIAL": TRIAL_FORM.text(spec), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-P", "-m", "hptune.trial"]
    process = subprocess.Popen(
        command, env=environment, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )

    def end():
        log = process.communicate(timeout=PATIENCE_S)[0].decode()
        assert process.returncode == 0, log
        # Who starts a trial on this machine keeps its output; in a pod the trial does.
        directory.log.write_text(log)
        curve = (
            collected(file, metric) if pod else [each.value for each in read_curve(directory.measurements)]
        )
        return Measured(Outcome.load(directory.outcome), curve, directory)

    return end


def both(place, trainer, metric, *user_args, cwd=None):
    """The trial on this machine, and in a pod."""
    ends = [
        start(place / name, trainer, metric, *user_args, pod=name == "pod", cwd=cwd)
        for name in ("here", "pod")
    ]
    return [end() for end in ends]


def here_and_in_a_pod(place, trainer, metric, *user_args):
    """The trial, which both have measured alike."""
    here, in_pod = both(place, trainer, metric, *user_args)
    assert (here.outcome.final, here.curve) == (in_pod.outcome.final, in_pod.curve)
    assert (here.outcome.source, here.outcome.message) == (in_pod.outcome.source, "")
    return here


def followed(place, script, metric):
    """Follows a trainer's summaries in this process, where its imports are loaded; both curves are one.

    The trainer has its arguments in ``sys.argv``.

    Returns:
        The objective, and the curve.
    """
    here, pod = place / "here.jsonl", place / "pod.jsonl"
    with here.open("w") as file, CollectorFile(pod, metric) as collector, ThreadPoolExecutor(1) as pool:
        sys.argv += ["--job-dir", str(place / "job")]
        curves = [CurveWriter(file), collector]
        reader = MetricReader(metric, summaries=place / "job", metric_file=place / "none", curves=curves)
        trainer = pool.submit(runpy.run_path, str(script))
        while not trainer.done():
            reader.read_files()
        trainer.result()
        reader.finish()
        collector.finish(reader.objective.measurement)
    curve = [each.value for each in read_curve(here)]
    assert collected(pod, metric) == curve
    return reader.objective, curve
