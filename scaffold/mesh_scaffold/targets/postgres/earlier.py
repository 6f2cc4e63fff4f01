"""The columns that earlier migrations leave in a table, and of what type: `ADD COLUMN IF NOT EXISTS` passes them by."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place, Problem
from mesh_scaffold.render.literals import sql_name
from mesh_scaffold.targets.postgres.migrations import migration_statements

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from mesh_scaffold.spec.model import Field, PostTypeSpec
    from mesh_scaffold.targets.postgres.statements import Statement
    from mesh_scaffold.tree import Tree

    Columns = Mapping[str, tuple[str, Place]]
    """The first word of each column's type, and where a migration states it."""

_FAMILIES = (
    {"text", "varchar", "character", "char", "bpchar"},
    {"bigint", "int8", "integer", "int", "int4", "smallint", "int2", "bigserial", "serial"},
    {"double", "float8", "float", "real", "float4"},
    {"numeric", "decimal"},
    {"boolean", "bool"},
    {"date"},
    {"timestamptz", "timestamp"},
    {"jsonb", "json"},
    {"uuid"},
)
"""Types by their first word; a field may have a column of its type's family, as columns written by hand do."""
_NOT_COLUMNS = frozenset({"", "constraint", "check", "foreign", "primary", "unique", "exclude", "generated"})
"""What follows ADD where no column is added."""
_FILLERS = frozenset({"if", "not", "exists", "only", "column", "set", "data"})


def earlier_columns(tree: Tree, folder: str, table: str, but: Collection[str] = ()) -> Columns:
    """The columns of `table` once the migrations in `folder`, without those in `but`, have run."""
    columns: dict[str, tuple[str, Place]] = {}
    for path, statement in migration_statements(tree, folder):
        if path in but or not is_about(statement, table):
            continue
        if statement.starts("drop"):
            columns.clear()
        elif statement.starts("create"):
            for name, said in _created(statement):
                columns.setdefault(name, (said, Place(path, statement.line_of(name))))
        else:
            _alter(columns, path, statement)
    return columns


def dropped_columns(tree: Tree, folder: str, table: str) -> frozenset[str]:
    """The columns that the migrations drop and do not add again."""
    gone: set[str] = set()
    for _, statement in migration_statements(tree, folder):
        if is_about(statement, table):
            words = frozenset(statement.words)
            gone = {word for word in (gone | words) if (statement.drops(word) if word in words else word in gone)}
    return frozenset(gone)


def taken(
    spec: PostTypeSpec, field: Field, wanted: str, table: str, columns: Columns, *, may_be_dropped: bool = False
) -> Problem | None:
    """Why the field cannot have its column added: one of that name is there, of a type that is not `wanted`.

    Args:
        spec: the field's.
        field: whose column is added.
        wanted: the type that it needs.
        table: the table.
        columns: what the table has.
        may_be_dropped: whether the column is what a field of this type left, so that the command may drop it.
    """
    column = spec.column_of(field)
    said, place = columns.get(column, (wanted, None))
    one, other = family(said), family(wanted.partition(" ")[0])
    if place is None or one is None or one == other:
        return None
    remedy = f"Name another column with `column:`, or give the field a type that is stored as {said}."
    if field.column is None:
        remedy = (
            f"Name another column with `column:`, or drop this one first: {_dropping(table, column, may_be_dropped)}"
        )
    message = f"needs the column {table}.{column} as {wanted}, which {place} made {said} and no migration dropped"
    return Problem(message, spec.place("fields", field.key), remedy)


def _dropping(table: str, column: str, may_be_dropped: bool) -> str:
    command = "bring the field back as it was and remove it with --allow-data-loss"
    if may_be_dropped:
        command = "run the command with --allow-data-loss"
    return f"{command}, or write a migration: ALTER TABLE {sql_name(table)} DROP COLUMN {sql_name(column)};"


def family(word: str) -> int | None:
    """A number that types which serve the same field have in common, by the first word of each; None for others."""
    return next((index for index, family in enumerate(_FAMILIES) if word in family), None)


def is_about(statement: Statement, table: str) -> bool:
    """Whether it creates, alters or drops the table, with its schema or without."""
    if statement.words[:1] not in {("create",), ("alter",), ("drop",)} or statement.words[1:2] != ("table",):
        return False
    return table in [word for word in statement.words[2:8] if word not in _FILLERS][:2]


def _created(statement: Statement) -> Iterator[tuple[str, str]]:
    """Each name that a type follows where it first stands (later on it may be cast); a type is no name of the next."""
    seen: set[str] = set()
    is_type = False
    for name, said in zip(statement.words, statement.words[1:], strict=False):
        was_type, is_type = is_type, not is_type and name not in seen and family(said) is not None
        if is_type:
            yield name, said
        if not was_type:
            seen.add(name)


def _alter(columns: dict[str, tuple[str, Place]], path: str, statement: Statement) -> None:
    """Follow what the clauses say, in order; a word that only looks like a clause names no column."""
    words = statement.words
    for index, word in enumerate(words[2:], 2):
        fillers = len(list(takewhile(_FILLERS.__contains__, words[index + 1 :])))
        clause = [*words[index + 1 + fillers : index + 6 + fillers], "", ""]
        name, rest = clause[0], clause[1:]
        place = Place(path, statement.line_of(name))
        if word == "add" and name not in _NOT_COLUMNS and rest[0]:
            columns.setdefault(name, (rest[0], place))
        elif word == "drop":
            columns.pop(name, None)
        elif word == "rename" and rest[0] == "to" and name in columns:
            columns[rest[1]] = columns.pop(name)
        elif word == "alter" and name in columns:
            said = [each for each in rest if each not in _FILLERS]
            if said[0] == "type":
                columns[name] = (said[1], place)
