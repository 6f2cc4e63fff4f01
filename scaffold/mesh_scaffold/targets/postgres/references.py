"""Foreign keys of reference columns: which migrations state, and how one is made anew over a column that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_scaffold.render.literals import sql, sql_name
from mesh_scaffold.targets.postgres.earlier import family, is_about
from mesh_scaffold.targets.postgres.migrations import migration_statements

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from mesh_descriptors.project import PostsSection, RefSection
    from mesh_scaffold.spec.model import Field
    from mesh_scaffold.tree import Tree

_DROPPED = """\
DO $mesh$
DECLARE
    former name;
BEGIN
    FOR former IN
        SELECT conname
        FROM pg_catalog.pg_constraint
        JOIN pg_catalog.pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
        WHERE contype = 'f' AND cardinality(conkey) = 1 AND conrelid = {table_text}::regclass
            AND attname = {column_text}
    LOOP
        EXECUTE format('ALTER TABLE {table} DROP CONSTRAINT %I', former);
    END LOOP;
END
$mesh$;"""
"""Whatever the foreign keys of a column are called: one keeps its name when its column gets another."""


def reference(field: Field, refs: Mapping[str, RefSection]) -> str:
    """What a column's definition says of its foreign key; nothing for a field that has none."""
    if (name := field.type.single_ref) is None:
        return ""
    ref = refs[name]
    stated = f"REFERENCES {sql_name(ref.table)} ({sql_name(ref.column)})"
    return stated if field.required else f"{stated} ON DELETE SET NULL"


def reference_renewed(
    column: str, field: Field, posts: PostsSection, refs: Mapping[str, RefSection]
) -> tuple[str, ...]:
    """Statements that give a column which is there the foreign key of its field, and no other."""
    if not (stated := reference(field, refs)):
        return ()
    table = sql_name(posts.table)
    dropped = _DROPPED.format(table=table, table_text=sql(table), column_text=sql(column))
    return (dropped, f"ALTER TABLE {table}\n    ADD FOREIGN KEY ({sql_name(column)}) {stated};")


def referring_columns(tree: Tree, folder: str, table: str, but: Collection[str] = ()) -> Mapping[str, str]:
    """What each column of `table` refers to once the migrations have run, as far as a look at their words tells.

    A foreign key that is missed is made anew, which does no harm.
    """
    found: dict[str, str] = {}
    for path, statement in migration_statements(tree, folder):
        if path in but or not is_about(statement, table):
            continue
        if statement.starts("drop"):
            found.clear()
        for word in [*found] if statement.starts("alter") else ():
            if statement.drops(word) or any(word in said and statement.drops(said) for said in statement.words):
                del found[word]
        found |= _stated(statement.words)
    return found


def _stated(words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Each column that `... REFERENCES <table>` is said of: with its type, or as the key."""
    for index, word in enumerate(words):
        if word != "references" or index < 2 or index + 1 >= len(words):
            continue
        before = words[:index]
        while before[-2:] == ("not", "null"):
            before = before[:-2]
        if before[-3:-1] == ("foreign", "key"):
            yield before[-1], words[index + 1]
        elif len(before) > 1 and family(before[-1]) is not None:
            yield before[-2], words[index + 1]
