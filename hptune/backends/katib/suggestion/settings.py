"""The algorithm's settings in an Experiment, all of them text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hptune.backends.katib.experiment.names import BANDIT
from hptune.errors import Fault, InputError
from hptune.search.scale import Scale

SEED = "seed"
FIRST_POINTS = "first_points"
TRIAL_NAMES = "trial_names"
NUMBERED = "numbered"
SCALE = "scale."
"""With a parameter's name behind it."""
# Ours alone: what the service tells itself from one request to the next.
HANDED_OUT = "handed_out"

_KNOWN = f"{SEED}, n_startup_trials, {SCALE}PARAMETER, {FIRST_POINTS}, {TRIAL_NAMES} and {HANDED_OUT}"
_MAX_SEED = 2**64 - 1


@dataclass(frozen=True)
class Settings:
    """What an Experiment may set.

    Attributes:
        seed: Of the suggestions, as that of ``hptune run``.
        n_startup_trials: How many trials fill the space first; None leaves it to the sampler.
        scales: By parameter's name; they win over Katib's distributions.
        first_points: Parameters to try before anything else, name to text.
        numbered: Whether the service names the trials: EXPERIMENT-1, EXPERIMENT-2, ...
        handed_out: The service's open suggestions, empty in the first request.
    """

    seed: int = 0
    n_startup_trials: int | None = None
    scales: Mapping[str, Scale] = field(default_factory=dict)
    first_points: tuple[Mapping[str, str], ...] = ()
    numbered: bool = False
    handed_out: str = ""


def read_settings(pairs: Iterable[tuple[str, str]]) -> Settings:
    """Reads names and values.

    Raises:
        InputError: Names that are unknown or given twice, values that are not allowed; all of them.
    """
    reader = _Reader()
    for name, value in pairs:
        reader.take(name, value)
    if reader.faults:
        raise InputError(reader.faults)
    return Settings(scales=reader.scales, **reader.values)  # type: ignore[arg-type]


class _Reader:
    """Reads one setting after the other and keeps what is wrong with them."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}
        self.scales: dict[str, Scale] = {}
        self.faults: list[Fault] = []
        self._seen: set[str] = set()

    def take(self, name: str, value: str) -> None:
        if name in self._seen:
            self._fault(name, "is given twice")
        self._seen.add(name)
        if name == SEED:
            self._whole_number(name, value, 0, _MAX_SEED)
        elif name == "n_startup_trials":
            self._whole_number(name, value, 1, 10**6)
        elif name == FIRST_POINTS:
            self._points(name, value)
        elif name == TRIAL_NAMES:
            self._trial_names(name, value)
        elif name == HANDED_OUT:
            self.values[name] = value
        elif name.startswith(SCALE):
            self._scale(name, value)
        else:
            self._fault(name, f"is not a setting of {BANDIT} (it has {_KNOWN})")

    def _fault(self, name: str, problem: str) -> None:
        self.faults.append(Fault(f"algorithmSettings.{name}", problem))

    def _whole_number(self, name: str, value: str, low: int, high: int) -> None:
        if value.isascii() and value.isdigit() and len(value) <= len(str(high)) and low <= int(value) <= high:
            self.values[name] = int(value)
        else:
            self._fault(name, f"{value!r} is not a whole number from {low} to {high}")

    def _trial_names(self, name: str, value: str) -> None:
        if value in ("", NUMBERED):
            self.values["numbered"] = value == NUMBERED
        else:
            self._fault(name, f"{value!r} is not allowed (use {NUMBERED}, or leave it out for Katib's own)")

    def _scale(self, name: str, value: str) -> None:
        try:
            self.scales[name.removeprefix(SCALE)] = Scale(value)
        except ValueError:
            self._fault(name, f"{value!r} is not a scale (use {', '.join(Scale)})")

    def _points(self, name: str, value: str) -> None:
        try:
            points = json.loads(value)
        except (ValueError, RecursionError):
            points = None
        if isinstance(points, list) and all(map(_is_point, points)):
            self.values[name] = tuple(points)
        else:
            self._fault(name, "is not a JSON list of objects with a text for each parameter's name")


def _is_point(point: object) -> bool:
    return isinstance(point, dict) and all(isinstance(text, str) for text in point.values())
