"""What a changed or removed spec asks of the database: statements that bring the table from the one to the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Problem
from mesh_scaffold.render.literals import sql, sql_name
from mesh_scaffold.spec.changes import field_before, removed_fields
from mesh_scaffold.spec.model import UNSET
from mesh_scaffold.targets.postgres.constraints import constraints_of, short_name
from mesh_scaffold.targets.postgres.conversions import conversion
from mesh_scaffold.targets.postgres.earlier import taken
from mesh_scaffold.targets.postgres.payload import payload_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mesh_descriptors.project import PostsSection, RefSection
    from mesh_scaffold.spec.model import Field, PostTypeSpec
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
    """

    posts: PostsSection
    refs: Mapping[str, RefSection]
    column_type: Callable[[Field], str]
    columns: Columns
    allow_data_loss: bool = False


@dataclass(slots=True)
class TableChange:
    """What is to be run, in order, and what speaks against it.

    Attributes:
        statements: SQL, each with its semicolon.
        notices: what the user should know.
        warnings: what stays although nobody needs it any more.
        problems: why it cannot be done; then nothing may be run.
    """

    statements: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def table_change(old: PostTypeSpec, new: PostTypeSpec | None, database: Database) -> TableChange:
    """The way from `old` to `new`; to None: from the type to none."""
    change = TableChange()
    if new and new.storage != old.storage:
        remedy = "Put it back, or make a new type and copy the posts over."
        message = f"was {old.storage}: posts that are there would have to move"
        change.problems.append(Problem(message, new.place("storage"), remedy))
        return change
    table = sql_name(database.posts.table)
    before = {each.name: each.condition for each in constraints_of(old, database.posts)}
    after = {each.name: each.condition for each in (constraints_of(new, database.posts) if new else ())}
    gone = [f"DROP CONSTRAINT IF EXISTS {sql_name(name)}" for name in before if before[name] != after.get(name)]
    made = [name for name in after if before.get(name) != after[name]]
    change.statements += _altering(table, gone)
    if old.storage == "json":
        payload_statements(old, new, database, change)
    else:
        _columns(old, new, database, change)
    adding = [
        clause
        for name in made
        for clause in (
            f"DROP CONSTRAINT IF EXISTS {sql_name(name)}",
            f"ADD CONSTRAINT {sql_name(name)}\n        CHECK ({after[name]})",
        )
    ]
    change.statements += _altering(table, adding)
    if new and old.storage == "columns":
        change.statements += _indexes(old, new, database)
    if any(name in before for name in made):
        change.notices.append("Bounds changed: the migration fails, and changes nothing, while a post breaks them.")
    return change


def _altering(table: str, clauses: list[str]) -> list[str]:
    return ["ALTER TABLE {}\n    {};".format(table, ",\n    ".join(clauses))] if clauses else []


def _columns(old: PostTypeSpec, new: PostTypeSpec | None, database: Database, change: TableChange) -> None:
    moved: set[str] = set()
    for each in new.fields if new else ():
        assert new is not None
        before = field_before(old, each)
        if before is None:
            _added(new, each, database, moved, change)
        else:
            change.statements += _renamed(old, new, before, each, database)
            moved |= {old.column_of(before)} - {new.column_of(each)}
            _retyped(new, before, each, database, change)
        if each.required and (before is None or not before.required):
            _filled(new, each, database, change)
    for each in removed_fields(old, new) if new else old.fields:
        _dropped(old, each, database, change)


def _added(new: PostTypeSpec, each: Field, database: Database, moved: set[str], change: TableChange) -> None:
    """A column more; one that is there already, and has not `moved` to another name, must be of its type."""
    table, columns = database.posts.table, {} if new.column_of(each) in moved else database.columns
    if problem := taken(new, each, database.column_type(each), table, columns):
        change.problems.append(problem)
    definition = _definition(new, each, database)
    change.statements.append(f"ALTER TABLE {sql_name(table)}\n    ADD COLUMN IF NOT EXISTS {definition};")


def _definition(new: PostTypeSpec, each: Field, database: Database) -> str:
    definition = f"{sql_name(new.column_of(each))} {database.column_type(each)}"
    if each.type.ref is None or each.type.is_list:
        return definition
    ref = database.refs[each.type.ref]
    definition += f" REFERENCES {sql_name(ref.table)} ({sql_name(ref.column)})"
    return definition if each.required else f"{definition} ON DELETE SET NULL"


