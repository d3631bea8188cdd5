"""Study -> ML Engine's answer, for programs, and a table, for people."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import yaml
from rich.table import Table
from rich.text import Text

from hptune.backends.base import JobStatus
from hptune.space import Value, format_values
from hptune.study import Study, Trial, TrialState

# A long message must not take the columns' place.
_MAX_STATE_WIDTH = 60


def training_output(study: Study) -> dict[str, Any]:
    """ML Engine's ``trainingOutput``: best first, 64-bit integers as strings, the objective a number."""
    succeeded = sum(trial.state is TrialState.SUCCEEDED for trial in study.trials)
    return {
        "completedTrialCount": str(succeeded),
        "trials": [_trial_output(trial) for trial in study.ranked],
        "isHyperparameterTuningJob": True,
        "hyperparameterMetricTag": study.metric,
    }


def _trial_output(trial: Trial) -> dict[str, Any]:
    output: dict[str, Any] = {
        "trialId": str(trial.id),
        "hyperparameters": format_values(trial.parameters),
        "state": trial.state.value,
    }
    if trial.final:
        output["finalMetric"] = {
            "trainingStep": str(trial.final.step),
            "objectiveValue": trial.final.value,
        }
    if trial.stopped_early:
        output["isTrialStoppedEarly"] = True
    times = {"startTime": trial.start_time, "endTime": trial.end_time}
    return output | {name: _timestamp(time) for name, time in times.items() if time}


def _timestamp(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def job_output(status: JobStatus) -> dict[str, Any]:
    """The whole of what ``jobs describe`` answered."""
    output: dict[str, Any] = {
        "jobId": status.study.name,
        "createTime": _timestamp(status.create_time),
        "state": status.state.value,
        "trainingInput": status.training_input,
        "trainingOutput": training_output(status.study),
    }
    if status.end_time:
        output["endTime"] = _timestamp(status.end_time)
    if status.message:
        output["errorMessage"] = status.message
    return output


def to_json(output: dict[str, Any]) -> str:
    """JSON that other programs read; an objective is always finite."""
    return json.dumps(output, indent=2, ensure_ascii=False, allow_nan=False)


class _Dumper(yaml.SafeDumper):
    """Quotes texts that look like numbers to YAML 1.2 too: PyYAML alone takes 1e-05 for a word."""


_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def to_yaml(output: dict[str, Any]) -> str:
    """YAML with its keys in alphabetical order, as gcloud printed it."""
    return yaml.dump(output, Dumper=_Dumper, sort_keys=True, default_flow_style=False, allow_unicode=True)


def trial_table(study: Study, max_rows: int | None = None) -> Table:
    """The trials, best first; where ``max_rows`` hides some, a line below says how many."""
    names = list(dict.fromkeys(name for trial in study.trials for name in trial.parameters))
    title = Text(f"{study.name}: {study.goal.value.lower()} {study.metric}")
    table = Table(title=title, title_justify="left")
    for name in ("trial", study.metric, "step", *names, "duration"):
        table.add_column(Text(name), justify="right", overflow="fold")
    table.add_column("state", overflow="fold", max_width=_MAX_STATE_WIDTH)
    for trial in study.ranked[:max_rows]:
        table.add_row(*_cells(trial, names), style="bold" if trial is study.best else None)
    if hidden := len(study.trials) - table.row_count:
        table.caption = Text(f"and {hidden} more")
    return table


def summary_table(study: Study) -> Table:
    """What ``jobs describe --summarize`` showed: trial, objective, step."""
    table = Table("TRIAL", "OBJECTIVE_VALUE", "STEP", box=None)
    for trial in study.ranked:
        table.add_row(*_cells(trial, [])[:3])
    return table


def _cells(trial: Trial, names: list[str]) -> list[Text]:
    final = trial.final
    state = "stopped early" if trial.stopped_early else trial.state.value
    cells = [
        str(trial.id),
        f"{final.value:.6g}" if final else "-",
        str(final.step) if final else "-",
        *(_short(trial.parameters[name]) if name in trial.parameters else "-" for name in names),
        format_duration(trial.duration_s),
        f"{state}: {trial.message}" if trial.message else state,
    ]
    # Text, because a string would be searched for Rich's markup.
    return [Text(cell) for cell in cells]


def _short(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def best_line(study: Study) -> str:
    """The best trial in words; empty while there is none."""
    best = study.best
    if best is None or best.final is None:
        return ""
    return f"best: trial {best.id}, {study.metric} {best.final.value:.6g} with {assignments(best)}"


def assignments(trial: Trial) -> str:
    """A trial's parameters as words ``name=value``."""
    return " ".join(f"{name}={value}" for name, value in format_values(trial.parameters).items())


def format_duration(seconds: float | None) -> str:
    """Seconds as people say them: ``4.2 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds is None:
        return "-"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
