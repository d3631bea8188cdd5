"""Prints data as YAML that every reader takes for what it is: YAML 1.1 (PyYAML, kubectl) and YAML 1.2."""

from __future__ import annotations

import re
from typing import Any

import yaml

# Readers disagree on which other texts are numbers, times, merge keys or the like.
_PLAIN = re.compile(r"--|-{0,2}[A-Za-z_/$][ -~]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"})


class TextDumper(yaml.SafeDumper):
    """Quotes each text, key or value, that any reader could take for something else."""

    def ignore_aliases(self, data: object) -> bool:
        """Writes out again what occurs twice."""
        del data
        return True


def _represent_text(dumper: TextDumper, text: str) -> yaml.ScalarNode:
    if _PLAIN.fullmatch(text) and text.lstrip("-").lower() not in _WORDS:
        style = None
    else:
        # Only in double quotes are line breaks and control characters the same to all readers.
        style = "'" if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


TextDumper.add_representer(str, _represent_text)


def to_yaml(data: dict[str, Any]) -> str:
    """Writes YAML as gcloud printed it, keys in alphabetical order; a text stays a text for every reader.

    Args:
        data: Mappings, lists, texts, numbers, booleans and None.
    """
    return yaml.dump(data, Dumper=TextDumper, sort_keys=True, default_flow_style=False, allow_unicode=True)
