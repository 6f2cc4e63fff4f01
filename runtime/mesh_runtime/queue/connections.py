"""The database connections that a worker lends to its handlers."""

from __future__ import annotations

import contextlib
import select
import threading
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import tuple_row

from mesh_runtime.database import DatabaseUnreachableError, connect
from mesh_runtime.queue.errors import DatabaseAwayError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Connections:
    """Keeps connections between jobs, and lends none that the server has closed meanwhile.

    psycopg's own pool hands out dead connections after a restart, or, told to check them, waits longer and longer
    between two checks: 30 seconds for a handful. Here, no more are open than handlers hold at a time.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[psycopg.Connection[Any]] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextlib.contextmanager
    def lend(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection; its transaction commits as the block ends, or rolls back on an error.

        Raises:
            DatabaseAwayError: the database does not answer, or the connection broke inside the block.
        """
        connection = self._taken()
        try:
            yield connection
            connection.commit()
        except psycopg.Error as error:
            if connection.broken:  # whether it was committed is not known: the lease decides
                raise DatabaseAwayError("the connection broke while the job used it") from error
            raise
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close what is idle now, and the rest when it is given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _taken(self) -> psycopg.Connection[Any]:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._opened()
            if not _has_input(connection):
                return connection
            connection.close()

    def _opened(self) -> psycopg.Connection[Any]:
        try:
            return connect(self._url, application_name="mesh worker: job")
        except DatabaseUnreachableError as error:
            raise DatabaseAwayError(problems=error.problems) from error

    def _give_back(self, connection: psycopg.Connection[Any]) -> None:
        try:
            _reset(connection)
        except psycopg.Error:
            connection.close()
        with self._lock:
            if not connection.closed and not self._closed:
                self._idle.append(connection)
                return
        connection.close()


def _reset(connection: psycopg.Connection[Any]) -> None:
    """What one job set for its session must not reach the next one."""
    connection.rollback()
    connection.isolation_level = connection.read_only = connection.deferrable = None
    connection.row_factory = tuple_row
    connection.autocommit = True
    connection.execute("RESET SESSION AUTHORIZATION; RESET ALL; SELECT pg_advisory_unlock_all()")
    connection.autocommit = False


def _has_input(connection: psycopg.Connection[Any]) -> bool:
    """Whether the server sent something unasked: nearly always that it closes the connection."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
