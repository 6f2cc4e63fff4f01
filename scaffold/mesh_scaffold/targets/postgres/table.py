"""The host's table as a change meets it, and what the change comes to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mesh_descriptors.errors import Problem
from mesh_scaffold.render.literals import sql, sql_name
from mesh_scaffold.targets.postgres.json_conversions import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mesh_descriptors.project import PostsSection, RefSection
    from mesh_scaffold.spec.model import Field, PostTypeSpec
    from mesh_scaffold.steps import Leftover
    from mesh_scaffold.targets.postgres.earlier import Columns
    from mesh_scaffold.tree import Tree


@dataclass(frozen=True, slots=True)
class Database:
    """What the statements need to know of the host's table.

    Attributes:
        posts: the table and its own columns.
        refs: what references refer to.
        column_type: the PostgreSQL type of a field's column.
        columns: what migrations have made of it.
        allow_data_loss: whether stored values may be dropped.
        leftovers: what stayed of the type at earlier changes.
        shared: columns that other types use too.
        files: the migrations of the type.
    """

    posts: PostsSection
    refs: Mapping[str, RefSection]
    column_type: Callable[[Field], str]
    columns: Columns
    allow_data_loss: bool = False
    leftovers: tuple[Leftover, ...] = ()
    shared: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()

    def shape_of(self, each: Field) -> Shape:
        """What the field's values are as JSON."""
        return Shape(self.column_type(replace(each, type=each.type.item)), each.type.is_list)


@runtime_checkable
class Keeping(Protocol):
    """What a step is besides, when values that its changes did not drop stay in the database."""

    def still_there(self, tree: Tree, leftovers: tuple[Leftover, ...]) -> tuple[Leftover, ...]:
        """Those of them that no migration has dropped since."""


@dataclass(slots=True)
class TableChange:
    """What is to be run, in order, and what speaks against it.

    Attributes:
        statements: SQL, each with its semicolon.
        notices: what the user should know.
        warnings: what stays although nobody needs it any more.
        problems: why it cannot be done; then nothing may be run.
        leftovers: stored values that no field reads any more, and that stay.
    """

    statements: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    leftovers: list[Leftover] = field(default_factory=list)


def of_type(spec: PostTypeSpec, posts: PostsSection) -> str:
    """Which rows are posts of the type; as text, for a transaction cannot use a value that it has added."""
    return f"{sql_name(posts.type_column)}::text = {sql(str(spec.enum_value))}"


def altering(table: str, clauses: Iterable[str]) -> list[str]:
    """One ALTER TABLE with all of the clauses; nothing for none."""
    joined = ",\n    ".join(clauses)
    return [f"ALTER TABLE {sql_name(table)}\n    {joined};"] if joined else []


def dropping(table: str, columns: Iterable[str]) -> list[str]:
    """One ALTER TABLE without those of the columns that are there; nothing for none."""
    return altering(table, [f"DROP COLUMN IF EXISTS {sql_name(column)}" for column in columns])


def refuse_unfilled(spec: PostTypeSpec, before: Field | None, each: Field, change: TableChange) -> None:
    """A field that every post must have now, and no value for the posts that are there.

    A reference has no default; one that posts may have already is required of them as they are.
    """
    if each.type.ref and before is not None:
        told = f"{each.name} is required now: the migration fails, and changes nothing, while a post has none."
        change.notices.append(told)
        return
    message = "is required now, and the posts that are there have no value for it"
    remedy = "Give it `backfill:` (or `default:`), or `required: false`."
    if each.type.ref:
        remedy = "Make it `required: false`; once all posts have one, take that out and update again."
    change.problems.append(Problem(message, spec.place("fields", each.key), remedy))
