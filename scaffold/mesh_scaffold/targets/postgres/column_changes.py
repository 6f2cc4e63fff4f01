"""What a changed spec asks of a type's columns: they go, are called otherwise, come, or change their type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_descriptors.errors import Problem
from mesh_scaffold.render.literals import sql, sql_name
from mesh_scaffold.spec.changes import field_before, removed_fields
from mesh_scaffold.spec.model import UNSET
from mesh_scaffold.steps import Leftover
from mesh_scaffold.targets.postgres.constraints import short_name
from mesh_scaffold.targets.postgres.conversions import conversion
from mesh_scaffold.targets.postgres.earlier import family, taken
from mesh_scaffold.targets.postgres.json_conversions import json_conversion
from mesh_scaffold.targets.postgres.misfits import VALUE, refuse_misfits
from mesh_scaffold.targets.postgres.references import reference, reference_renewed
from mesh_scaffold.targets.postgres.renames import rename_statements
from mesh_scaffold.targets.postgres.table import dropping, of_type, refuse_unfilled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_scaffold.spec.model import Field, PostTypeSpec
    from mesh_scaffold.targets.postgres.conversions import Conversion
    from mesh_scaffold.targets.postgres.earlier import Columns
    from mesh_scaffold.targets.postgres.table import Database, TableChange

TAKEN_UP = (
    "The column {} is taken up again: the migration fails, and changes nothing, while a post's value does not fit."
)
"""What a user is told of a field over a column that stayed."""


def column_statements(old: PostTypeSpec, new: PostTypeSpec | None, database: Database, change: TableChange) -> None:
    """Drop what nobody needs, then rename, then add and change: so that each name is free when it is taken."""
    dropped = _unused(old, new, database, change)
    if new is None:
        return
    left = {name: said for name, said in database.columns.items() if name not in dropped}
    columns = rename_statements(old, new, database, left, change)
    for each in new.fields:
        before = field_before(old, each)
        if before is None:
            _added(new, each, database, columns, change)
        else:
            _retyped(new, before, each, database, change)
        if each.required and (before is None or not before.required):
            _filled(new, before, each, database, change)
    change.statements += _indexes(old, new, database)


def _unused(old: PostTypeSpec, new: PostTypeSpec | None, database: Database, change: TableChange) -> frozenset[str]:
    """Columns of removed fields, and those that stayed earlier, go when they may, or stay; returns those that go."""
    removed = removed_fields(old, new) if new else old.fields
    types = {each.name: each.type for each in database.leftovers if each.where == "column"}
    types |= {str(old.column_of(each)): database.column_type(each) for each in removed if each.column is None}
    wanted = {str(new.column_of(each)): each for each in new.fields} if new else {}
    for each in removed:
        if each.column is not None and each.column not in wanted:
            change.warnings.append(f"The column {database.posts.table}.{each.column} stays: it may be shared.")
    dropped: set[str] = set()
    for name, was in types.items():
        if taker := wanted.get(name):
            assert new is not None, "its field takes the column"
            dropped |= _taken_over(old, new, taker, was, database, change)
        elif database.allow_data_loss and name not in database.shared:
            dropped.add(name)
        else:
            was_told = new is not None and any(each.name == name for each in database.leftovers)
            change.leftovers.append(Leftover(name, was))
            if database.allow_data_loss or not was_told:
                change.warnings.append(_stays(name, old, new, database))
    change.statements += dropping(database.posts.table, [name for name in types if name in dropped])
    return frozenset(dropped)


def _stays(name: str, old: PostTypeSpec, new: PostTypeSpec | None, database: Database) -> str:
    table = database.posts.table
    if name in database.shared:
        return f"The column {table}.{name} stays: other types use it."
    said = f"The column {table}.{name} stays, with what it holds. To drop it:"
    writing = f"write a migration: ALTER TABLE {sql_name(table)} DROP COLUMN {sql_name(name)};"
    return f"{said} mesh update {old.name} --allow-data-loss" if new else f"{said} {writing}"


def _taken_over(
    old: PostTypeSpec, new: PostTypeSpec, taker: Field, was: str, database: Database, change: TableChange
) -> set[str]:
    """A field takes a column that stayed: it is taken up when it is of its type, and made anew when it may be lost."""
    name, before = str(new.column_of(taker)), field_before(old, taker)
    if before and old.column_of(before) == name:
        return set()
    wanted = database.column_type(taker)
    if before is None and family(was) == family(wanted):
        change.notices.append(TAKEN_UP.format(f"{database.posts.table}.{name}"))
        return set()
    if database.allow_data_loss and name not in database.shared:
        return {name}
    if before is None and name in database.columns:
        return set()  # whoever adds the column says so, with the migration that made it
    message = f"needs the column {database.posts.table}.{name}, which is there already, as {was}, with what it holds"
    remedy = "Name another with `column:`, or run the command with --allow-data-loss, which drops that one first."
    change.problems.append(Problem(message, new.place("fields", taker.key), remedy))
    return set()


def _added(new: PostTypeSpec, each: Field, database: Database, columns: Columns, change: TableChange) -> None:
    """A column more; one that is there already must be of its type, and gets the foreign key that it may lack."""
    table, name = database.posts.table, str(new.column_of(each))
    left = {leftover.name for leftover in database.leftovers}
    if problem := taken(new, each, database.column_type(each), table, columns, may_be_dropped=name in left):
        change.problems.append(problem)
    definition = f"{sql_name(name)} {database.column_type(each)} {reference(each, database.refs)}".rstrip()
    change.statements.append(f"ALTER TABLE {sql_name(table)}\n    ADD COLUMN IF NOT EXISTS {definition};")
    if name in columns and (each.column is None or name in left):
        change.statements += reference_renewed(name, each, database.posts, database.refs)


def _retyped(new: PostTypeSpec, before: Field, after: Field, database: Database, change: TableChange) -> None:
    name, place = str(new.column_of(after)), new.place("fields", after.key, "type")
    if before.type.ref != after.type.ref and "ref" in (str(before.type.name), str(after.type.name)):
        remedy = "Give the new field another name; the old one can go."
        change.problems.append(Problem(f"{before.type} cannot become {after.type}", place, remedy))
        return
    if before.required != after.required and after.column is None:
        change.statements += reference_renewed(name, after, database.posts, database.refs)
    found = _converted(sql_name(name), before, after, database)
    if found is None:
        return
    if found.narrows and not database.allow_data_loss:
        remedy = "Run the command with --allow-data-loss, or add a field and keep this one."
        message = f"{before.type} to {after.type} loses what does not fit"
        change.problems.append(Problem(message, place, remedy))
        return
    change.statements += _conversion_statements(sql_name(name), before, after, database)


def _converted(value: str, before: Field, after: Field, database: Database) -> Conversion | None:
    """How a value of the column is converted; None when it stays as it is."""
    if before.type.is_list and after.type.is_list:
        return json_conversion(value, [database.shape_of(before)], database.shape_of(after))
    was, now = database.column_type(before), database.column_type(after)
    return conversion(value, was, now, from_list=before.type.is_list, to_list=after.type.is_list)


def _conversion_statements(column: str, before: Field, after: Field, database: Database) -> Iterator[str]:
    found, trial = (_converted(value, before, after, database) for value in (column, VALUE))
    assert found is not None, "the type is another"
    assert trial is not None, "what the value is called makes no difference"
    rows, table = f"{column} IS NOT NULL", sql_name(database.posts.table)
    if found.narrows:
        told = (str(after.name), str(after.type))
        yield refuse_misfits(column, rows, trial.expression, told, database.posts, database.refs)
    if before.type.is_list and after.type.is_list:  # a conversion by ALTER COLUMN cannot look into a list
        yield f"UPDATE {table}\n    SET {column} = {found.expression}\n    WHERE {rows};"  # noqa: S608  of names
    else:
        now = database.column_type(after)
        yield f"ALTER TABLE {table}\n    ALTER COLUMN {column} TYPE {now}\n        USING {found.expression};"


def _filled(new: PostTypeSpec, before: Field | None, each: Field, database: Database, change: TableChange) -> None:
    """Posts that are there get the value of a field that every post must have now."""
    value = each.backfill if each.backfill is not UNSET else each.default
    if value is UNSET:
        refuse_unfilled(new, before, each, change)
        return
    posts, column = database.posts, sql_name(new.column_of(each))
    literal = _jsonb(value) if database.column_type(each) == "jsonb" else f"{sql(value)}::{database.column_type(each)}"
    change.statements.append(
        f"UPDATE {sql_name(posts.table)}\n    SET {column} = {literal}\n"  # noqa: S608  of literals and quoted names
        f"    WHERE {of_type(new, posts)} AND {column} IS NULL;"
    )


def _jsonb(value: object) -> str:
    is_container = isinstance(value, list | tuple | dict)
    return f"{sql(value)}::jsonb" if is_container else f"to_jsonb({sql(value)}{'::text' * isinstance(value, str)})"


def _indexes(old: PostTypeSpec, new: PostTypeSpec, database: Database) -> Iterator[str]:
    """Indexes of new references."""
    for each in new.fields:
        if field_before(old, each) is None and each.type.single_ref:
            yield index_of(new, each, database)


def index_of(spec: PostTypeSpec, each: Field, database: Database) -> str:
    """The index of a reference's column."""
    column = sql_name(spec.column_of(each))
    name = sql_name(short_name(database.posts.table, spec.column_of(each), "idx"))
    on = f"{sql_name(database.posts.table)} ({column}) WHERE {column} IS NOT NULL"
    return f"CREATE INDEX IF NOT EXISTS {name}\n    ON {on};"