def _renamed(old: PostTypeSpec, new: PostTypeSpec, before: Field, after: Field, database: Database) -> Iterator[str]:
    was, now = old.column_of(before), new.column_of(after)
    if was == now:
        return
    table = database.posts.table
    yield f"ALTER TABLE {sql_name(table)}\n    RENAME COLUMN {sql_name(was)} TO {sql_name(now)};"
    if before.type.ref and not before.type.is_list:
        one, other = short_name(table, was, "idx"), short_name(table, now, "idx")
        yield f"ALTER INDEX IF EXISTS {sql_name(one)} RENAME TO {sql_name(other)};"


def _retyped(new: PostTypeSpec, before: Field, after: Field, database: Database, change: TableChange) -> None:
    was, now = database.column_type(before), database.column_type(after)
    place = new.place("fields", after.key, "type")
    if before.type.ref != after.type.ref and "ref" in (str(before.type.name), str(after.type.name)):
        remedy = "Give the new field another name; the old one can go."
        change.problems.append(Problem(f"{before.type} cannot become {after.type}", place, remedy))
        return
    if before.type.is_list and after.type.is_list and before.type != after.type:
        change.warnings.append(f"{new.column_of(after)}: the items of lists that are there stay {before.type.item}.")
    column = sql_name(new.column_of(after))
    found = conversion(column, was, now, from_list=before.type.is_list, to_list=after.type.is_list)
    if found is None:
        return
    if found.narrows and not database.allow_data_loss:
        remedy = "Run the command with --allow-data-loss, or add a field and keep this one."
        message = f"{before.type} to {after.type} loses what does not fit"
        change.problems.append(Problem(message, place, remedy))
        return
    table = sql_name(database.posts.table)
    change.statements.append(
        f"ALTER TABLE {table}\n    ALTER COLUMN {column} TYPE {now}\n        USING {found.expression};"
    )


def _filled(new: PostTypeSpec, each: Field, database: Database, change: TableChange) -> None:
    """Posts that are there get the value of a field that every post must have now."""
    value = each.backfill if each.backfill is not UNSET else each.default
    if value is UNSET:
        remedy = "Give it `backfill:` (or `default:`), or `required: false`."
        message = "is required now, and the posts that are there have no value for it"
        change.problems.append(Problem(message, new.place("fields", each.key), remedy))
        return
    posts, column = database.posts, sql_name(new.column_of(each))
    literal = _jsonb(value) if database.column_type(each) == "jsonb" else f"{sql(value)}::{database.column_type(each)}"
    change.statements.append(
        f"UPDATE {sql_name(posts.table)}\n    SET {column} = {literal}\n"  # noqa: S608  of literals and quoted names
        f"    WHERE {sql_name(posts.type_column)}::text = {sql(str(new.enum_value))} AND {column} IS NULL;"
    )


def _jsonb(value: object) -> str:
    is_container = isinstance(value, list | tuple | dict)
    return f"{sql(value)}::jsonb" if is_container else f"to_jsonb({sql(value)}{'::text' * isinstance(value, str)})"


def _dropped(old: PostTypeSpec, each: Field, database: Database, change: TableChange) -> None:
    column, table = old.column_of(each), database.posts.table
    if each.column is not None:
        change.warnings.append(f"The column {table}.{column} stays: it may be shared with other types.")
    elif database.allow_data_loss:
        change.statements.append(f"ALTER TABLE {sql_name(table)}\n    DROP COLUMN IF EXISTS {sql_name(column)};")
    else:
        dropping = f"ALTER TABLE {sql_name(table)} DROP COLUMN {sql_name(column)};"
        change.warnings.append(
            f"The column {table}.{column} stays, with what it holds. To drop it, write a migration: {dropping}"
        )


def _indexes(old: PostTypeSpec, new: PostTypeSpec, database: Database) -> Iterator[str]:
    """Indexes of new references."""
    for each in new.fields:
        if field_before(old, each) is None and each.type.ref and not each.type.is_list:
            column = sql_name(new.column_of(each))
            name = sql_name(short_name(database.posts.table, new.column_of(each), "idx"))
            on = f"{sql_name(database.posts.table)} ({column}) WHERE {column} IS NOT NULL"
            yield f"CREATE INDEX IF NOT EXISTS {name}\n    ON {on};"
