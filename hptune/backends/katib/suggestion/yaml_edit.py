"""Small edits of YAML text that leave every other byte as it is: comments, order, quotes and line ends.

Nodes are those of ``yaml.compose``, whose marks say where in the text they stand. What is added to a block
collection is written as a block, to a flow collection (``[...]``, ``{...}``) as JSON.

By hand, because ruamel.yaml's round trip drops the comment below an item with that item, and writes flow
collections, null values and mixed indentation its own way.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from hptune.console.yaml_text import TextDumper


class _Dumper(TextDumper):
    """Indents lists within mappings, as Kubernetes' own files do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless
        super().increase_indent(flow, False)


def value_of(mapping: yaml.MappingNode, key: str) -> yaml.Node | None:
    """Returns the value of a key, the last one where there are several."""
    found = [value for name, value in mapping.value if name.value == key]
    return found[-1] if found else None


def put(text: str, mapping: yaml.MappingNode, key: str, value: Any) -> str:  # noqa: ANN401  any YAML
    """Gives a key that is missing, or null, a value that is a mapping or a list."""
    node = value_of(mapping, key)
    if node is None and mapping.flow_style:
        return _add_to_flow(text, mapping, f"{json.dumps(key)}: {json.dumps(value)}")
    if node is None:
        return _insert_below(text, _end(mapping, text), _block(text, {key: value}, mapping.start_mark.column))
    if node.start_mark.index == node.end_mark.index and not mapping.flow_style:
        return _insert_below(text, _end(node, text), _block(text, value, mapping.start_mark.column + 2))
    before = text[: node.start_mark.index].rstrip(" ")
    return f"{before} {json.dumps(value)}{text[node.end_mark.index :]}"


def append(text: str, sequence: yaml.SequenceNode, value: Any) -> str:  # noqa: ANN401
    """Adds an item to the end of a list."""
    if sequence.flow_style:
        return _add_to_flow(text, sequence, json.dumps(value))
    return _insert_below(text, _end(sequence, text), _block(text, [value], sequence.start_mark.column))


def replace(text: str, sequence: yaml.SequenceNode, index: int, value: Any) -> str:  # noqa: ANN401
    """Writes another value in the place of an item."""
    item = sequence.value[index]
    written = (
        json.dumps(value) if sequence.flow_style else _block(text, value, item.start_mark.column).lstrip()
    )
    return text[: item.start_mark.index] + written + text[_end(item, text) :]


def remove(text: str, sequence: yaml.SequenceNode, index: int) -> str:
    """Takes an item out, with the lines that it stands on.

    Raises:
        ValueError: A block list's dashes share their lines with other things.
    """
    items = sequence.value
    end = _end(items[index], text)
    if not sequence.flow_style:
        return text[: _dash_line(text, sequence, index)] + text[_line_end(text, end) :]
    if index > 0:
        return text[: _end(items[index - 1], text)] + text[end:]
    after = items[1].start_mark.index if len(items) > 1 else end
    return text[: items[0].start_mark.index] + text[after:]


def _add_to_flow(text: str, node: yaml.CollectionNode, written: str) -> str:
    """Adds a member to ``[...]`` or ``{...}``."""
    if not node.value:
        start = node.start_mark.index + 1
        return text[:start] + written + text[start:]
    last = node.value[-1]
    end = _end(last[1] if isinstance(last, tuple) else last, text)
    return f"{text[:end]}, {written}{text[end:]}"


def _insert_below(text: str, index: int, lines: str) -> str:
    """Inserts whole lines below the one that holds ``index``."""
    at = _line_end(text, index)
    return text[:at] + _newline(text) + lines + text[at:]


def _block(text: str, value: Any, indent: int) -> str:  # noqa: ANN401
    """Returns a value as lines, without the last line's end."""
    dumped = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)
    return _newline(text).join(" " * indent + line for line in dumped.splitlines())


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _line_end(text: str, index: int) -> int:
    """Returns where the line that holds ``index`` ends, before its line end."""
    found = re.compile(r"\r?\n|\Z").search(text, index)
    return found.start() if found else len(text)


def _end(node: yaml.Node, text: str) -> int:
    """Returns where the last character of a node stands, plus one.

    A block collection's own mark is where the next thing begins, and a block scalar's after its line ends.
    """
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last, text)
    end: int = node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return len(text[:end].rstrip())
    return end


def _dash_line(text: str, sequence: yaml.SequenceNode, index: int) -> int:
    """Returns where the line before an item's dash ends."""
    column, item = sequence.start_mark.column, sequence.value[index].start_mark.index
    dashes = list(re.finditer(rf"^ {{{column}}}-", text[:item], re.MULTILINE))
    if not dashes:
        raise ValueError("the list's dashes are not the first thing on their lines")
    return len(text[: dashes[-1].start()].removesuffix("\n").removesuffix("\r"))
