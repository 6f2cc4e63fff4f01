"""Migration files: `<UTC timestamp>_<spec>_<nn>_<what>.sql`, each later than the newest present."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mesh_scaffold.targets.postgres.statements import Statement, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mesh_scaffold.tree import Tree

STAMP = "%Y%m%d%H%M%S"
APPLY = "The migrations are applied by: mesh db migrate"
"""What a user is told who gets one."""


def migration_files(tree: Tree, folder: str) -> list[str]:
    """The paths of the migrations in `folder`, oldest first."""
    return [path for path in tree.list(folder, ".sql") if _stamp(path.rpartition("/")[2]) is not None]


def next_migration(tree: Tree, folder: str, spec: str, what: str, clock: Callable[[], datetime]) -> str:
    """The path of a new migration.

    It is named by the clock, or a second after the newest migration where the clock is behind that. Migrations of
    one spec that are written together share the timestamp and are numbered.
    """
    stamp = f"{clock().astimezone(UTC):{STAMP}}"
    newest = max((path.rpartition("/")[2] for path in migration_files(tree, folder)), default="")
    own, number = _number(newest, spec)
    if own is not None and own >= stamp:
        return f"{folder}/{own}_{spec}_{number + 1:02}_{what}.sql"
    latest = _stamp(newest)
    if latest is not None and newest >= stamp:
        stamp = f"{latest + timedelta(seconds=1):{STAMP}}"
    return f"{folder}/{stamp}_{spec}_01_{what}.sql"


def moved_migration(path: str, spec: str, to: str) -> str:
    """The path of a migration that nobody has yet, when its spec is called `to`."""
    folder, _, name = path.rpartition("/")
    stamp, _, rest = name.partition("_")
    own = f"{to}_{rest.removeprefix(f'{spec}_')}" if rest.startswith(f"{spec}_") else rest
    return f"{folder}/{stamp}_{own}"


def migration_statements(tree: Tree, folder: str) -> Iterator[tuple[str, Statement]]:
    """Every statement of the migrations with the path of its file, in order."""
    for path in migration_files(tree, folder):
        tree.read_text(path)  # which says where a file is not UTF-8
        for statement in tree.parsed(path, _statements) or ():
            yield path, statement


def _statements(content: bytes) -> tuple[Statement, ...]:
    return tuple(statements(content.decode("utf-8")))


def _stamp(name: str) -> datetime | None:
    digits = name.partition("_")[0]
    if len(digits) != 14 or not digits.isdecimal():
        return None
    try:
        return datetime(int(digits[:4]), *(int(digits[at : at + 2]) for at in range(4, 14, 2)), tzinfo=UTC)  # type: ignore[misc,arg-type]  # month to second
    except ValueError:
        return None


def _number(name: str, spec: str) -> tuple[str | None, int]:
    """The timestamp and number of a migration of `spec`; None when it is another's."""
    stamp, _, rest = name.partition("_")
    number = rest.removeprefix(f"{spec}_")[:2]
    if rest.startswith(f"{spec}_") and number.isdecimal() and rest[len(spec) + 3 : len(spec) + 4] == "_":
        return stamp, int(number)
    return None, 0
