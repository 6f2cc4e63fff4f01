"""What migrations state about a table: the names that they give it, and conditions whatever their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_scaffold.targets.postgres.migrations import migration_statements
from mesh_scaffold.targets.postgres.statements import statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_scaffold.targets.postgres.statements import Statement
    from mesh_scaffold.tree import Tree


def stated_names(tree: Tree, folder: str, table: str) -> frozenset[str]:
    """The columns and constraints of the table, among other words that are said of it."""
    names: set[str] = set()
    for statement in _about(tree, folder, table):
        names = {name for name in names if not statement.drops(name)}
        names |= {word for word in statement.words if not statement.drops(word)}
    return frozenset(names)


def is_stated(tree: Tree, folder: str, table: str, condition: str) -> bool:
    """Whether a condition that needs a column to be filled is there, whatever the constraint is called."""
    if not condition.endswith("IS NOT NULL"):
        return False  # numbers and signs are not compared
    wanted = [value for each in statements(condition) for value, _ in each.lines]
    alive = stated_names(tree, folder, table)
    for statement in _about(tree, folder, table):
        said = [value for value, _ in statement.lines]
        for start in range(len(said) - len(wanted) + 1):
            is_named = said[max(0, start - 3) : start] == ["constraint", said[start - 2], "check"]
            if said[start : start + len(wanted)] == wanted and (not is_named or said[start - 2] in alive):
                return True
    return False


def enum_values(tree: Tree, folder: str, enum: str) -> frozenset[str]:
    """What migrations name where they make or alter the enum, in lower case; what later ones take out included."""
    values: set[str] = set()
    for _, statement in migration_statements(tree, folder):
        if (statement.starts("create", "type") or statement.starts("alter", "type")) and enum in statement.words:
            values |= {text.lower() for text in statement.texts}
    return frozenset(values)


def _about(tree: Tree, folder: str, table: str) -> Iterator[Statement]:
    for _, statement in migration_statements(tree, folder):
        if (statement.starts("create", "table") or statement.starts("alter", "table")) and table in statement.words:
            yield statement
