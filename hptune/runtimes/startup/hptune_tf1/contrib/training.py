"""``tf.contrib.training``: the hyperparameters that trainers keep together, hooks, loops."""

from __future__ import annotations

import json
from typing import Any

import tensorflow as tf
from tf_slim.training import evaluation as _evaluation

StopAfterNEvalsHook = _evaluation.StopAfterNEvalsHook
SummaryAtEndHook = _evaluation.SummaryAtEndHook
evaluate_once = _evaluation.evaluate_once
evaluate_repeatedly = _evaluation.evaluate_repeatedly
checkpoints_iterator = tf.train.checkpoints_iterator
get_or_create_eval_step = _evaluation.get_or_create_eval_step
wait_for_new_checkpoint = _evaluation.wait_for_new_checkpoint


class HParams:
    """Hyperparameters by name, as attributes; each keeps the type of its first value.

    Args:
        **values: Their names and values; a list's type is that of its items.
    """

    def __init__(self, **values: Any) -> None:
        self._types: dict[str, tuple[type, bool]] = {}
        for name, value in values.items():
            self.add_hparam(name, value)

    def add_hparam(self, name: str, value: Any) -> None:
        """Adds one.

        Raises:
            ValueError: There is one of that name, or an attribute that is none.
        """
        if getattr(self, name, None) is not None:
            raise ValueError(f"Hyperparameter name is reserved: {name}")
        several = isinstance(value, (list, tuple))
        if several and not value:
            raise ValueError(f"Multi-valued hyperparameters cannot be empty: {name}")
        self._types[name] = (type(value[0]) if several else type(value), several)
        setattr(self, name, value)

    def set_hparam(self, name: str, value: Any) -> None:
        """Changes one; the value is made of its type."""
        kind, several = self._types[name]
        if several != isinstance(value, (list, tuple)):
            raise ValueError(f"Hyperparameter {name} takes {'a list' if several else 'one value'}: {value!r}")
        setattr(self, name, [_cast(kind, item) for item in value] if several else _cast(kind, value))

    def del_hparam(self, name: str) -> None:
        """Takes one away, if it is there."""
        if name in self._types:
            delattr(self, name)
            del self._types[name]

    def parse(self, values: str) -> HParams:
        """Changes those that a text such as ``lr=0.1,layers=[10,20]`` names."""
        return self.override_from_dict(_assignments(values))

    def override_from_dict(self, values: dict[str, Any]) -> HParams:
        """Changes those that a dictionary names."""
        for name, value in values.items():
            if name not in self._types:
                raise ValueError(f"Unknown hyperparameter: {name}")
            self.set_hparam(name, value)
        return self

    def parse_json(self, text: str) -> HParams:
        """Changes those that a JSON object names."""
        return self.override_from_dict(json.loads(text))

    def values(self) -> dict[str, Any]:
        """Returns all hyperparameters by name."""
        return {name: getattr(self, name) for name in self._types}

    def to_json(self, indent: int | None = None, **options: Any) -> str:
        """Writes all hyperparameters as a JSON object."""
        return json.dumps(self.values(), indent=indent, **options)

    def get(self, key: str, default: Any = None) -> Any:
        """Returns a hyperparameter, or ``default`` where there is none of that name."""
        return getattr(self, key) if key in self._types else default

    def __contains__(self, key: str) -> bool:
        return key in self._types

    def __str__(self) -> str:
        return str(sorted(self.values().items()))

    def __repr__(self) -> str:
        return f"HParams({self})"


def _cast(kind: type, value: Any) -> Any:
    if kind is bool and isinstance(value, str):
        if value.lower() not in ("true", "false", "0", "1"):
            raise ValueError(f"not a boolean: {value!r}")
        return value.lower() in ("true", "1")
    if kind is int and float(value) != int(float(value)):
        raise ValueError(f"not a whole number: {value!r}")
    return value if kind is type(None) or callable(value) else kind(value)


def _assignments(text: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    rest = text
    while rest:
        name, equals, rest = rest.partition("=")
        if not equals:
            raise ValueError(f"Malformed hyperparameter value: {name}")
        if rest.startswith("["):
            inside, _, rest = rest[1:].partition("]")
            values[name.strip()] = [item.strip() for item in inside.split(",")]
            rest = rest.lstrip(",")
        else:
            value, _, rest = rest.partition(",")
            values[name.strip()] = value.strip()
    return values
