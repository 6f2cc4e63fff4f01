"""What each field type is in Python, PostgreSQL and HTML: the one table of the python target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_descriptors.project import RefSection
    from mesh_scaffold.spec.model import Field, FieldType

Control = Literal["text", "textarea", "number", "checkbox", "date", "datetime", "url", "media", "json", "select"]
Shown = Literal["text", "number", "yes-no", "date", "moment", "link", "json", "tag", "image", "audio", "video", "file"]
Import = tuple[str, str]
"""A module and a name in it; the module `fields` is the app's own (`field_kinds` in `mesh.toml`)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table, for a single value; lists of it are built from it.

    Attributes:
        stored: its annotation in the post model and in what clients send.
        checked: its annotation in validators.
        column: its column's type in PostgreSQL.
        control: the form control that takes it.
        read_as: the `data-kind` of that control: how static/forms.js turns its text into JSON.
        shown: how a card shows it.
        stored_imports: what `stored` needs.
        checked_imports: what `checked` needs.
    """

    stored: str
    checked: str
    column: str
    control: Control
    read_as: str
    shown: Shown
    stored_imports: tuple[Import, ...] = ()
    checked_imports: tuple[Import, ...] = ()


def _text(control: Control, shown: Shown) -> Kind:
    return Kind("str", "str", "text", control, "text", shown)


def _address(checked: str, control: Control, shown: Shown) -> Kind:
    return Kind("str", checked, "text", control, "text", shown, checked_imports=(("fields", checked),))


_DECIMAL, _DATE, _DATETIME = ("decimal", "Decimal"), ("datetime", "date"), ("datetime", "datetime")
_JSON, _UUID = ("pydantic", "JsonValue"), ("uuid", "UUID")
_BIG = ("fields", "BigInt")

KINDS: Mapping[str, Kind] = {
    "string": _text("text", "text"),
    "text": _text("textarea", "text"),
    "int": Kind("int", "BigInt", "bigint", "number", "int", "number", checked_imports=(_BIG,)),
    "float": Kind("float", "FiniteFloat", "double precision", "number", "float", "number",
                  checked_imports=(("pydantic", "FiniteFloat"),)),
    "decimal": Kind("Decimal", "Decimal", "numeric", "number", "decimal", "number", (_DECIMAL,), (_DECIMAL,)),
    "bool": Kind("bool", "bool", "boolean", "checkbox", "bool", "yes-no"),
    "date": Kind("date", "date", "date", "date", "date", "date", (_DATE,), (_DATE,)),
    "datetime": Kind("datetime", "Moment", "timestamptz", "datetime", "datetime", "moment",
                     (_DATETIME,), (("fields", "Moment"),)),
    "url": _address("WebUrl", "url", "link"),
    "json": Kind("JsonValue", "Json", "jsonb", "json", "json", "json", (_JSON,), (("fields", "Json"),)),
    "enum": Kind("str", "Literal", "text", "select", "text", "tag", checked_imports=(("typing", "Literal"),)),
    "image": _address("MediaUrl", "media", "image"),
    "audio": _address("MediaUrl", "media", "audio"),
    "video": _address("MediaUrl", "media", "video"),
    "file": _address("MediaUrl", "media", "file"),
}  # fmt: skip

_KEYS: Mapping[str, Kind] = {
    "uuid": Kind("UUID", "UUID", "uuid", "text", "text", "text", (_UUID,), (_UUID,)),
    "bigint": Kind("int", "BigInt", "bigint", "number", "int", "number", checked_imports=(_BIG,)),
    "integer": Kind("int", "BigInt", "integer", "number", "int", "number", checked_imports=(_BIG,)),
    "text": _text("text", "text"),
}
"""References, by the type of the key that they refer to."""


def kind_of(field_type: FieldType, refs: Mapping[str, RefSection]) -> Kind:
    """The row of a type, or of a list's items."""
    return _KEYS[refs[field_type.ref].type] if field_type.ref is not None else KINDS[field_type.name]


def is_jsonb(field: Field) -> bool:
    """Whether the field's column holds JSON."""
    return field.type.is_list or field.type.name == "json"


def column_type(field: Field, refs: Mapping[str, RefSection]) -> str:
    """The type of the field's column."""
    return "jsonb" if field.type.is_list else kind_of(field.type, refs).column


def stored_annotation(field: Field, refs: Mapping[str, RefSection]) -> str:
    """The field's annotation in the post model and the parameters, without `| None`."""
    item = kind_of(field.type, refs).stored
    return f"list[{item}]" if field.type.is_list else item
