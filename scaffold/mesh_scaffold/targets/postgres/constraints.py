"""The CHECK constraints that hold a post type's fields in the database."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_scaffold.render.literals import sql, sql_name
from mesh_scaffold.spec.model import ORDERED_TYPES, TEXT_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_descriptors.project import PostsSection
    from mesh_scaffold.spec.model import Field, PostTypeSpec

MAX_NAME = 63
"""PostgreSQL cuts longer names off (NAMEDATALEN - 1 bytes)."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A CHECK: its name, and its condition as SQL."""

    name: str
    condition: str


def short_name(*parts: str) -> str:
    """A name for a constraint or an index that PostgreSQL keeps whole: a long one ends in a digest of itself."""
    name = "_".join(parts)
    if len(name) <= MAX_NAME:
        return name
    return f"{name[: MAX_NAME - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def constraints_of(spec: PostTypeSpec, posts: PostsSection) -> tuple[Constraint, ...]:
    """The constraints of a new type: what its posts must have, and the bounds of its columns.

    The type is compared as text: a value that the same transaction added to the enum cannot be used otherwise, and
    the constraint survives a swap of the enum.
    """
    if spec.storage == "json":
        return tuple(_payload(spec, posts))
    return tuple(constraint for field in spec.fields for constraint in _of_column(spec, field, posts))


def _other_type(spec: PostTypeSpec, posts: PostsSection) -> str:
    return f"{sql_name(posts.type_column)}::text <> {sql(str(spec.enum_value))}"


def _payload(spec: PostTypeSpec, posts: PostsSection) -> Iterator[Constraint]:
    column = sql_name(posts.payload_column)
    keys = ", ".join(sql(str(field.name)) for field in spec.fields if field.required)
    holds = f"jsonb_typeof({column}) = 'object'"
    if keys:
        holds += f" AND jsonb_strip_nulls({column}) ?& ARRAY[{keys}]"
    name = short_name(posts.table, spec.name, "payload", "required")
    yield Constraint(name, f"{_other_type(spec, posts)} OR ({column} IS NOT NULL AND {holds})")


def _of_column(spec: PostTypeSpec, field: Field, posts: PostsSection) -> Iterator[Constraint]:
    name = spec.column_of(field)
    column = sql_name(name)
    shared = field.column is not None
    names = (posts.table, spec.name, name) if shared else (posts.table, name)
    if field.required:
        yield Constraint(short_name(*names, "required"), f"{_other_type(spec, posts)} OR {column} IS NOT NULL")
    for what, condition in _list_rules(field, column) if field.type.is_list else _rules(field, column):
        # A column that other types use too is bound for this type's posts only.
        guarded = f"{_other_type(spec, posts)} OR {condition}" if shared else condition
        yield Constraint(short_name(*names, what), guarded)


def _rules(field: Field, column: str) -> Iterator[tuple[str, str]]:
    if field.values:
        yield "values", f"{column} IN ({', '.join(sql(value) for value in field.values)})"
    if field.type.name in ORDERED_TYPES and (range_ := _between(column, sql(field.min), sql(field.max))):
        yield "range", range_
    if field.type.name in TEXT_TYPES:
        if range_ := _between(f"char_length({column})", sql(field.min_length), sql(field.max_length)):
            yield "length", range_
        if field.pattern is not None:
            yield "pattern", f"{column} ~ {sql(field.pattern)}"


def _list_rules(field: Field, column: str) -> Iterator[tuple[str, str]]:
    least, most = sql(field.min_items), sql(field.max_items)
    length = _between(f"jsonb_array_length({column})", least, most) or "true"
    yield "items", f"CASE WHEN jsonb_typeof({column}) = 'array' THEN {length} ELSE {column} IS NULL END"
    if field.values:
        yield "values", f"{column} <@ {sql(list(field.values))}::jsonb"


def _between(what: str, least: str, most: str) -> str | None:
    if least != "NULL" and most != "NULL":
        return f"{what} BETWEEN {least} AND {most}"
    if least != "NULL":
        return f"{what} >= {least}"
    return f"{what} <= {most}" if most != "NULL" else None
