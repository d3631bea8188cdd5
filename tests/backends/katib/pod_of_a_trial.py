"""What becomes of a trial template before the trainer's process starts, done as Katib and Kubernetes do it.

Stands in for Katib's controller (parameters into the Job's JSON), its webhook (the command into ``sh -c``)
and the kubelet (``$(VAR)``); the shell is this machine's own.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Started:
    """A process as the shell started it.

    Attributes:
        argv: What ``python`` was given.
        document: What it had in the variable HPTUNE_TRIAL.
        marked: Whether the shell said, as Katib waits for, that the process succeeded.
    """

    argv: list
    document: str
    marked: bool


def start(experiment, values, trial_name, folder, *, early_stopping=False):
    """Starts the trainer's container of a trial.

    Args:
        experiment: The manifest.
        values: Assignments, by parameter's name.
        trial_name: The trial's.
        folder: A new directory.
        early_stopping: Whether the trial has rules to be stopped by.
    """
    job = render(experiment, values, trial_name)
    pod = job["spec"]["template"]["spec"]
    template = experiment["spec"]["trialTemplate"]
    container = next(c for c in pod["containers"] if c["name"] == template["primaryContainerName"])
    script = wrap(container["command"] + container.get("args", []), folder, early_stopping=early_stopping)
    environment = {}
    for variable in container["env"]:
        environment[variable["name"]] = expand(variable["value"], environment)
    return run(expand(script, environment), environment, folder)


def render(experiment, values, trial_name):
    """The Job with a trial's values, which Katib puts into its JSON as they are."""
    template = experiment["spec"]["trialTemplate"]
    text = json.dumps(template["trialSpec"], ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":  # as Go writes JSON
        text = text.replace(character, f"\\u{ord(character):04x}")
    for parameter in template["trialParameters"]:
        reference = parameter["reference"]
        value = trial_name if reference == "${trialSpec.Name}" else values[reference]
        text = text.replace(f"${{trialParameters.{parameter['name']}}}", value)
    return json.loads(text)


def wrap(words, folder, *, early_stopping=False):
    """The script that Katib's webhook makes of a command, for a File collector that looks into ``folder``."""
    stopped = f"test -f {folder}/$$$$.pid && [ $(head -n 1 {folder}/$$.pid) = early-stopped ]"
    rules = ["||", f"if {stopped}; then echo stopped; else echo failed; exit 1; fi"] if early_stopping else []
    return " ".join([*words, *rules, "&&", f"echo completed > {folder}/$$$$.pid"])


def expand(text, variables):
    """What the kubelet makes of ``$``: variables in parentheses, and one for two."""
    result, i = [], 0
    while i < len(text):
        following = text[i + 1] if i + 1 < len(text) else ""
        end = text.find(")", i)
        if text[i] != "$" or not following:
            result.append(text[i])
            i += 1
        elif following == "(" and end >= 0:
            result.append(variables.get(text[i + 2 : end], text[i : end + 1]))
            i = end + 1
        else:
            result.append("$" if following == "$" else text[i : i + 2])
            i += 2
    return "".join(result)


def run(script, environment, folder):
    """Runs a script with a ``python`` that notes what it is given."""
    folder = Path(folder)
    python = folder / "bin" / "python"
    if not python.exists():
        python.parent.mkdir(parents=True)
        python.write_text(
            f"#!/bin/sh\nprintf '%s\\0' \"$@\" > '{folder}/argv'\n"
            f"printf '%s' \"$HPTUNE_TRIAL\" > '{folder}/document'\n"
        )
        python.chmod(0o755)
    for mark in folder.glob("*.pid"):
        mark.unlink()
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(["sh", "-c", script], env={**environment, "PATH": path})
    assert process.wait(30) == 0
    argv = (folder / "argv").read_bytes().decode().split("\0")[:-1]
    mark = folder / f"{process.pid}.pid"
    document = (folder / "document").read_text(encoding="utf-8")
    return Started(argv, document, mark.exists() and mark.read_text() == "completed\n")
