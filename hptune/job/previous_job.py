"""An earlier job that another one starts from: a job directory, or what ML Engine answered of one of its own.

ML Engine's answer is a file that has what `gcloud ai-platform jobs describe` printed, JSON or YAML, or its
``trainingOutput`` alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hptune.errors import Fault, JobDirError, JobFileError
from hptune.job.document import read_document
from hptune.job.schema import HyperparameterSpec
from hptune.storage.job_dir import JobDir

MAX_ANSWER_BYTES = 2**26

_ENDINGS = ("", ".json", ".yaml", ".yml")


def find_answer(root: Path) -> Path | None:
    """Finds the file with ML Engine's answer: ``root`` itself, with an ending, or the results inside it."""
    named = (Path(f"{root}{ending}") for ending in _ENDINGS)
    return next((path for path in (*named, JobDir(root).results) if path.is_file()), None)


def read_answer(path: Path) -> dict[str, Any]:
    """Reads ML Engine's answer with at least a ``trainingOutput``, every scalar a text.

    Raises:
        JobDirError: The file has none, or cannot be read.
    """
    try:
        if path.stat().st_size > MAX_ANSWER_BYTES:
            raise JobDirError(Fault(str(path), f"is larger than {MAX_ANSWER_BYTES} bytes"))
        answer = read_document(path.read_text(encoding="utf-8"), str(path)).data
    except (JobFileError, UnicodeDecodeError, OSError) as error:
        raise JobDirError(Fault(str(path), f"cannot be read as ML Engine's answer: {error}")) from error
    if isinstance(answer, dict) and isinstance(answer.get("trials"), list):
        answer = {"trainingOutput": answer}
    output = answer.get("trainingOutput") if isinstance(answer, dict) else None
    if not isinstance(output, dict) or not isinstance(output.get("trials"), list):
        raise JobDirError(Fault(str(path), "holds no trials (trainingOutput.trials is missing)"))
    return dict(answer)


def read_tuning(root: Path) -> HyperparameterSpec | None:
    """Reads the hyperparameters that the job at ``root`` was asked for; None where they cannot be found."""
    record, answer = JobDir(root).job, find_answer(root)
    try:
        if record.is_file():
            return _tuning(read_document(record.read_text(encoding="utf-8"), str(record)).data)
        return _tuning(read_answer(answer)) if answer else None
    except (JobDirError, JobFileError, ValueError, OSError):
        # Whoever reads its trials says what is wrong with it.
        return None


def _tuning(content: dict[str, Any]) -> HyperparameterSpec | None:
    inner = content.get("submission", {}).get("job", content)
    tuning = inner.get("trainingInput", {}).get("hyperparameters")
    return HyperparameterSpec.model_validate(_given(tuning)) if tuning else None


def _given(tuning: dict[str, Any]) -> dict[str, Any]:
    """Leaves out nulls, which mean "not given"."""
    plain: dict[str, Any] = json.loads(json.dumps(tuning))
    params = plain.get("params") or []
    plain["params"] = [{k: v for k, v in each.items() if v is not None} for each in params]
    return {key: value for key, value in plain.items() if value is not None}


def inherited(tuning: HyperparameterSpec, earlier: HyperparameterSpec) -> HyperparameterSpec:
    """Returns ``tuning`` with the earlier job's parameters, goal and tag, where it has none of its own."""
    names = ("params", "goal", "hyperparameter_metric_tag")
    missing = {name: getattr(earlier, name) for name in names if not getattr(tuning, name)}
    return tuning.model_copy(update=missing)
