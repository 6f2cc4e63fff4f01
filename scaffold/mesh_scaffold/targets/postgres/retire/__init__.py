"""Retires a value of a PostgreSQL enum: the type is swapped for one without it.

PostgreSQL cannot drop an enum's value. The migration written here makes a new type under the old name, moves every
column over, and recreates, as the catalogue of a database says them, the things that stand in the way. It refuses while
a row has the value. Owners and rights are read and given back on the database that it runs on, as they differ between
databases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_descriptors.errors import MeshError, Problem
from mesh_scaffold.targets.postgres.retire.catalogue import Catalogue
from mesh_scaffold.targets.postgres.retire.swap import Swap, text_of
from mesh_scaffold.targets.postgres.retire.work import collect

if TYPE_CHECKING:
    import psycopg

    from mesh_scaffold.targets.postgres.retire.catalogue import Row


class RetireError(MeshError):
    """The value cannot be retired; nothing was written."""

    exit_code = 1


class NoEnumValueError(MeshError):
    """The database has no such enum, or the enum no such value."""


@dataclass(frozen=True, slots=True)
class Retirement:
    """A migration that retires a value.

    Attributes:
        sql: the migration file's text, for one transaction.
        notices: what the user should know of what it does.
    """

    sql: str
    notices: tuple[str, ...]


def retire_value_sql(connection: psycopg.Connection[Any], enum: str, value: str) -> Retirement:
    """The migration that takes `value` out of `enum`; nothing is changed in the database.

    Args:
        connection: to a database of the app's; what depends on the enum is read from its catalogue.
        enum: the type's name, looked up on the connection's search path.
        value: the value to take out.

    Raises:
        NoEnumValueError: there is no such enum, or it has no such value.
        RetireError: with all that stands in the way: rows that have the value, and what cannot be recreated.
    """
    with connection.transaction(force_rollback=True):  # takes back the search path, too
        oid = connection.execute("SELECT to_regtype(quote_ident(%s))::oid", [enum]).fetchone()
        # With an empty search path every name in a definition comes out qualified.
        connection.execute("SET LOCAL search_path = ''")
        catalogue = Catalogue(connection)
        found = catalogue.rows("enum", type=oid[0]) if oid and oid[0] else []
        row = _required(found, enum, value)
        work = collect(catalogue, row, value)
        problems = [*work.problems, *_rows_in_use(connection, work.swap)]
    if problems:
        raise RetireError(problems=problems)
    return Retirement(text_of(work.swap), work.notices)


def _required(found: list[Row], enum: str, value: str) -> Row:
    if not found:
        raise NoEnumValueError(f"the database has no enum {enum!r}", remedy="Apply the migrations: mesh db migrate")
    if value not in found[0]["labels"]:
        raise NoEnumValueError(
            f"the enum {enum!r} has no value {value!r}",
            remedy=f"It has {', '.join(found[0]['labels'])}. Apply the migrations (mesh db migrate); when all are, "
            "there is nothing to retire.",
        )
    return found[0]


def _rows_in_use(connection: psycopg.Connection[Any], swap: Swap) -> list[Problem]:
    problems = []
    for column in swap.columns:
        counted = connection.execute(swap.count_rows(column).encode("utf-8")).fetchone()
        if counted and counted[0]:
            rows = "1 row" if counted[0] == 1 else f"{counted[0]} rows"
            verb, them = ("has", "it") if counted[0] == 1 else ("have", "them")
            message = f"{rows} of {column.table} {verb} {swap.value!r} in column {column.name}"
            remedy = f"Delete {them}, or give {them} another type, then run the command again."
            problems.append(Problem(message, remedy=remedy))
    return problems
