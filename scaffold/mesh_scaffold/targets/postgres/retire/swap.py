"""Writes the migration that swaps an enum for one without a value."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_scaffold.render.literals import sql, sql_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_scaffold.targets.postgres.retire.statements import Replaced

_QUERIES = Path(__file__).parent / "queries"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the enum, or of arrays of it; names are quoted and qualified."""

    table: str
    name: str
    is_array: bool


@dataclass(frozen=True, slots=True)
class Swap:
    """What a migration has to do, names quoted and qualified.

    Attributes:
        enum: the type's name, `schema` with it.
        bare: the name alone, not quoted.
        parked: what the old type is called until it is dropped, not quoted.
        value: what goes.
        labels: what stays, in order.
        comment: the type's, as a literal; None when it has none.
        columns: what changes its type; partitions and children follow their parents.
        locked: every table that is touched.
        replaced: what goes and comes back, in the order in which it comes back.
    """

    enum: str
    schema: str
    bare: str
    parked: str
    value: str
    labels: tuple[str, ...]
    comment: str | None
    columns: tuple[Column, ...]
    locked: tuple[str, ...]
    replaced: tuple[Replaced, ...]

    def uses_value(self, column: Column) -> str:
        """The condition of rows that have the value."""
        value = sql(self.value)
        return f"{value} = ANY ({column.name}::text[])" if column.is_array else f"{column.name}::text = {value}"

    def count_rows(self, column: Column) -> str:
        """Counts the rows that have the value."""
        return f"SELECT count(*) FROM {column.table} WHERE {self.uses_value(column)}"  # noqa: S608  names are quoted


def text_of(swap: Swap) -> str:
    """The migration file."""
    head = (
        f"-- Takes {_comment(swap.value)} out of {_comment(swap.bare)}. PostgreSQL cannot drop a value of an enum, so"
        " the type is swapped for a new\n"
        "-- one, and what depends on it is made anew. All of it happens, or nothing. It refuses while a row has the"
        " value.\n"
        "-- Written from the catalogue: where a database has dependents that this file does not know, it fails there"
        " and\n-- changes nothing. The tables are locked, and rewritten, until it is done.\n"
    )
    return head + "\n" + "\n".join(f"{statement};\n" for statement in _statements(swap))


def _statements(swap: Swap) -> Iterator[str]:
    if swap.locked:
        yield f"LOCK TABLE {', '.join(swap.locked)} IN ACCESS EXCLUSIVE MODE"
    if swap.columns:
        yield _refusal(swap)
    yield _kept_rights(swap)
    yield from (item.drop for item in reversed(swap.replaced) if item.drop)
    yield f"ALTER TYPE {swap.enum} RENAME TO {sql_name(swap.parked)}"
    yield f"CREATE TYPE {swap.enum} AS ENUM ({', '.join(sql(label) for label in swap.labels)})"
    if swap.comment:
        yield f"COMMENT ON TYPE {swap.enum} IS {swap.comment}"
    for table, columns in groupby(swap.columns, key=lambda column: column.table):
        yield f"ALTER TABLE {table}\n    " + ",\n    ".join(_converted(swap, column) for column in columns)
    for item in swap.replaced:
        yield from item.create
    yield (_QUERIES / "restore_rights.sql").read_text(encoding="utf-8").rstrip()
    yield f"DROP TYPE {swap.schema}.{sql_name(swap.parked)}"


def _converted(swap: Swap, column: Column) -> str:
    brackets = "[]" if column.is_array else ""
    cast = f"{column.name}::text{brackets}::{swap.enum}{brackets}"
    return f"ALTER COLUMN {column.name} TYPE {swap.enum}{brackets} USING {cast}"


def _refusal(swap: Swap) -> str:
    checks = "".join(
        f"    IF EXISTS (SELECT FROM {column.table} WHERE {swap.uses_value(column)}) THEN\n"
        f"        RAISE EXCEPTION USING MESSAGE = {sql(f'rows of {column.table} still have {swap.value}')},\n"
        "            HINT = 'Delete them or give them another type, then apply the migration again.';\n"
        "    END IF;\n"
        for column in swap.columns
    )
    body = f"BEGIN\n{checks}END"
    tag = "$mesh$"
    while tag in body:
        tag = f"{tag[:-1]}_$"
    return f"DO {tag}\n{body}\n{tag}"


def _kept_rights(swap: Swap) -> str:
    rights = [("TYPE", swap.enum, "TYPE", ""), *(item.right for item in swap.replaced if item.right and item.create)]
    rows = ",\n    ".join(f"({', '.join(str(sql(part)) for part in right)})" for right in rights)
    create, select = (_QUERIES / "keep_rights.sql").read_text(encoding="utf-8").rstrip().split("\n", 1)
    made = f"WITH made (kind, name, grants_on, column_name) AS (VALUES\n    {rows}\n)"
    return f"-- Owners and rights, as they are on the database that this runs on.\n{create}\n{made}\n{select}"


def _comment(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)
