"""What a changed or removed spec asks of the database: statements that bring the table from the one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_scaffold.render.literals import sql_name
from mesh_scaffold.targets.postgres.column_changes import column_statements
from mesh_scaffold.targets.postgres.constraints import constraints_of
from mesh_scaffold.targets.postgres.payload import payload_statements, without_key
from mesh_scaffold.targets.postgres.storage import storage_statements
from mesh_scaffold.targets.postgres.table import Database, TableChange, altering, dropping

if TYPE_CHECKING:
    from mesh_scaffold.spec.model import PostTypeSpec


def table_change(old: PostTypeSpec, new: PostTypeSpec | None, database: Database) -> TableChange:
    """The way from `old` to `new`; to None: from the type to none."""
    change = TableChange()
    table = database.posts.table
    before = {each.name: each.condition for each in constraints_of(old, database.posts)}
    after = {each.name: each.condition for each in (constraints_of(new, database.posts) if new else ())}
    gone = [f"DROP CONSTRAINT IF EXISTS {sql_name(name)}" for name in before if before[name] != after.get(name)]
    made = [name for name in after if before.get(name) != after[name]]
    change.statements += altering(table, gone)
    if new and new.storage != old.storage:
        storage_statements(old, new, database, change)
    else:
        statements_of = payload_statements if old.storage == "json" else column_statements
        statements_of(old, new, database, change)
        _stored_elsewhere(old, new, database, change)
    adding = [
        clause
        for name in made
        for clause in (
            f"DROP CONSTRAINT IF EXISTS {sql_name(name)}",
            f"ADD CONSTRAINT {sql_name(name)}\n        CHECK ({after[name]})",
        )
    ]
    change.statements += altering(table, adding)
    if any(name in before for name in made):
        change.notices.append("Bounds changed: the migration fails, and changes nothing, while a post breaks them.")
    return change


def _stored_elsewhere(old: PostTypeSpec, new: PostTypeSpec | None, database: Database, change: TableChange) -> None:
    """What stayed of the time before the type's storage changed: it goes when it may, or is remembered further."""
    where = "column" if old.storage == "json" else "key"
    for each in [left for left in database.leftovers if left.where == where]:
        if not database.allow_data_loss or each.name in database.shared:
            change.leftovers.append(each)
        elif where == "column":
            change.statements += dropping(database.posts.table, [each.name])
        elif new:
            change.statements.append(without_key(new, database.posts, each.name))
