"""A metric file, of cloudml-hypertune or written by hand, and prints, in the way that --how names."""

import argparse
import json
import os
import time
from pathlib import Path

import hypertune

parser = argparse.ArgumentParser()
parser.add_argument("--how")
parser.add_argument("--job-dir")
how = parser.parse_args().how
path = Path(os.environ["CLOUD_ML_HP_METRIC_FILE"])


def append(*texts):
    with path.open("a") as file:
        for text in texts:
            file.write(text)
            file.flush()
            time.sleep(0.3)


if how == "cloudml-hypertune":
    reporter = hypertune.HyperTune()
    print("accuracy=0.99", flush=True)
    # The file that it writes anew has the last 100: they must be read before those are others.
    for step in range(110):
        reporter.report_hyperparameter_tuning_metric("accuracy", 0.5 - 1 / (2 + step), step)
        time.sleep(0.02)
elif how == "without-newline":
    append(json.dumps({"timestamp": time.time(), "trial": "1", "accuracy": 0.5, "global_step": 5}))
elif how == "joined":
    append("\n".join(json.dumps({"accuracy": value}) for value in (0.1, 0.9, 0.5)))
elif how == "same-line-again":
    append(*(json.dumps({"accuracy": value}) + "\n" for value in ("0.5", "0.9", "0.5")))
elif how == "indented":
    append(json.dumps({"accuracy": 0.5, "global_step": 5}, indent=2))
elif how == "anew":
    for value in (0.1, 0.9, 0.5):
        with path.open("w") as file:
            json.dump({"accuracy": value}, file)
        time.sleep(0.3)
elif how == "progress-bar":
    for epoch in range(2):
        print("1/7 \u2501\u2501 6s 1s/step - loss: 0.83", end="", flush=True)
        print(f"accuracy={0.4 + epoch / 10}")
        print("\b" * 40 + "\r7/7 \u2501\u2501 0s 8ms/step - loss: 0.86 - accuracy: 0.97")
elif how == "colours":
    print("\x1b[32mINFO\x1b[0m \x1b[1maccuracy\x1b[0m = \x1b[31m0.5\x1b[0m")
elif how == "dictionary":
    print({"loss": [0.9, 0.8], "accuracy": [0.4, 0.5]})
elif how == "passing-then-report":
    print("accuracy: 0.97", flush=True)
    time.sleep(0.4)
    print("accuracy=0.5")
