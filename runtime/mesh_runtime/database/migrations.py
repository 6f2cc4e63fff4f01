"""Migrations: SQL files that move a database forward, each applied once, in order, and recorded with its checksum.

A source is a folder of files `<order>_<what>.sql`; the runtime's own come first, then the host's. Each file runs in a
transaction of its own together with its line in the ledger, under a lock that holds for that transaction, so that two
processes apply it once and a pooler that shares sessions serves. What was applied may not change or vanish. A file
merged late, whose name is older than the newest applied one's, is applied with a notice.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
from psycopg.pq import TransactionStatus

from mesh_descriptors.errors import Place
from mesh_runtime.database.migration_files import Migration, MigrationError, Source
from mesh_runtime.database.migration_state import pending
from mesh_runtime.database.queries import queries
from mesh_runtime.database.requirements import check_requirements
from mesh_runtime.database.statements import Statement, split_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Connection = psycopg.Connection[Any]

_REMEDIES = {
    "55P04": "A new enum value cannot be used in the transaction that adds it: add it in a migration file of its own.",
    "25001": "Let the file begin with a line `-- mesh: no-transaction`.",
    "42501": "The user of DATABASE_URL lacks rights; let DATABASE_DIRECT_URL name one that may change the schema.",
}
_LOCK_PAUSE = 0.2
_TRANSACTION_WORDS = {"BEGIN", "COMMIT", "ROLLBACK", "ABORT", "END", "START"}


@dataclass(frozen=True, slots=True)
class Applied:
    """A migration that was applied now.

    Attributes:
        migration: the file.
        seconds: how long it took.
        late: whether newer files of its source had been applied before it.
    """

    migration: Migration
    seconds: float
    late: bool


def migrate(
    connection: Connection, sources: Sequence[Source], *, report: Callable[[Applied], None] = lambda _applied: None
) -> list[Applied]:
    """Apply what is pending; what was applied before an error stays applied.

    Args:
        connection: outside of a transaction.
        sources: in the order in which they are applied.
        report: called after each migration.

    Raises:
        MigrationError: an applied migration has changed or is missing, or one fails; the message has file and line.
        RequirementError: the server is too old or lacks an extension.
    """
    if connection.info.transaction_status != TransactionStatus.IDLE:
        raise ValueError("migrate needs a connection outside of a transaction: each migration has one of its own")
    check_requirements(connection)
    with _locked(connection):
        connection.execute(_sql("create_ledger"))
    done: list[Applied] = []
    for migration in pending(connection, sources):
        applied = _apply(connection, migration)
        if applied:
            report(applied)
            done.append(applied)
    return done


def _apply(connection: Connection, migration: Migration) -> Applied | None:
    """Apply one migration; None when another process did so meanwhile."""
    statements = list(split_statements(migration.sql))
    run = _run_in_transaction if migration.in_transaction else _run_alone
    return run(connection, migration, statements)


def _run_in_transaction(connection: Connection, migration: Migration, statements: list[Statement]) -> Applied | None:
    for statement in statements:
        if statement.words[:1] and statement.words[0] in _TRANSACTION_WORDS:
            raise MigrationError(
                f"{statement.words[0]} in a migration, which runs in a transaction of its own",
                place=_place(migration, statement.offset),
                remedy="Remove the statement, or let the file begin with a line `-- mesh: no-transaction`.",
            )
    with _locked(connection):
        late = _late(connection, migration)
        if late is None:
            return None
        seconds = _execute(connection, migration, statements)
        _forget_session(connection)
        _record(connection, migration, seconds)
    return Applied(migration, seconds, late)


def _run_alone(connection: Connection, migration: Migration, statements: list[Statement]) -> Applied | None:
    """Run statements that no transaction may hold; the lock is held by a second connection meanwhile."""
    info = connection.info
    with psycopg.connect(info.dsn, password=info.password, prepare_threshold=None) as guard, _locked(guard):
        late = _late(guard, migration)
        if late is None:
            return None
        # Lifted already; but a query with parameters keeps its snapshot until the next query in the transaction, and
        # building an index concurrently waits for snapshots.
        guard.execute(_sql("unlimited_time"))
        with _autocommit(connection):
            seconds = _execute(connection, migration, statements)
            _forget_session(connection)
        _record(guard, migration, seconds)
    return Applied(migration, seconds, late)


def _execute(connection: Connection, migration: Migration, statements: Sequence[Statement]) -> float:
    started = time.monotonic()
    for statement in statements:
        try:
            # The text is a migration's: SQL that the project's own people wrote, without parameters.
            connection.execute(statement.sql)
        except psycopg.Error as error:
            raise _failed(migration, statement, error) from error
    return time.monotonic() - started


def _failed(migration: Migration, statement: Statement, error: psycopg.Error) -> MigrationError:
    position = error.diag.statement_position
    offset = statement.offset + (int(position) - 1 if position else 0)
    said = error.diag.message_primary or str(error)
    context = (error.diag.context or "").partition("\n")[0]
    hints = (
        error.diag.message_detail,
        error.diag.message_hint,
        context and f"({context})",
        _REMEDIES.get(error.sqlstate or ""),
    )
    kept = "Nothing of the file was kept." if migration.in_transaction else "Statements before this one were kept."
    remedy = "\n  ".join([*(hint for hint in hints if hint), kept])
    return MigrationError(f"the migration failed: {said}", place=_place(migration, offset), remedy=remedy)


def _place(migration: Migration, offset: int) -> Place:
    return Place(str(migration.path), migration.sql.count("\n", 0, offset) + 1)


@contextmanager
def _locked(connection: Connection) -> Iterator[None]:
    """A transaction that begins when no other process migrates this database, and keeps others waiting."""
    while True:
        with connection.transaction():
            connection.execute(_sql("unlimited_time"))
            if connection.execute(_sql("lock_migrations")).fetchone() == (True,):
                yield
                return
        time.sleep(_LOCK_PAUSE)  # outside of the transaction, so that nothing waits for this one


def _forget_session(connection: Connection) -> None:
    """What a file sets (a search path, a role) must not reach the next one, or a pooler's next user."""
    connection.execute("RESET SESSION AUTHORIZATION")
    connection.execute("RESET ALL")


def _late(connection: Connection, migration: Migration) -> bool | None:
    """Whether newer files of its source are applied; None when the migration itself is."""
    found = connection.execute(_sql("look_up"), {"source": migration.source, "name": migration.name}).fetchone()
    assert found is not None, "a query of aggregates returns a row"
    return None if found[0] else bool(found[1])


def _record(connection: Connection, migration: Migration, seconds: float) -> None:
    connection.execute(
        _sql("record"),
        {
            "source": migration.source,
            "name": migration.name,
            "checksum": migration.checksum,
            "milliseconds": round(seconds * 1000),
        },
    )


@contextmanager
def _autocommit(connection: Connection) -> Iterator[None]:
    before = connection.autocommit
    connection.autocommit = True
    try:
        yield
    finally:
        connection.autocommit = before


def _sql(name: str) -> LiteralString:
    return queries("migrations")[name].sql
