"""Reads a job file's mappings by their schema: what is faulty or unknown is noted, and the rest is read."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hptune.job.document import FieldPath
from hptune.job.fields import show
from hptune.job.findings import Findings
from hptune.job.schema import Spec

S = TypeVar("S", bound=Spec)


def read_fields(findings: Findings, schema: type[S], *, apart: FieldPath) -> S:
    """Reads every field by its own type; what is faulty is noted and left out, what is unknown warned of.

    Args:
        findings: The file, and what is wrong with it.
        schema: What the file's data is.
        apart: The list of which a faulty item is left out alone; of other lists all is.
    """
    try:
        spec = schema.model_validate(_without(findings.data, frozenset()))
    except ValidationError as error:
        for detail in error.errors():
            findings.fault(detail["loc"], _problem(detail))
        cuts = frozenset(_owner(detail["loc"], apart) for detail in error.errors())
        spec = schema.model_validate(_without(findings.data, cuts))
    _warn_unknown(findings.data, spec, (), findings)
    return spec


def field_names(schema: type[Spec]) -> list[str]:
    """Returns the names of a schema's fields, as a file writes them."""
    return [field.alias or name for name, field in schema.model_fields.items()]


def _problem(detail: ErrorDetails) -> str:
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    wanted = (
        "a list, each entry after a '- '"
        if detail["type"] == "list_type"
        else "a mapping of fields to values"
    )
    return f"is {show(detail['input'])}; must be {wanted}"


def _owner(path: FieldPath, apart: FieldPath) -> FieldPath:
    """Returns what to leave out for a fault at ``path``: an item of ``apart``, but all of any other list."""
    return path[:-1] if isinstance(path[-1], int) and path[:-1] != apart else path


def _without(value: Any, cuts: frozenset[FieldPath], path: FieldPath = ()) -> Any:  # noqa: ANN401
    """Returns a copy without nulls, which mean "not given", and without the fields at ``cuts``."""
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if each is not None and (*path, key) not in cuts}
        return {key: _without(each, cuts, (*path, key)) for key, each in kept.items()}
    if isinstance(value, list):
        items = enumerate(value)
        return [{} if (*path, i) in cuts else _without(each, cuts, (*path, i)) for i, each in items]
    return value


def _warn_unknown(data: Any, spec: Any, path: FieldPath, findings: Findings) -> None:  # noqa: ANN401
    """Warns of the fields in ``data`` that ``spec``, what was read from it, does not have."""
    if isinstance(spec, list) and isinstance(data, list):
        for i, (item, item_spec) in enumerate(zip(data, spec, strict=True)):
            _warn_unknown(item, item_spec, (*path, i), findings)
    if not isinstance(spec, Spec) or not isinstance(data, dict):
        return
    known = field_names(type(spec))
    for name in data:
        if name not in known:
            findings.warn_unknown((*path, name), known)
    for attribute, field in type(spec).model_fields.items():
        name = field.alias or attribute
        _warn_unknown(data.get(name), getattr(spec, attribute), (*path, name), findings)
