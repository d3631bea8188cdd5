"""Puts our algorithm into Katib's configuration, and takes it out again.

The configuration is the text under ``katib-config.yaml`` in the ConfigMap ``katib-config``. Katib reads it
for each Experiment anew: nothing needs to be restarted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from hptune.backends.katib.experiment.names import BANDIT
from hptune.backends.katib.suggestion import yaml_edit
from hptune.errors import Fault, InputError

PLACE = "katib-config.yaml"
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_UNSAFE = "cannot be edited safely in the form that it has; edit it by hand"


@dataclass(frozen=True)
class SuggestionImage:
    """The container that suggests.

    Attributes:
        image: One with hptune and its extra ``katib``, such as our own.
        pull_policy: ``Always``, ``IfNotPresent`` or ``Never``.

    Raises:
        InputError: One of them cannot be used.
    """

    image: str
    pull_policy: str = "IfNotPresent"

    def __post_init__(self) -> None:
        faults = []
        if not self.image.isprintable() or not self.image or " " in self.image:
            faults.append(Fault("image", f"{self.image!r} is not the name of an image"))
        if self.pull_policy not in PULL_POLICIES:
            allowed = ", ".join(PULL_POLICIES)
            faults.append(Fault("imagePullPolicy", f"{self.pull_policy!r} is not allowed (use {allowed})"))
        if faults:
            raise InputError(faults)

    @property
    def entry(self) -> dict[str, Any]:
        """The algorithm as an item of ``runtime.suggestions``.

        Katib's own limits, half a core and 100 MiB, would not let it start. Katib adds the port itself, and
        refuses an entry that names it.
        """
        return {
            "algorithmName": BANDIT,
            "image": self.image,
            "imagePullPolicy": self.pull_policy,
            "command": ["python", "-m", "hptune.backends.katib.suggestion"],
            "resources": {
                "requests": {"cpu": "100m", "memory": "256Mi"},
                "limits": {"cpu": "1", "memory": "1Gi"},
            },
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        }


def register(config_text: str, entry: SuggestionImage) -> str:
    """Puts our algorithm into the configuration; all else keeps its bytes.

    An entry that is there already is brought up to date where it stands.

    Raises:
        InputError: The text is no KatibConfig, or cannot be edited safely.
    """
    before = config = _Config(config_text)
    if config.ours == [entry.entry]:
        return config_text
    # One is enough: Katib takes the last of several.
    while len(config.ours) > 1:
        config = _edited(config.without_last)
    return _checked(before, _edited(lambda: config.with_entry(entry.entry)), [entry.entry])


def unregister(config_text: str) -> str:
    """Takes our algorithm out of the configuration; all else keeps its bytes.

    Raises:
        InputError: The text is no KatibConfig, or cannot be edited safely.
    """
    before = config = _Config(config_text)
    while config.ours:
        config = _edited(config.without_last)
    return _checked(before, config, [])


class _Config:
    """A KatibConfig as text, nodes and data.

    Raises:
        InputError: It is none.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
                raise _fault("has YAML aliases, which cannot be edited safely; edit it by hand")
            root = yaml.compose(text, yaml.SafeLoader)
            self.data: Any = yaml.safe_load(text)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise _fault(f"is not YAML: {' '.join(str(error).split())}") from None
        kind = self.data.get("kind") if isinstance(self.data, dict) else None
        if kind == "ConfigMap":
            raise _fault(f"is the whole ConfigMap; what is wanted is the text under its data.{PLACE}")
        if kind != "KatibConfig" or not isinstance(root, yaml.MappingNode):
            raise _fault(f"is no KatibConfig (its kind is {kind!r})")
        self.root = root
        runtime = self.data.get("runtime") or {}
        if not isinstance(runtime, dict):
            raise _fault("runtime is not a mapping")
        if not isinstance(runtime.get("suggestions") or [], list):
            raise _fault("runtime.suggestions is not a list")

    @property
    def suggestions(self) -> list[Any]:
        """What ``runtime.suggestions`` has."""
        return (self.data.get("runtime") or {}).get("suggestions") or []

    @property
    def ours(self) -> list[Any]:
        """Entries of our algorithm."""
        return [item for item in self.suggestions if _is_ours(item)]

    @property
    def _last(self) -> int:
        return max(i for i, item in enumerate(self.suggestions) if _is_ours(item))

    @property
    def _list(self) -> yaml.SequenceNode | None:
        runtime = yaml_edit.value_of(self.root, "runtime")
        found = yaml_edit.value_of(runtime, "suggestions") if isinstance(runtime, yaml.MappingNode) else None
        return found if isinstance(found, yaml.SequenceNode) else None

    def with_entry(self, entry: dict[str, Any]) -> str:
        """Returns the text with one entry of ours more, or in the place of the last."""
        runtime = yaml_edit.value_of(self.root, "runtime")
        if not isinstance(runtime, yaml.MappingNode):
            return yaml_edit.put(self.text, self.root, "runtime", {"suggestions": [entry]})
        if self._list is None:
            return yaml_edit.put(self.text, runtime, "suggestions", [entry])
        if self.ours:
            return yaml_edit.replace(self.text, self._list, self._last, entry)
        return yaml_edit.append(self.text, self._list, entry)

    def without_last(self) -> str:
        """Returns the text without our last entry."""
        return yaml_edit.remove(self.text, self._list, self._last) if self._list else self.text


def _is_ours(item: object) -> bool:
    return isinstance(item, dict) and item.get("algorithmName") == BANDIT


def _fault(problem: str) -> InputError:
    return InputError(Fault(PLACE, problem))


def _edited(edit: Callable[[], str]) -> _Config:
    try:
        return _Config(edit())
    except (ValueError, InputError):
        raise _fault(_UNSAFE) from None


def _checked(before: _Config, after: _Config, ours: list[Any]) -> str:
    """Returns the new text, if it has ``ours`` and otherwise says what the old one said."""
    if after.ours != ours or _others(after) != _others(before):
        raise _fault(_UNSAFE)
    return after.text


def _others(config: _Config) -> tuple[Any, ...]:
    """Returns all that is not ours."""
    runtime = {**(config.data.get("runtime") or {}), "suggestions": None}
    others = [item for item in config.suggestions if not _is_ours(item)]
    return {**config.data, "runtime": None}, runtime, others
