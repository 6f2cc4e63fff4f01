"""A statement that runs beside the test, so that two sessions meet."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.runtime.queue.conftest import POOLED_VARIABLE, eventually

from mesh_runtime.database import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg
    from tests.runtime.queue.conftest import Rows


class Session:
    """A session of its own, whose calls run in its own thread."""

    def __init__(self, connection: psycopg.Connection[Any], rows: Rows, threads: ThreadPoolExecutor) -> None:
        self.connection = connection
        self._rows = rows
        self._threads = threads

    def start(self, call: Callable[..., Any], *arguments: object, **keywords: object) -> Future[Any]:
        """Call it, and don't wait for what it returns."""
        return self._threads.submit(call, *arguments, **keywords)

    def run(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement and wait for its rows."""
        cursor = self.connection.execute(sql.encode(), parameters)
        return cursor.fetchall() if cursor.description else []

    def until_it_waits(self, running: Future[Any]) -> None:
        """Return once the session waits for a lock."""
        pid = self.connection.info.backend_pid
        pooled = POOLED_VARIABLE in os.environ  # which backend serves the session is not known then
        waiting = "SELECT pid FROM pg_stat_activity WHERE (pid = %s OR %s) AND wait_event_type = 'Lock'"
        eventually(lambda: running.done() or self._rows(waiting, pid, pooled))
        assert not running.done(), running.result()


@contextmanager
def session(database_url: str, rows: Rows, *, autocommit: bool = False) -> Iterator[Session]:
    """A second session; its transaction, if one is open, is rolled back as the block ends."""
    with ThreadPoolExecutor(1) as threads, connect(database_url, autocommit=autocommit) as connection:
        try:
            yield Session(connection, rows, threads)
        finally:
            connection.cancel_safe()  # what still waits, after a test that failed
            connection.rollback()
