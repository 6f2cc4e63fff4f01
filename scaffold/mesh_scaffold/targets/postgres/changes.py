"""What a changed or removed spec asks of the database: statements that bring the table from the one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_descriptors.errors import Problem
from mesh_scaffold.render.literals import sql_name
from mesh_scaffold.targets.postgres.column_changes import column_statements
from mesh_scaffold.targets.postgres.constraints import constraints_of
from mesh_scaffold.targets.postgres.payload import payload_statements
from mesh_scaffold.targets.postgres.table import Database, TableChange

if TYPE_CHECKING:
    from mesh_scaffold.spec.model import PostTypeSpec


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
    statements_of = payload_statements if old.storage == "json" else column_statements
    statements_of(old, new, database, change)
    adding = [
        clause
        for name in made
        for clause in (
            f"DROP CONSTRAINT IF EXISTS {sql_name(name)}",
            f"ADD CONSTRAINT {sql_name(name)}\n        CHECK ({after[name]})",
        )
    ]
    change.statements += _altering(table, adding)
    if any(name in before for name in made):
        change.notices.append("Bounds changed: the migration fails, and changes nothing, while a post breaks them.")
    return change


def _altering(table: str, clauses: list[str]) -> list[str]:
    return ["ALTER TABLE {}\n    {};".format(table, ",\n    ".join(clauses))] if clauses else []
