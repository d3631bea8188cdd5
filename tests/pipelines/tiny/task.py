"""Takes a moment to find that x should be 3; can be told to fail."""

import argparse
import os
import sys
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--input", type=Path, required=True)
parser.add_argument("--job-dir", type=Path, required=True)
parser.add_argument("--x", type=float, required=True)
parser.add_argument("--fail", nargs="*", default=[], help="numbers of trials")
parser.add_argument("--hang-while", type=Path, help="a file; the second trial hangs while it is there")
parser.add_argument("--begun", type=Path, help="gets a line for each run")
args = parser.parse_args()

trial = os.environ["CLOUD_ML_TRIAL_ID"]
if args.begun:
    with args.begun.open("a") as file:
        file.write(f"{trial} {os.getpid()}\n")
print(f"trial {trial} reads {args.input.stat().st_size} bytes", flush=True)
while trial == "2" and args.hang_while and args.hang_while.exists():
    time.sleep(0.1)
if trial in args.fail:
    sys.exit("out of luck")
(args.job_dir / "model.txt").write_text(str(args.x))
print(f"step=7 loss={(args.x - 3) ** 2}")
