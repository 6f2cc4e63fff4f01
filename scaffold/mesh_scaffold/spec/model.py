"""What a spec says, as frozen values. Whoever holds one may rely on every rule that the reader enforces."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from decimal import Decimal

    from mesh_descriptors.errors import Place

Storage: TypeAlias = Literal["columns", "json"]
Bound: TypeAlias = "int | float | Decimal | date | datetime"
"""A `min` or a `max`: a value of the field's (or the list's item's) own Python type."""

TEXT_TYPES: Final = frozenset({"string", "text", "url", "image", "audio", "video", "file"})
"""Types whose values are text; they take `min_length`, `max_length` and `pattern`."""
MEDIA_TYPES: Final = frozenset({"image", "audio", "video", "file"})
"""Types whose values are the address of a file."""
ORDERED_TYPES: Final = frozenset({"int", "float", "decimal", "date", "datetime"})
"""Types whose values have an order; they take `min` and `max`."""
SCALAR_TYPES: Final = ("string", "text", "int", "float", "decimal", "bool", "date", "datetime", "url", "json", "enum",
                       "image", "audio", "video", "file")  # fmt: skip
"""Every type that is written as a bare word; `ref[...]` and `list[...]` are built around others."""


class Name(str):
    """A string that was checked to be an identifier in every generated language, so it may stand bare in code."""

    __slots__ = ()


class Unset(Enum):
    """The type of `UNSET`."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""No default was given. (A default of null cannot be written: that is `required: false` without a default.)"""


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field's type: one of `SCALAR_TYPES` or "ref", alone or as the item of a list.

    Attributes:
        name: the scalar's name; "ref" for a reference.
        is_list: whether the field holds a list of it.
        ref: what a reference refers to, a key of `[refs]` in `mesh.toml` ("user", "post"); None for other types.
    """

    name: str
    is_list: bool = False
    ref: str | None = None

    def __str__(self) -> str:
        item = f"ref[{self.ref}]" if self.name == "ref" else self.name
        return f"list[{item}]" if self.is_list else item

    @property
    def item(self) -> FieldType:
        """The type without its `list[...]`."""
        return FieldType(self.name, ref=self.ref)

    @property
    def single_ref(self) -> str | None:
        """What it refers to when it is one reference, which a column keeps as a foreign key; lists have none."""
        return None if self.is_list else self.ref


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a type.

    Of a list, `min`, `max`, `min_length`, `max_length`, `pattern` and `values` bind each item.

    Attributes:
        key: as it is written in the spec (snake or camel case).
        name: the key in snake case.
        type: what it holds.
        required: whether a post must have it. A required field with a default may be left out by a client.
        default: str, int, float, Decimal, bool, date, datetime (aware, in UTC), a JSON value for `json`, a tuple of
            these for a list; or `UNSET`.
        min: smallest value, of the item's Python type.
        max: largest value.
        min_length: fewest characters.
        max_length: most characters.
        min_items: fewest items of a list.
        max_items: most items of a list.
        pattern: a regular expression that some part of the text must match; it means the same in Python,
            JavaScript and PostgreSQL.
        values: the values of an enum, in order; empty for other types.
        label: what people read beside it.
        help: a sentence that forms show; None for none.
        column: the column that `column:` names; None for the derived one (see `PostTypeSpec.column_of`).
        renamed_from: the snake-case name it had before.
        backfill: what existing rows get when the field is added and required; same types as `default`.
    """

    key: str
    name: Name
    type: FieldType
    label: str
    required: bool = True
    default: Any = UNSET
    min: Bound | None = None
    max: Bound | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    pattern: str | None = None
    values: tuple[str, ...] = ()
    help: str | None = None
    column: Name | None = None
    renamed_from: Name | None = None
    backfill: Any = UNSET

    @property
    def has_default(self) -> bool:
        """Whether a default was given."""
        return self.default is not UNSET


@dataclass(frozen=True, slots=True)
class Node:
    """How a post looks on the canvas; sizes in CSS pixels."""

    width: int = 240
    height: int | None = None


@dataclass(frozen=True, slots=True)
class PostTypeSpec:
    """A post type.

    Attributes:
        name: snake case, also the file's name; at most 63 bytes.
        label: what people read.
        icon: an icon's name; None for the target's own default.
        storage: "columns" (one per field) or "json" (all fields in the payload column).
        feeds: which feeds list it.
        fields: at least one, in the order of the spec.
        card: whether a card is generated.
        form: whether a create form is generated.
        node: how the post looks on the canvas; None when it is no canvas node.
        renamed_from: the name the type had before.
        path: the spec's file, relative to the project.
        places: where each key stands, by its path ("fields", "title", "default"); no part of the spec's value.
    """

    name: Name
    label: str
    fields: tuple[Field, ...]
    icon: str | None = None
    storage: Storage = "columns"
    feeds: tuple[str, ...] = ("global",)
    card: bool = True
    form: bool = True
    node: Node | None = None
    renamed_from: Name | None = None
    path: str = field(default="", compare=False)
    places: Mapping[tuple[str, ...], Place] = field(default_factory=dict, compare=False, repr=False)

    @property
    def kind(self) -> Literal["post-type"]:
        """The kind, as it is written in the spec."""
        return "post-type"

    @property
    def enum_value(self) -> Name:
        """`APPLE_PIE` for `apple_pie`: the enum's value and member."""
        return Name(self.name.upper())

    @property
    def class_name(self) -> Name:
        """`ApplePie` for `apple_pie`: what names of classes begin with."""
        return Name("".join(part.capitalize() for part in self.name.split("_")))

    def column_of(self, field: Field) -> Name:
        """The column of `field`, which is also its name in the API: `column:`, else `<type>_<field>`."""
        return field.column or Name(f"{self.name}_{field.name}")

    def field_named(self, name: str) -> Field | None:
        """The field of that snake-case name."""
        return next((field for field in self.fields if field.name == name), None)

    def place(self, *keys: str) -> Place | None:
        """Where `keys` stands in the spec's file, or the nearest key above it; None when nothing is known."""
        for length in range(len(keys), -1, -1):
            if found := self.places.get(keys[:length]):
                return found
        return None
