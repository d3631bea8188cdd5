"""Summaries of tensorboardX, in the way that --how names."""

import argparse
import time
from pathlib import Path

from tensorboardX import SummaryWriter

parser = argparse.ArgumentParser()
parser.add_argument("--how")
parser.add_argument("--pause-s", type=float, default=0.6)
parser.add_argument("--job-dir", type=Path)
arguments = parser.parse_args()
how, job_dir = arguments.how, arguments.job_dir


def write(name, *values, first_step=0):
    with SummaryWriter(str(job_dir / name)) as writer:
        for step, value in enumerate(values, start=first_step):
            writer.add_scalar("accuracy", value, step)
            time.sleep(0.002)


if how == "hparams":
    with SummaryWriter(str(job_dir)) as writer:
        for step in range(3):
            writer.add_scalar("accuracy", 0.1 * step, step)
            time.sleep(0.01)
        writer.add_hparams({"lr": 0.1}, {"accuracy": 0.5}, global_step=3)
elif how == "folds":
    for fold in range(11):
        write(f"fold_{fold}", 0.5 + fold / 100, first_step=1)
    write("average", 0.5, first_step=11)
elif how == "names-in-reverse":
    for place in "zyx":
        write(place, 0.9)
    write("a", 0.5)
elif how == "late-flush":
    early, late = (SummaryWriter(str(job_dir / name)) for name in ("b", "a"))
    early.add_scalar("accuracy", 0.9, 0)
    time.sleep(0.01)
    late.add_scalar("accuracy", 0.5, 1)
    late.close()
    time.sleep(arguments.pause_s)
    early.close()
elif how == "scalars":
    with SummaryWriter(str(job_dir)) as writer:
        for step in range(3):
            writer.add_scalars("accuracy", {"train": 0.9, "val": 0.3 + step / 10}, step)
else:
    evaluation, training = how.split(",")
    with SummaryWriter(str(job_dir / training), flush_secs=1) as writer:
        for step in range(4):
            writer.add_scalar("accuracy", 0.99, step)
        writer.flush()
        # The training is read before anything was evaluated.
        time.sleep(arguments.pause_s)
        write(evaluation, 0.2, 0.5)
        writer.add_scalar("accuracy", 0.99, 4)
