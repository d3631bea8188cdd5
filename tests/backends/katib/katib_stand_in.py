"""A stand-in for Katib, and for the Kubernetes below it, on a stand-in for an API server.

It does with an Experiment what Katib v0.19 does, as far as its users can see: it makes trials of the
template, wraps their command for the metrics collector, and turns what the command leaves into conditions and
observations. The command is real: it runs in a shell of this machine. There is no container: the pod's own
paths are replaced by directories of the test.
"""

import json
import os
import random
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

from kubernetes_stand_in import now

EXPERIMENT = "katib.kubeflow.org/experiment"
TRIAL = "katib.kubeflow.org/trial"
UNAVAILABLE = "unavailable"
_POLL_S = 0.05


def condition(kind, status="True", reason="", message="", at=None):
    times = dict.fromkeys(("lastTransitionTime", "lastUpdateTime"), at or now())
    return {"type": kind, "status": status, "reason": reason, "message": message, **times}


def has(item, kind):
    return any(
        c["type"] == kind and c["status"] == "True" for c in item.get("status", {}).get("conditions", [])
    )


def mark(item, kind, reason="", message=""):
    """Sets a condition; what ends something ends its running."""
    conditions = item.setdefault("status", {}).setdefault("conditions", [])
    conditions[:] = [c for c in conditions if c["type"] != kind]
    if kind not in ("Created", "Running"):
        for each in conditions:
            each["status"] = "False" if each["type"] == "Running" else each["status"]
    conditions.append(condition(kind, "True", reason, message))


