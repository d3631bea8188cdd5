import argparse
import json
import os
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.add_argument("--job-dir")
parser.add_argument("--data")
parser.add_argument("--wait-in", help="number of the trial that waits until its directory has a file go")
parser.add_argument("--megabytes", type=int, default=0)
arguments = parser.parse_args()
print(json.dumps({"argv": sys.argv, "cwd": os.getcwd(), "user": os.getuid(), "environment": {**os.environ}}))
if arguments.data:
    with open(arguments.data) as file:
        print("data:", file.read())
if arguments.job_dir:
    os.makedirs(os.path.join(arguments.job_dir, "below"), exist_ok=True)
    with open(os.path.join(arguments.job_dir, "below", "model"), "w") as file:
        file.write("model")
print("started", flush=True)
while os.environ["CLOUD_ML_TRIAL_ID"] == arguments.wait_in:
    if os.path.exists(os.path.join(arguments.job_dir, "go")):
        break
    time.sleep(0.1)
filled = bytearray(arguments.megabytes * 10**6)
print(f"score={arguments.x}")
