"""Reads values of a field's type from source text, and writes them back as plain values of a document."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mesh_scaffold.spec.model import TEXT_TYPES
from mesh_scaffold.spec.nodes import ListNode, MappingNode, ScalarNode

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh_descriptors.errors import Place
    from mesh_scaffold.spec.nodes import Node

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[-+]\d\d:\d\d)", re.ASCII)
_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
MAX_DIGITS = 1000


class ValueProblem(Exception):  # noqa: N818  control flow inside the reader: it becomes a finding
    """A value is not of its type; says where, what, and the remedy."""

    def __init__(self, message: str, place: Place, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.remedy = remedy


def read_scalar(type_name: str, node: Node) -> Any:
    """The Python value of `node` for a type that is no list: str, int, float, Decimal, bool, date, datetime, JSON.

    Raises:
        ValueProblem: it is not of the type.
    """
    if type_name == "json":
        return _json(node)
    if not isinstance(node, ScalarNode):
        shape = "a list" if isinstance(node, ListNode) else "a mapping"
        message = f"{shape} where a value of type {type_name} is expected"
        raise ValueProblem(message, node.place, "Write one value.")
    if type_name in TEXT_TYPES or type_name == "enum":
        return _text(type_name, node)
    reader, expected = _READERS[type_name]
    value = reader(node.text)
    if value is None:
        raise ValueProblem(f"{node.text!r} is not of type {type_name}", node.place, f"Write {expected}.")
    return value


def _text(type_name: str, node: ScalarNode) -> str:
    if type_name == "url" and not re.match(r"https?://[^\s/]", node.text):
        raise ValueProblem(f"{node.text!r} is not of type url", node.place, "Write an address such as https://a.org/b.")
    return node.text


def _int(text: str) -> int | None:
    value = int(text) if _INT.fullmatch(text) and len(text) <= 20 else None
    return value if value is not None and -(2**63) <= value < 2**63 else None


def _float(text: str) -> float | None:
    value = float(text) if _FLOAT.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if _DECIMAL.fullmatch(text) and len(text) <= MAX_DIGITS else None


def _bool(text: str) -> bool | None:
    return _WORDS.get(text)


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _datetime(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if _MOMENT.fullmatch(text) else None
    except (ValueError, OverflowError):
        return None


_READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "int": (_int, "a whole number of at most 64 bits, without quotes, leading zeros or separators"),
    "float": (_float, "a finite number such as 0.5"),
    "decimal": (_decimal, f"digits such as 12.50, without an exponent, at most {MAX_DIGITS}"),
    "bool": (_bool, "true or false (YAML 1.2 takes yes, no, on and off for text)"),
    "date": (_date, "a day such as 2025-01-31"),
    "datetime": (_datetime, "a moment with its offset, such as 2025-01-31T20:00:00Z"),
}


def _json(node: Node) -> Any:
    """A JSON value, by YAML 1.2's core schema: quoted text is text, plain numbers and true, false, null are those."""
    if isinstance(node, MappingNode):
        return {key.text: _json(value) for key, value in node.entries}
    if isinstance(node, ListNode):
        return [_json(item) for item in node.items]
    if node.is_null:
        return None
    if not node.plain:
        return node.text
    for reader in (_bool, _int, _float):
        if (value := reader(node.text)) is not None:
            return value
    if _INT.fullmatch(node.text) or _FLOAT.fullmatch(node.text) or re.fullmatch(r"[-+]?\.(inf|nan)", node.text.lower()):
        raise ValueProblem(f"{node.text!r} is no number that JSON readers keep", node.place, "Write it in quotes.")
    return node.text
