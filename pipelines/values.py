"""Values of a pipeline's parameters as a command line gives them, NAME=VALUE each."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hptune.backends.katib.options import DECLARED, KatibOptions
from hptune.errors import Fault, InputError, UsageError


def parse_values(
    given: Iterable[str], parameters: Mapping[str, Mapping[str, Any]], option: str
) -> dict[str, Any]:
    """Reads values by their parameters' names: texts as they are, all others as JSON.

    ``NAME.KEY=VALUE`` sets one key of a JSON object and leaves its others as they are; ``@FILE`` in place of
    a value stands for the file's text.

    Args:
        given: The words.
        parameters: By name, each with its ``parameterType`` and, where it has one, ``defaultValue``.
        option: What the words are given with, for messages.

    Raises:
        UsageError: A word is no NAME=VALUE, a name is unknown, or a value is not what its parameter takes;
            carries every fault.
    """
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for word in given:
        try:
            _set(word, parameters, values)
        except ValueError as error:
            faults.append(Fault(f"{option} {word.partition('=')[0]}", str(error)))
    faults += _katib_faults(values, option)
    if faults:
        raise UsageError(faults)
    return values


def _set(word: str, parameters: Mapping[str, Mapping[str, Any]], values: dict[str, Any]) -> None:
    """Puts a word's value into ``values``; a ValueError says what is wrong with it."""
    full_name, equals, text = word.partition("=")
    name, dot, key = full_name.partition(".")
    if not equals:
        raise ValueError("is not NAME=VALUE")
    if name not in parameters:
        raise ValueError(f"is unknown; must be one of {', '.join(sorted(parameters))}")
    kind = parameters[name]["parameterType"]
    if dot and kind != "STRUCT":
        raise ValueError(f"is {kind}; only a JSON object has keys")
    text = _text_of(text)
    if dot:
        values[name] = {
            **values.get(name, parameters[name].get("defaultValue", {})),
            key: _value_of_key(key, text),
        }
    else:
        values[name] = text if kind == "STRING" else _json(text, kind)


def _text_of(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{text[1:]}: {error.strerror}") from None


_TYPES: dict[str, type | tuple[type, ...]] = {
    "STRUCT": dict,
    "LIST": list,
    "BOOLEAN": bool,
    "NUMBER_INTEGER": int,
    "NUMBER_DOUBLE": (int, float),
}


def _json(text: str, kind: str) -> Any:  # noqa: ANN401
    try:
        value = json.loads(text)
    except ValueError:
        raise ValueError(f"{text!r} is not JSON; must be {kind}") from None
    # JSON's true is no number, though Python takes it for one.
    if not isinstance(value, _TYPES[kind]) or isinstance(value, bool) != (kind == "BOOLEAN"):
        raise ValueError(f"{text!r} is not allowed (must be {kind})")
    return value


_KEYS_OF_JSON = {each.key for each in DECLARED if not issubclass(each.type, str)}


def _value_of_key(key: str, text: str) -> Any:  # noqa: ANN401
    """Reads the value of a key: a text, or what it says as JSON where an option takes no text."""
    if key not in _KEYS_OF_JSON:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _katib_faults(values: Mapping[str, Any], option: str) -> list[Fault]:
    try:
        KatibOptions.read(values.get("katib", {}), f"{option} katib")
    except InputError as error:
        return list(error.faults)
    return []
