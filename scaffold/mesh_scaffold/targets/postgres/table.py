"""The host's table as a change meets it, and what the change comes to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Problem
from mesh_scaffold.targets.postgres.json_conversions import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mesh_descriptors.project import PostsSection, RefSection
    from mesh_scaffold.spec.model import Field, PostTypeSpec
    from mesh_scaffold.steps import Leftover
    from mesh_scaffold.targets.postgres.earlier import Columns


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


def value_missing(spec: PostTypeSpec, each: Field) -> Problem:
    """A field that every post must have now, and no value for the posts that are there."""
    message = "is required now, and the posts that are there have no value for it"
    remedy = "Give it `backfill:` (or `default:`), or `required: false`."
    return Problem(message, spec.place("fields", each.key), remedy)