class KatibStandIn:
    """Works off the Experiments of a server, in a thread.

    Attributes:
        names: Makes the name of the nth trial of an Experiment.
        holds: Whether a trial's pod is to wait for a node for ever.
        suggests: Whether there are suggestions for new trials.
    """

    def __init__(self, server, folder):
        self.server = server
        self.folder = folder
        self.names = lambda experiment, number: f"{experiment}-{number}"
        self.holds = lambda _trial: False
        self.suggests = True
        self.processes = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._made = {}

    def start(self):
        self._thread.start()

    def stop(self):
        self._stopped.set()
        self._thread.join()
        for process in self.processes.values():
            process.kill()
            process.wait()

    def _work(self):
        while not self._stopped.wait(_POLL_S):
            self._clean_up()
            for experiment in self.server.all("experiments"):
                self._reconcile(experiment)

    def _clean_up(self):
        """Kills what belongs to deleted trials."""
        for name in [name for name in self.processes if self.server.get("trials", name) is None]:
            process = self.processes.pop(name)
            process.terminate()
            process.wait()

    def _reconcile(self, experiment):
        name = experiment["metadata"]["name"]
        trials = self.server.all("trials", (EXPERIMENT, name))
        for trial in trials:
            self._advance(trial)
        trials = self.server.all("trials", (EXPERIMENT, name))
        if has(experiment, "Succeeded") or has(experiment, "Failed"):
            return
        self._judge(name, experiment["spec"], trials)
        active = [trial for trial in trials if not ended(trial)]
        spec = experiment["spec"]
        wanted = min(spec["parallelTrialCount"], spec["maxTrialCount"] - (len(trials) - len(active)))
        if self.suggests and not completed(self.server.get("experiments", name)):
            for _ in range(wanted - len(active)):
                self._make_trial(experiment)

    def _judge(self, name, spec, trials):
        failed = sum(has(trial, "Failed") or has(trial, "MetricsUnavailable") for trial in trials)
        done = sum(map(ended, trials))

        def edit(item):
            if not has(item, "Created"):
                mark(item, "Created")
                item["status"]["startTime"] = now()
            limit = spec.get("maxFailedTrialCount")
            if limit is not None and failed and failed >= limit:
                message = "Experiment has failed because max failed count has reached"
                mark(item, "Failed", "ExperimentFailed", message)
                item["status"]["completionTime"] = now()
            elif done >= spec["maxTrialCount"]:
                mark(item, "Succeeded", "ExperimentMaxTrialsReached", "max trial count has reached")
                item["status"]["completionTime"] = now()
            elif not has(item, "Running"):
                mark(item, "Running")

        before = self.server.get("experiments", name)
        after = json.loads(json.dumps(before)) if before else None
        if after is not None:
            edit(after)
            if after != before:
                self.server.change("experiments", name, edit)

    def _make_trial(self, experiment):
        name, spec = experiment["metadata"]["name"], experiment["spec"]
        number = self._made[name] = self._made.get(name, 0) + 1
        trial_name = self.names(name, number)
        assignments = suggestion(spec, name, number)
        labels = {**experiment["metadata"].get("labels", {}), EXPERIMENT: name}
        owner = {"kind": "Experiment", "name": name}
        trial = {
            "metadata": {"name": trial_name, "labels": labels, "ownerReferences": [owner]},
            "spec": {
                "objective": spec["objective"],
                "parameterAssignments": [{"name": k, "value": v} for k, v in assignments.items()],
                "runSpec": render(spec["trialTemplate"], assignments, trial_name),
                "metricsCollector": spec["metricsCollectorSpec"],
            },
            "status": {"startTime": now(), "completionTime": None, "conditions": [condition("Created")]},
        }
        self.server.put("trials", trial)

    def _advance(self, trial):
        name = trial["metadata"]["name"]
        if ended(trial):
            return
        if not has(trial, "Running"):
            self._launch(trial)
            self.server.change("trials", name, lambda item: mark(item, "Running"))
        elif (process := self.processes.get(name)) and process.poll() is not None:
            self._end(trial, process.returncode)

    def _launch(self, trial):
        name = trial["metadata"]["name"]
        template = trial["spec"]["runSpec"]["spec"]["template"]
        container = template["spec"]["containers"][0]
        labels = {
            **template["metadata"]["labels"],
            **trial["metadata"]["labels"],
            TRIAL: name,
            "job-name": name,
        }
        pod = {
            "metadata": {
                "name": f"{name}-pod",
                "labels": labels,
                "ownerReferences": [{"kind": "Trial", "name": name}],
            },
            "spec": template["spec"],
            "status": {"phase": "Pending"},
        }
        if self.holds(name):
            why = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
            pod["status"]["conditions"] = [
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why}
            ]
            self.server.put("pods", pod)
            return
        running = {"name": container["name"], "state": {"running": {"startedAt": now()}}}
        pod["status"] = {"phase": "Running", "containerStatuses": [running]}
        self.server.put("pods", pod)
        self.server.logs[f"{name}-pod"] = ""
        self.processes[name] = self._start(name, container)

    def _start(self, name, container):
        home = self.folder / name
        home.mkdir(parents=True)
        environment = {
            each["name"]: in_folder(expanded(each["value"], {}), home) for each in container["env"]
        }
        words = [*container.get("command", []), *container.get("args", [])]
        words += ["&&", "echo completed >", "/var/log/hptune/$$$$.pid"]
        command = in_folder(expanded(" ".join(words), environment), home)
        for directory in ("var-log-hptune", "hptune"):
            (home / directory).mkdir()
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        process = subprocess.Popen(
            ["sh", "-c", command],
            env={**os.environ, "PATH": path, **environment},
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self._read_log, args=(f"{name}-pod", process.stdout), daemon=True).start()
        return process

    def _read_log(self, pod, stream):
        for line in stream:
            stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
            self.server.logs[pod] += f"{stamp} {line.decode('utf-8', 'replace')}"
        stream.close()

    def _end(self, trial, code):
        name = trial["metadata"]["name"]
        home = self.folder / name
        message = read_text(home / "termination-log")
        metrics = observation(read_text(home / "var-log-hptune" / "measurements.jsonl"), trial)

        def end_pod(item):
            terminated = {"exitCode": code, "finishedAt": now(), "message": message}
            began = item["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
            container = {"name": "trainer", "state": {"terminated": {**terminated, "startedAt": began}}}
            item["status"] = {"phase": "Failed" if code else "Succeeded", "containerStatuses": [container]}

        def end_trial(item):
            item["status"]["completionTime"] = now()
            if code:
                mark(item, "Failed", "TrialFailed", "Trial has failed. Job message: Job has failed")
                return
            item["status"]["observation"] = {"metrics": metrics}
            objective = item["spec"]["objective"]["objectiveMetricName"]
            known = any(m["name"] == objective and m["latest"] != UNAVAILABLE for m in metrics)
            mark(item, "Succeeded" if known else "MetricsUnavailable")

        self.server.change("pods", f"{name}-pod", end_pod)
        self.server.change("trials", name, end_trial)


def ended(trial):
    return any(
        has(trial, kind) for kind in ("Killed", "Failed", "Succeeded", "EarlyStopped", "MetricsUnavailable")
    )


def completed(experiment):
    return experiment is None or has(experiment, "Succeeded") or has(experiment, "Failed")


def suggestion(spec, experiment, number):
    """The values of the nth trial: the nth point of a grid, or random ones."""
    rng = random.Random(f"{experiment}/{number}")
    spaces = {p["name"]: (p["parameterType"], p["feasibleSpace"]) for p in spec["parameters"]}
    if spec["algorithm"]["algorithmName"] == "grid":
        points = list(product(*(space["list"] for _, space in spaces.values())))
        return dict(zip(spaces, points[number - 1], strict=True))
    values = {}
    for name, (kind, space) in spaces.items():
        if space.get("list"):
            values[name] = rng.choice(space["list"])
        elif kind == "int":
            values[name] = str(rng.randint(int(space["min"]), int(space["max"])))
        else:
            values[name] = repr(rng.uniform(float(space["min"]), float(space["max"])))
    return values


def render(template, assignments, trial_name):
    text = json.dumps(template["trialSpec"])
    for parameter in template["trialParameters"]:
        reference = parameter["reference"]
        value = trial_name if reference == "${trialSpec.Name}" else assignments[reference]
        text = text.replace(f"${{trialParameters.{parameter['name']}}}", value)
    assert "${trial" not in text, "Katib refuses a template with places that are left"
    return json.loads(text)


def expanded(text, environment):
    """What a kubelet makes of a command or of a variable's value."""
    known = re.compile(r"\$\$|\$\((?P<name>[A-Za-z_]\w*)\)")
    return known.sub(lambda m: "$" if m[0] == "$$" else environment.get(m["name"], m[0]), text)


def in_folder(text, home):
    """A command or a variable's value with the pod's own paths replaced."""
    replaced = text.replace("/var/log/hptune", str(home / "var-log-hptune"))
    replaced = replaced.replace("/dev/termination-log", str(home / "termination-log"))
    return re.sub(r"(?<![\w./-])/hptune/", f"{home / 'hptune'}/", replaced)


def observation(text, trial):
    """What Katib's collector and its controller make of a file of JSON lines."""
    objective = trial["spec"]["objective"]
    strategies = [objective["objectiveMetricName"], *objective.get("additionalMetricNames", [])]
    found = {
        name: {"name": name, "latest": UNAVAILABLE, "min": UNAVAILABLE, "max": UNAVAILABLE}
        for name in strategies
    }
    times = {}
    for line in filter(None, text.split("\n")):
        row = json.loads(line)
        stamp = str(row.get("timestamp", ""))
        for name in strategies:
            value = row.get(name)
            if not isinstance(value, str):
                continue
            float(value)
            metric = found[name]
            low, high = metric["min"], metric["max"]
            metric["min"] = value if low == UNAVAILABLE or float(value) < float(low) else low
            metric["max"] = value if high == UNAVAILABLE or float(value) > float(high) else high
            if stamp >= times.get(name, ""):
                times[name], metric["latest"] = stamp, value
    if found[strategies[0]]["latest"] == UNAVAILABLE:
        return [found[strategies[0]]]
    return list(found.values())


def read_text(path):
    return path.read_text(encoding="utf-8") if path.exists() else ""


@contextmanager
def katib_stand_in(server, folder):
    katib = KatibStandIn(server, folder)
    katib.start()
    try:
        yield katib
    finally:
        katib.stop()
