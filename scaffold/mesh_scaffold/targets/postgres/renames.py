"""Columns whose field is called otherwise now, or names another column: in the order in which each name is free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_descriptors.errors import Problem
from mesh_scaffold.render.literals import sql_name
from mesh_scaffold.spec.changes import field_before
from mesh_scaffold.targets.postgres.constraints import short_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_scaffold.spec.model import Field, PostTypeSpec
    from mesh_scaffold.targets.postgres.earlier import Columns
    from mesh_scaffold.targets.postgres.table import Database, TableChange

APART = "Put `column:` back. A column of its own is a field of its own: add one, and copy the values over."

KEEP_COLUMN = "Write `column: {}` at the field, which keeps its column so."


def rename_statements(
    old: PostTypeSpec, new: PostTypeSpec, database: Database, columns: Columns, change: TableChange
) -> Columns:
    """Add the renames to `change`, or why they cannot be; returns the columns after them.

    Args:
        old: the spec as it was.
        new: the spec as it is to be.
        database: the host's table.
        columns: what it has by now.
        change: what is to be run.
    """
    renames, after = _renames(old, new), dict(columns)
    order, ring = _ordered({was: now for was, (now, _, _) in renames.items()})
    for was in order:
        now, before, field = renames[was]
        if problem := _objection(new, before, field, (was, now), database, after):
            change.problems.append(problem)
        change.statements += _renamed(before, was, now, database.posts.table)
        if was in after:
            after[now] = after.pop(was)
    change.problems += [_in_a_ring(new, *renames[was]) for was in ring]
    return after


def _renames(old: PostTypeSpec, new: PostTypeSpec) -> dict[str, tuple[str, Field, Field]]:
    """The new name of each column that is to have one, with its field before and after."""
    pairs = [(before, field) for field in new.fields if (before := field_before(old, field))]
    named = [(str(old.column_of(before)), str(new.column_of(field)), before, field) for before, field in pairs]
    return {was: (now, before, field) for was, now, before, field in named if was != now}


def _ordered(renames: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The columns that are renamed, each after the one that frees its name; and those that wait for each other."""
    pending, done = dict(renames), []
    while free := [was for was, now in pending.items() if now not in pending]:
        done += free
        for was in free:
            pending.pop(was)
    return done, list(pending)


def _in_a_ring(new: PostTypeSpec, now: str, before: Field, field: Field) -> Problem:
    message = f"needs the column {now} of a field that needs its own"
    remedy = f"Give {before.name} a column that is free first; then run mesh update, put this one in, and update again."
    return Problem(message, new.place("fields", field.key), remedy)


def _objection(
    new: PostTypeSpec,
    before: Field,
    field: Field,
    names: tuple[str, str],
    database: Database,
    columns: Columns,
) -> Problem | None:
    """A column that is not this type's alone keeps its name, and a name that is taken is not given again."""
    was, now = names
    table, place = database.posts.table, new.place("fields", field.key)
    if was in database.shared:
        remedy = APART if before.column is not None else KEEP_COLUMN.format(was)
        return Problem(f"cannot take the column {table}.{was} along to {now}: other types use it", place, remedy)
    if before.column is not None and was in columns and columns[was][1].path not in database.files:
        made = columns[was][1]
        return Problem(f"cannot take the column {table}.{was} along to {now}: it is another's ({made})", place, APART)
    if now in columns:
        message = f"needs the column {table}.{now}, which is there already ({columns[now][1]})"
        remedy = "Name another with `column:`, or drop that one first, in a migration: "
        dropping = f"ALTER TABLE {sql_name(table)} DROP COLUMN {sql_name(now)};"
        return Problem(message, place, remedy + dropping)
    return None


def _renamed(before: Field, was: str, now: str, table: str) -> list[str]:
    statements = [f"ALTER TABLE {sql_name(table)}\n    RENAME COLUMN {sql_name(was)} TO {sql_name(now)};"]
    if before.type.single_ref:
        one, other = short_name(table, was, "idx"), short_name(table, now, "idx")
        statements.append(f"ALTER INDEX IF EXISTS {sql_name(one)} RENAME TO {sql_name(other)};")
    return statements
