"""YAML and JSON read with line numbers, every scalar kept as it was written.

Whether ``1e-4`` is a number or ``ON`` a flag is for the field to say, not for YAML 1.1: scalars come out as
their text (null as None), so a category keeps its spelling and an int64 may be quoted, as in JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from hptune.errors import Fault, JobFileError

FieldPath = tuple[str | int, ...]

MAX_DEPTH = 50
"""Levels of nesting; a job file has seven."""

MAX_NODES = 100_000
"""Nodes once every alias is expanded; a thousand discrete values for each of fifty parameters fit."""

_SAFE_TAGS = {
    f"tag:yaml.org,2002:{name}"
    for name in ("null", "bool", "int", "float", "str", "seq", "map", "timestamp", "merge", "value")
}
_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"

_PLAINER = {
    "expected <block end>": "the indentation does not line up with the lines above it",
    "mapping values are not allowed here": "a ':' is not allowed here; indent this line like its neighbours, "
    "or quote the text that holds the ':'",
    "could not find expected ':'": "a line above has no ':' after its name",
    "found unexpected end of stream": "a quoted text has no closing quote",
    "but found another document": "a second document begins here ('---'); a job file holds one",
}


@dataclass
class Document:
    """A document as plain data.

    Attributes:
        data: Mappings, lists, texts and None.
        lines: Path to a field or list item -> the line it begins on, counted from 1.
        repeated: Path and line of each key that its mapping already had; the first one counts.
        spellings: Path to a field -> its name as the file has it, where the path has another one.
    """

    data: Any = None
    lines: dict[FieldPath, int] = field(default_factory=dict)
    repeated: list[tuple[FieldPath, int]] = field(default_factory=list)
    spellings: dict[FieldPath, str] = field(default_factory=dict)

    def as_written(self, path: FieldPath) -> FieldPath:
        """Returns a path with the names that the file has."""
        return tuple(self.spellings.get(path[: i + 1], name) for i, name in enumerate(path))


def read_document(text: str, source: str) -> Document:
    """Reads one YAML or JSON document.

    Args:
        text: The document.
        source: What to call it in messages.

    Raises:
        JobFileError: It is not one well-formed, moderate, plain document.
    """
    text = text.removeprefix("\ufeff")
    try:
        root = _Composer(_without_json_tabs(text)).get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"the control character {chr(int(error.character))!r} is not allowed in YAML"
        raise JobFileError(Fault(f"{source}:{line}", problem)) from error
    except yaml.MarkedYAMLError as error:
        line = _line(error.problem_mark or error.context_mark)
        raise JobFileError(Fault(f"{source}:{line}", _explain(error, text, line))) from error
    return _Walk(source).document(root)


def plain_document(data: Mapping[str, object]) -> Document:
    """Makes the document that JSON data would be read as."""
    return Document(_texts(data))


def with_names(document: Document, rename: Callable[[str], str]) -> Document:
    """Returns a document whose fields have other names; of two that become one the first counts.

    Args:
        document: The document.
        rename: Returns a field's name, given the file's.
    """
    renamed = Document(repeated=[(_renamed(path, rename), line) for path, line in document.repeated])
    for path, line in document.lines.items():
        new = _renamed(path, rename)
        renamed.lines.setdefault(new, line)
        if isinstance(path[-1], str) and path[-1] != new[-1]:
            renamed.spellings.setdefault(new, path[-1])
    renamed.data = _with_names(document.data, rename)
    return renamed


def _renamed(path: FieldPath, rename: Callable[[str], str]) -> FieldPath:
    return tuple(rename(name) if isinstance(name, str) else name for name in path)


def _with_names(data: Any, rename: Callable[[str], str]) -> Any:  # noqa: ANN401
    if isinstance(data, list):
        return [_with_names(item, rename) for item in data]
    if not isinstance(data, dict):
        return data
    renamed: dict[str, Any] = {}
    for name, value in data.items():
        renamed.setdefault(rename(name), _with_names(value, rename))
    return renamed


def _texts(value: object) -> Any:  # noqa: ANN401  (JSON in, JSON out)
    if isinstance(value, Mapping):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(item) for item in value]
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _without_json_tabs(text: str) -> str:
    """Replaces tabs that indent JSON, which YAML refuses; those inside its strings stay."""
    if not text.lstrip().startswith("{"):
        return text
    return re.sub(r'("(?:[^"\\]|\\.)*")|\t', lambda match: match[1] or " ", text)


class _Composer(yaml.SafeLoader):
    """Composes nodes without building objects from them, to a limited depth."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401
        self.depth += 1
        if self.depth > MAX_DEPTH:
            problem = f"nested more than {MAX_DEPTH} levels deep"
            raise yaml.composer.ComposerError(None, None, problem, self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _line(mark: yaml.Mark | None) -> int:
    return mark.line + 1 if mark else 1


def _explain(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    """Says what is wrong on ``line``, in the words of someone who has never read a YAML parser."""
    lines = text.splitlines()
    if line <= len(lines) and re.match(r" *\t", lines[line - 1]):
        return "a tab indents this line; YAML allows only spaces there"
    for words, plainer in _PLAINER.items():
        if words in str(error.problem):
            opened = f"in what begins on line {_line(error.context_mark)}; " if error.context_mark else ""
            return f"{plainer} ({opened}YAML: {error.problem})"
    return f"not valid YAML: {error.problem}"


class _Walk:
    """Turns nodes into a Document, aliases and merge keys expanded."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.nodes_left = MAX_NODES
        self.result = Document()

    def document(self, root: yaml.Node | None) -> Document:
        self.result.data = self.value(root, ()) if root is not None else None
        return self.result

    def fail(self, node: yaml.Node, problem: str) -> JobFileError:
        return JobFileError(Fault(f"{self.source}:{node.start_mark.line + 1}", problem))

    def value(self, node: yaml.Node, path: FieldPath) -> Any:  # noqa: ANN401
        self.spend(node, 1, len(path))
        if node.tag not in _SAFE_TAGS:
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            raise self.fail(node, f"the YAML tag {tag!r} is not allowed; a job file holds plain data")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.item(child, (*path, i)) for i, child in enumerate(node.value)]
        return self.scalar(node)

    def spend(self, node: yaml.Node, count: int, depth: int) -> None:
        """Counts what aliases repeat, which a document of a few lines may do without end."""
        self.nodes_left -= count
        if self.nodes_left < 0 or depth > MAX_DEPTH:
            problem = f"more than {MAX_NODES} values, or {MAX_DEPTH} levels, once the aliases are expanded"
            raise self.fail(node, problem)

    def item(self, node: yaml.Node, path: FieldPath) -> Any:  # noqa: ANN401
        self.result.lines.setdefault(path, node.start_mark.line + 1)
        return self.value(node, path)

    def mapping(self, node: yaml.MappingNode, path: FieldPath) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in self.pairs(node):
            key = self.key(key_node)
            line = key_node.start_mark.line + 1
            if key in mapping:
                self.result.repeated.append(((*path, key), line))
                continue
            self.result.lines[*path, key] = line
            mapping[key] = self.value(value_node, (*path, key))
        return mapping

    def pairs(self, node: yaml.MappingNode, depth: int = 0) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """Yields the mapping's own pairs, then those of other names that it merges in."""
        self.spend(node, len(node.value), depth)
        own = [pair for pair in node.value if pair[0].tag != _MERGE]
        yield from own
        names = {self.key(key) for key, _ in own}
        for mapping in (
            each for key, value in node.value if key.tag == _MERGE for each in self.merged(value)
        ):
            for key, value in self.pairs(mapping, depth + 1):
                if self.key(key) not in names:
                    names.add(self.key(key))
                    yield key, value

    def merged(self, node: yaml.Node) -> list[yaml.MappingNode]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        mappings = [child for child in nodes if isinstance(child, yaml.MappingNode)]
        if len(mappings) < len(nodes):
            raise self.fail(node, "'<<' must merge a mapping or a list of mappings")
        return mappings

    def key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self.fail(node, "a mapping or list stands where a name must be (a template not filled in?)")
        return self.scalar(node) or node.value

    def scalar(self, node: yaml.Node) -> str | None:
        if node.tag == _NULL:
            return None
        try:
            # JSON writes characters beyond U+FFFF as two escapes, which YAML leaves as they are.
            return str(node.value).encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise self.fail(node, "half of an escaped surrogate pair is not a character") from None
