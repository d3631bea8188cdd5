"""Sixty job files of people who mean no good, or whose generator went wrong."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from benchmarks.reliability.hostile import Content

_MB = 2**20
_PARAM: dict[str, Any] = {"parameterName": "x", "type": "DOUBLE", "minValue": 0, "maxValue": 1}
_LETTERS = "abcdefghi"


def _job(*params: dict[str, Any], **tuning: Any) -> str:  # noqa: ANN401  (JSON)
    tuning = {"hyperparameterMetricTag": "accuracy", "maxTrials": 3, **tuning}
    return json.dumps({"trainingInput": {"hyperparameters": {**tuning, "params": [*params] or [_PARAM]}}})


def _param(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  (JSON)
    return {**_PARAM, **changes}


def _listed(values: list[Any], kind: str = "DISCRETE") -> dict[str, Any]:
    name = "discreteValues" if kind == "DISCRETE" else "categoricalValues"
    return {"parameterName": "x", "type": kind, name: values}


def _aliases(each: str, start: str) -> str:
    """Writes nine levels of ten aliases each."""
    lines = [f"a: &a {start}"]
    for former, letter in pairwise(_LETTERS):
        lines.append(f"{letter}: &{letter} {each.format(*[f'*{former}'] * 10)}")
    return "\n".join(lines) + "\n"


_TEN = "[" + ", ".join(["{}"] * 10) + "]"
_MAP = "{{" + ", ".join(f"k{i}: {{}}" for i in range(10)) + "}}"
_TAGS = (
    "!!python/object/apply:os.system ['touch pwned']",
    "!!python/object/new:os.system ['touch pwned']",
    "!!python/object:os.PathLike {}",
    "!!python/name:os.system",
    "!!python/module:os",
    "!!python/tuple [1, 2]",
    "!!binary aGVsbG8=",
    "!!set {a, b}",
    "!!omap [a: 1]",
    "!include /etc/passwd",
    "!ENV ${HOME}",
    "!<tag:example.org,2026:x> 1",
)

JOB_FILES: dict[str, Content] = {
    "nothing": "",
    "a billion lists": _aliases(_TEN, "[x, x, x, x, x, x, x, x, x, x]"),
    "a billion mappings": _aliases(_MAP, "{x: 1}"),
    "an alias in itself": "a: &a [*a]\n",
    "a merge of itself": "a: &a {<<: *a}\n",
    "merges of merges": _aliases("{{<<: [" + ", ".join(["{}"] * 10) + "]}}", "{x: 1}"),
    "100,000 aliases": "a: &a x\nb: [" + "*a, " * 100_000 + "*a]\n",
    "100,000 anchors": "".join(f"k{i}: &k{i} x\n" for i in range(100_000)),
    **{f"the tag {tag.split()[0]}": f"trainingInput: {tag}\n" for tag in _TAGS},
    "a NUL": "trainingInput:\n  a: \0\n",
    "NULs alone": b"\0" * _MB,
    "control characters": 'trainingInput: "\\e[2J\\a"\nx: \x1b[2J\n',
    "controls in a name": _job(_param(parameterName="\x1b]0;title\x07")),
    "no UTF-8": b"\xff\xfe\xfd" * 1000,
    "UTF-16": _job().encode("utf-16"),
    "a lone surrogate": 'trainingInput: "\\ud83d"\n',
    "lists 100,000 deep": "[" * 100_000,
    "lists 100,000 deep, closed": "[" * 100_000 + "]" * 100_000,
    "mappings 100,000 deep": '{"a":' * 100_000,
    "blocks 2,000 deep": "".join(f"{' ' * i}a:\n" for i in range(2000)),
    "dashes 100,000 deep": "- " * 100_000,
    "a quote that is not closed, 1 MB": 'a: "' + "x" * _MB,
    "a folded text of 1 MB": "a: >\n" + "  x\n" * (_MB // 4),
    "1 MB of blank lines": "\n" * _MB,
    "1 MB of spaces": " " * _MB,
    "1 MB of tabs": "\t" * _MB,
    "1 MB of comments": "# x\n" * (_MB // 4),
    "1 MB of colons": ":" * _MB,
    "1 MB of question marks": "? " * (_MB // 2),
    "100,000 documents": "---\na: 1\n" * 100_000,
    "50 MB": lambda: b"a: 1\n" * (10 * _MB),
    "a parameter's name of 1 MB": _job(_param(parameterName="x" * _MB)),
    "a metric's tag of 1 MB": _job(hyperparameterMetricTag="x" * _MB),
    "a field's name of 1 MB": _job(**{"x" * _MB: 1}),
    "a value of 1 MB": _job(_listed(["x" * _MB, "y"], "CATEGORICAL")),
    "a number of 1 MB": _job(_param(maxValue="9" * _MB)),
    "an exponent of 1 MB": _job(_param(maxValue="1e" + "9" * _MB)),
    "8,000 discreteValues": _job(_listed(list(range(8000)))),
    "8,000 discreteValues, from the last": _job(_listed(list(range(8000))[::-1])),
    "8,000 categoricalValues": _job(_listed([f"v{i}" for i in range(8000)], "CATEGORICAL")),
    "8,000 equal categoricalValues": _job(_listed(["v"] * 8000, "CATEGORICAL")),
    "1,000 parameters": _job(*(_param(parameterName=f"x{i}") for i in range(1000))),
    "1,000 parameters of one name": _job(_PARAM, *[_PARAM] * 999),
    "10,000 faults": _job(*[{"parameterName": "", "type": "?"}] * 5000),
    "20,000 fields that are none": _job(**{f"field{i}": i for i in range(20_000)}),
    "50,000 times the same field": "trainingInput:\n" + "  scaleTier: BASIC\n" * 50_000,
    "trials without end": _job(maxTrials=10**30),
    "trials at once without end": _job(maxParallelTrials=10**30),
    "numbers that are none": _job(_param(minValue=".nan", maxValue=".inf")),
    "a negative zero": _job(_param(minValue="-0", maxValue="-0.0", scaleType="UNIT_LOG_SCALE")),
    "denormal bounds": _job(_param(minValue=5e-324, maxValue=1e-323, scaleType="UNIT_LOG_SCALE")),
    "bounds of all doubles": _job(_param(minValue=-1.7e308, maxValue=1.7e308)),
    "an earlier job with a path": _job(resumePreviousJobId="../../../etc"),
}
"""What is in each, by what it is called."""
