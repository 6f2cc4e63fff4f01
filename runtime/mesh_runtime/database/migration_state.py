"""How far a database is: its ledger of migrations compared with the files."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.pq import TransactionStatus

from mesh_descriptors.errors import Place, Problem
from mesh_runtime.database.migration_files import Migration, MigrationError, Source
from mesh_runtime.database.queries import queries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import psycopg

    Connection = psycopg.Connection[Any]
    Ledger = Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class MigrationState:
    """How far a database is.

    Attributes:
        applied: how many migrations it has.
        pending: those that it lacks, in order.
        problems: applied migrations that have changed or are missing.
    """

    applied: int
    pending: tuple[Migration, ...]
    problems: tuple[Problem, ...]


def migration_state(connection: Connection, sources: Sequence[Source]) -> MigrationState:
    """Compare the files with the database's ledger; writes nothing."""
    with _reading(connection):
        ledger = _ledger(connection)
    files = {(migration.source, migration.name): migration for source in sources for migration in source.migrations()}
    folders = {source.name: source.folder for source in sources}
    own = {key: checksum for key, checksum in ledger.items() if key[0] in folders}
    checks = (_problem(folders[key[0]] / key[1], files.get(key), checksum) for key, checksum in own.items())
    lacking = tuple(migration for key, migration in files.items() if key not in ledger)
    return MigrationState(len(own), lacking, tuple(problem for problem in checks if problem))


def pending(connection: Connection, sources: Sequence[Source]) -> list[Migration]:
    """The migrations that `migrate` would apply, in order; writes nothing.

    Raises:
        MigrationError: an applied migration has changed or is missing; all of them are named.
    """
    state = migration_state(connection, sources)
    if state.problems:
        raise MigrationError(problems=state.problems)
    return list(state.pending)


def _ledger(connection: Connection) -> Ledger:
    found = queries("migrations")
    if not connection.execute(found["ledger_exists"].sql).fetchone():
        return {}
    return {(source, name): checksum for source, name, checksum in connection.execute(found["read_ledger"].sql)}


def _problem(path: Path, migration: Migration | None, checksum: str) -> Problem | None:
    if migration is None:
        return Problem(
            "was applied to this database, but the file is missing",
            Place(str(path)),
            "Bring the file back from version control; to undo what it did, write a new migration.",
        )
    if migration.checksum != checksum:
        return Problem(
            "was changed after it was applied to this database",
            Place(str(path)),
            "Put the file back as it was (git log shows when it changed), and write a new migration.",
        )
    return None


@contextmanager
def _reading(connection: Connection) -> Iterator[None]:
    """Leave no transaction open that was not open before."""
    idle = connection.info.transaction_status == TransactionStatus.IDLE
    try:
        yield
    finally:
        if idle and not connection.autocommit:
            connection.rollback()
