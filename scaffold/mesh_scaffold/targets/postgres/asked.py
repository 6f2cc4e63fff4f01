"""What the code asks of the database, and whether a database has it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from mesh_descriptors.errors import Place, Problem
from mesh_scaffold.render.literals import sql, sql_name, visible
from mesh_scaffold.targets.postgres.compared import same_literals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import psycopg

    from mesh_descriptors.project import PostsSection
    from mesh_scaffold.steps import Subject
    from mesh_scaffold.tree import Tree

_QUERY = Path(__file__).parent / "queries" / "posts.sql"
_SAME: dict[str, frozenset[str]] = {
    "text": frozenset({"text", "character varying", "character", "citext"}),
    "timestamptz": frozenset({"timestamp with time zone"}),
    "whole number": frozenset({"bigint", "integer", "smallint"}),
    "number": frozenset({"double precision", "real", "numeric"}),
    "json": frozenset({"jsonb", "json"}),
}
"""What PostgreSQL calls the types that serve one that is asked for."""
_CAST = re.compile(r"::(?:\"[^\"]+\"|\w+(?: varying| precision)?)(?:\[\])?")


@dataclass(frozen=True, slots=True)
class AskedValue:
    """A value of the enum."""

    value: str
    place: Place | None


@dataclass(frozen=True, slots=True)
class AskedColumn:
    """A column; `type` is None where the code does not tell it."""

    column: str
    type: str | None
    place: Place | None


@dataclass(frozen=True, slots=True)
class AskedCheck:
    """A CHECK of a column."""

    name: str
    condition: str
    column: str
    place: Place | None


@dataclass(frozen=True, slots=True)
class AskedReference:
    """A foreign key of a column."""

    column: str
    table: str
    key: str
    place: Place | None


Asked: TypeAlias = AskedValue | AskedColumn | AskedCheck | AskedReference


@runtime_checkable
class OnPostgres(Protocol):
    """A target whose posts are in PostgreSQL."""

    def values_of_migrations(self, tree: Tree) -> frozenset[str]:
        """The snake-case names of all types that the database's enum ever had, as migrations tell."""

    def asked_of_database(self, tree: Tree, subject: Subject) -> tuple[Asked, ...]:
        """What the spec of a type, the steps and the models ask the database to have, each with the place that asks."""


@dataclass(frozen=True, slots=True)
class Present:
    """What a database has of the posts; None for an enum or a table that is not there."""

    values: frozenset[str] | None
    columns: dict[str, str] | None
    checks: dict[str, str]
    references: frozenset[tuple[str, str, str]]

    @classmethod
    def read(cls, connection: psycopg.Connection[Any], posts: PostsSection) -> Present:
        """Read the catalogue."""
        names = {"enum": posts.enum, "table": posts.table}
        row = connection.execute(_QUERY.read_bytes(), names).fetchone()
        assert row is not None, "the query has one row whatever the database holds"
        values, columns, checks, references = row
        return cls(
            None if values is None else frozenset(values),
            columns,
            checks or {},
            frozenset((column, table, key) for column, table, key in references or ()),
        )


def lacking(name: str, asked: Iterable[Asked], present: Present, posts: PostsSection) -> Iterator[Problem]:
    """What the database lacks of what the type called `name` asks for; nothing more of a column that is not there."""
    for each in asked:
        if isinstance(each, AskedValue):
            if present.values is not None and each.value not in present.values:
                added = f"ALTER TYPE {sql_name(posts.enum)} ADD VALUE {sql(each.value)};"
                yield _missing(name, f"value {each.value} of {posts.enum}", each.place, added)
        elif present.columns is not None and (isinstance(each, AskedColumn) or each.column in present.columns):
            yield from _of_table(name, each, present, posts)


def lacking_at_all(present: Present, posts: PostsSection, place: Place | None) -> Iterator[Problem]:
    """The enum and the table, where they are not there."""
    for what, is_there in ((f"type {posts.enum}", present.values), (f"table {posts.table}", present.columns)):
        if is_there is None:
            yield Problem(f"missing in the database: {what}", place, "Run mesh db migrate.")


def _of_table(
    name: str, asked: AskedColumn | AskedCheck | AskedReference, present: Present, posts: PostsSection
) -> Iterator[Problem]:
    table, column = sql_name(posts.table), sql_name(asked.column)
    columns = present.columns or {}
    if isinstance(asked, AskedColumn):
        if asked.column not in columns:
            added = f"ALTER TABLE {table} ADD COLUMN {column} {asked.type or '...'};"
            yield _missing(name, f"column {asked.column} of {posts.table}", asked.place, added)
        elif asked.type and columns[asked.column] not in _SAME.get(asked.type, {asked.type}):
            there = visible(columns[asked.column])
            message = f"{name}: column {asked.column} of {posts.table} is {there}, not {asked.type}"
            change = f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {asked.type};"
            yield Problem(f"{message}, in the database", asked.place, f"Write a migration: {change}")
    elif isinstance(asked, AskedCheck):
        yield from _check(name, asked, present, posts)
    elif (asked.column, asked.table, asked.key) not in present.references:
        added = f"ALTER TABLE {table} ADD FOREIGN KEY ({column}) REFERENCES {asked.table} ({asked.key});"
        yield _missing(name, f"foreign key of {posts.table}.{asked.column} to {asked.table}", asked.place, added)


def _check(name: str, asked: AskedCheck, present: Present, posts: PostsSection) -> Iterator[Problem]:
    """A CHECK that is not there, under its name or another, or that has other bounds, values or patterns."""
    table, constraint = sql_name(posts.table), sql_name(asked.name)
    there = present.checks.get(asked.name)
    if there is None and _plain(asked.condition) not in map(_plain, present.checks.values()):
        added = f"ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK ({asked.condition});"
        yield _missing(name, f"constraint {asked.name} of {posts.table}", asked.place, added)
    elif there is not None and not same_literals(there, asked.condition):
        message = f"{name}: constraint {asked.name} of {posts.table} is {visible(there)}, in the database"
        wanted = f"DROP CONSTRAINT {constraint}, ADD CONSTRAINT {constraint} CHECK ({asked.condition})"
        write = f"write a migration: ALTER TABLE {table} {wanted};"
        yield Problem(message, asked.place, f"Run mesh db migrate; where that has nothing to apply, {write}")


def _missing(name: str, what: str, place: Place | None, added: str) -> Problem:
    remedy = f"Run mesh db migrate; where that has nothing to apply, write a migration: {added}"
    return Problem(f"{name}: missing in the database: {what}", place, remedy)


def _plain(condition: str) -> str:
    """A condition without what PostgreSQL adds to it: CHECK, parentheses and casts."""
    without = _CAST.sub("", condition.removeprefix("CHECK"))
    return re.sub(r"[()\s\"]", "", without).lower()
