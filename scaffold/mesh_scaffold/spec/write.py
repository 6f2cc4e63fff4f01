"""Writes a spec: as a document of plain values for records, and as the YAML file that a command line stands for."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from mesh_scaffold.spec.model import UNSET
from mesh_scaffold.spec.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_scaffold.spec.model import Field, PostTypeSpec

_BOUNDS = ("min", "max", "min_length", "max_length", "min_items", "max_items", "pattern")
_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?: [A-Za-z0-9_-]+)*")
_NOT_BARE = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""Words that some readers of YAML take for something else than text."""


def to_document(spec: PostTypeSpec) -> dict[str, Any]:
    """All that the spec says, defaults filled in; `spec.read.read_document` reads it back as an equal value."""
    document: dict[str, Any] = {
        "kind": spec.kind,
        "name": str(spec.name),
        "label": spec.label,
        "icon": spec.icon,
        "storage": spec.storage,
        "feeds": list(spec.feeds),
        "fields": {field.key: _field(field) for field in spec.fields},
        "card": spec.card,
        "form": spec.form,
        "node": {"width": spec.node.width, "height": spec.node.height} if spec.node else False,
        "renamed_from": spec.renamed_from and str(spec.renamed_from),
    }
    if spec.node and spec.node.height is None:
        del document["node"]["height"]
    return {key: value for key, value in document.items() if value is not None}


def _field(field: Field) -> dict[str, Any]:
    document: dict[str, Any] = {"type": str(field.type), "required": field.required, "label": field.label}
    if field.values:
        document["values"] = list(field.values)
    bounds = {name: plain(getattr(field, name)) for name in _BOUNDS}
    names = {name: value and str(value) for name in ("column", "renamed_from") if (value := getattr(field, name))}
    values = {
        name: plain(getattr(field, name)) for name in ("default", "backfill") if getattr(field, name) is not UNSET
    }
    document |= {**bounds, "help": field.help, **names}
    return {key: value for key, value in document.items() if value is not None} | values


def to_yaml(document: Mapping[str, Any]) -> str:
    """The document as a short YAML file: a line per key, and per field."""
    lines = []
    for key, value in document.items():
        if isinstance(value, dict):
            lines.append(f"{key}:")
            lines += [f"  {_scalar(name)}: {_flow(item)}" for name, item in value.items()]
        else:
            lines.append(f"{key}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """A number or word as it is; other text in double quotes, as JSON writes it, which YAML reads."""
    if isinstance(value, str) and _BARE.fullmatch(value) and value.lower() not in _NOT_BARE:
        return value
    text = json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"
