"""The bounds of a field: which apply to its type, and whether they and the default agree with each other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_scaffold.spec.model import ORDERED_TYPES, TEXT_TYPES, UNSET, FieldType
from mesh_scaffold.spec.nodes import ListNode, ScalarNode
from mesh_scaffold.spec.patterns import PatternError, portable
from mesh_scaffold.spec.section import texts
from mesh_scaffold.spec.values import ValueProblem, read_scalar

if TYPE_CHECKING:
    from mesh_scaffold.spec.nodes import Node
    from mesh_scaffold.spec.section import Section

PAIRS = (("min", "max"), ("min_length", "max_length"), ("min_items", "max_items"))
_INSTEAD = {
    ("min", "text"): "min_length", ("max", "text"): "max_length", ("min", "list"): "min_items",
    ("max", "list"): "max_items", ("min_length", "ordered"): "min", ("max_length", "ordered"): "max",
    ("min_length", "list"): "min_items", ("max_length", "list"): "max_items",
    ("min_items", "text"): "min_length", ("max_items", "text"): "max_length",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one field; see `model.Field`."""

    min: Any = None
    max: Any = None
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    pattern: str | None = None
    values: tuple[str, ...] = ()

    def complaint(self, field_type: FieldType, value: Any) -> str | None:
        """Why a value of `field_type` is out of bounds; None when it is not."""
        if not field_type.is_list:
            return self._item_complaint(value)
        if self.min_items is not None and len(value) < self.min_items:
            return f"{len(value)} items, min_items is {self.min_items}"
        if self.max_items is not None and len(value) > self.max_items:
            return f"{len(value)} items, max_items is {self.max_items}"
        return next((found for found in map(self._item_complaint, value) if found), None)

    def _item_complaint(self, value: Any) -> str | None:
        if self.values and value not in self.values:
            return f"{value!r} is none of the values {', '.join(self.values)}"
        if self.min is not None and value < self.min:
            return f"{value} is below min, {self.min}"
        if self.max is not None and value > self.max:
            return f"{value} is above max, {self.max}"
        if self.min_length is not None and len(value) < self.min_length:
            return f"{value!r} has {len(value)} characters, min_length is {self.min_length}"
        if self.max_length is not None and len(value) > self.max_length:
            return f"{value!r} has {len(value)} characters, max_length is {self.max_length}"
        if self.pattern is not None and not re.search(self.pattern, value):
            return f"{value!r} does not match the pattern {self.pattern}"
        return None


def read_bounds(section: Section, field_type: FieldType) -> Bounds:
    """The bounds that `section` sets on a field of `field_type`; those that make no sense are findings."""
    _refuse_misplaced(section, field_type)
    ordered = field_type.name in ORDERED_TYPES
    textual = field_type.name in TEXT_TYPES
    bounds = Bounds(
        min=_ordered(section, "min", field_type) if ordered else None,
        max=_ordered(section, "max", field_type) if ordered else None,
        min_length=section.count("min_length", least=0) if textual else None,
        max_length=section.count("max_length", least=1) if textual else None,
        min_items=section.count("min_items", least=0) if field_type.is_list else None,
        max_items=section.count("max_items", least=1) if field_type.is_list else None,
        pattern=_pattern(section) if textual else None,
        values=_values(section) if field_type.name == "enum" else (),
    )
    for low, high in PAIRS:
        least, most = getattr(bounds, low), getattr(bounds, high)
        if least is not None and most is not None and least > most:
            section.refuse(
                low, f"{low} {least} is above {high} {most}", "No value could be right: swap or correct them."
            )
    return bounds


def read_value(section: Section, key: str, field_type: FieldType, bounds: Bounds) -> Any:
    """The value under `key` ("default", "backfill"), in bounds; UNSET when it is absent or wrong."""
    node = section.node(key)
    if node is None:
        return UNSET
    if isinstance(node, ScalarNode) and node.is_null:
        section.refuse(key, f"{key!r} is null", "Leave the key out, or put the word in quotes if it is text.")
        return UNSET
    try:
        value = _read(field_type, node)
    except ValueProblem as problem:
        section.findings.add(f"{key!r}: {problem.message}", problem.place, problem.remedy)
        return UNSET
    if complaint := bounds.complaint(field_type, value):
        section.refuse(key, f"{key!r}: {complaint}", f"Correct the {key} or the bound.")
        return UNSET
    return value


def _read(field_type: FieldType, node: Node) -> Any:
    if field_type.is_list:
        if not isinstance(node, ListNode):
            raise ValueProblem(f"one value where a {field_type} is expected", node.place, "Write a list in brackets.")
        return tuple(_read(field_type.item, item) for item in node.items)
    if field_type.name == "ref":
        raise ValueProblem(
            "a reference has no default", node.place, "Remove it; keys differ from database to database."
        )
    return read_scalar(field_type.name, node)


def _ordered(section: Section, key: str, field_type: FieldType) -> Any:
    node = section.node(key)
    try:
        return None if node is None else read_scalar(field_type.name, node)
    except ValueProblem as problem:
        section.findings.add(f"{key!r}: {problem.message}", problem.place, problem.remedy)
        return None


def _pattern(section: Section) -> str | None:
    text = section.text("pattern")
    try:
        return None if text is None else portable(text)
    except PatternError as error:
        section.refuse("pattern", str(error), error.remedy)
        return None


def _values(section: Section) -> tuple[str, ...]:
    found = texts(section, "values")
    if found is None:
        if "values" not in section:
            section.refuse("type", "an enum without values", "Add values: [one, two].")
        return ()
    if not found:
        section.refuse("values", "an enum without values", "Write at least one: values: [one, two].")
    seen: set[str] = set()
    for value, place in found:
        if value in seen:
            section.findings.add(f"the value {value!r} stands twice", place, "Remove one of the two.")
        seen.add(value)
    return tuple(dict.fromkeys(value for value, _ in found))


def _refuse_misplaced(section: Section, field_type: FieldType) -> None:
    shapes = {
        "ordered": field_type.name in ORDERED_TYPES,
        "text": field_type.name in TEXT_TYPES,
        "list": field_type.is_list,
        "enum": field_type.name == "enum",
    }
    needs = {"min": "ordered", "max": "ordered", "min_length": "text", "max_length": "text", "pattern": "text",
             "min_items": "list", "max_items": "list", "values": "enum"}  # fmt: skip
    for key, shape in needs.items():
        if key in section and not shapes[shape]:
            fitting = next((_INSTEAD[key, other] for other in ("list", "text", "ordered")
                            if shapes[other] and (key, other) in _INSTEAD), None)  # fmt: skip
            remedy = f"Write {fitting!r}." if fitting else f"Remove {key!r}."
            section.refuse(key, f"{key!r} does not apply to a field of type {field_type}", remedy)
