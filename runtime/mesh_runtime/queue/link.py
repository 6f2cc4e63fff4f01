"""A worker's connection that comes back after the database went away."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from mesh_runtime.database import connection_options, redacted
from mesh_runtime.queue import clock

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOG = logging.getLogger("mesh.queue")
_LONGEST_WAIT = 5.0
_SILENCE = 30.0
PASSING = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.InvalidSqlStatementName,
    psycopg.errors.DuplicatePreparedStatement,
    TimeoutError,
)
"""Errors after which another connection may serve; a server that is being replaced takes no writes for a while."""


class LinkLostError(Exception):
    """The connection broke: whether the statement was committed is not known."""


class Link:
    """One connection in autocommit, opened when it is needed and again when it was lost."""

    def __init__(self, url: str, purpose: str, *, silence: float = _SILENCE) -> None:
        """Nothing is opened yet.

        Args:
            url: of the database.
            purpose: what the connection is for, as the database shows it.
            silence: seconds without an answer after which the connection counts as lost.
        """
        self.url = url
        self.purpose = purpose
        self._silence = silence
        self._waiting_since: float | None = None
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._failures = 0
        self._lock = asyncio.Lock()

    async def fetch_once(self, sql: LiteralString, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The statement's rows.

        Raises:
            LinkLostError: the connection broke, or the statement failed for a reason that passes.
        """
        async with self._lock:
            if self._waiting_since is None:
                self._waiting_since = clock.seconds()
            try:
                async with asyncio.timeout(self._silence):
                    connection = await self.connected()
                    cursor = await connection.execute(sql, parameters, binary=True)
                    rows = await cursor.fetchall() if cursor.description else []
            except PASSING as error:
                await self.lost(error)
                raise LinkLostError from error
            except psycopg.Error:
                self.answered()
                raise
            self.answered()
            return rows

    async def fetch(self, sql: LiteralString, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a statement that may be repeated: it is, until the database answers."""
        while True:
            try:
                return await self.fetch_once(sql, parameters)
            except LinkLostError:
                await self.pause()

    def answered(self) -> None:
        """The database has answered."""
        if self._failures:
            _LOG.info("%s: the database answers again", self.purpose)
        self._failures = 0
        self._waiting_since = None

    def waited(self) -> float:
        """For how many seconds an answer has been waited for, over all tries."""
        since = self._waiting_since
        return 0.0 if since is None else clock.seconds() - since

    async def connected(self) -> psycopg.AsyncConnection[Any]:
        """The connection, opened if there is none."""
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self.url, autocommit=True, **connection_options(self.url, f"mesh worker: {self.purpose}")
            )
            if await _is_one_session(self._connection):
                self._connection.prepare_threshold = 0
        return self._connection

    async def pause(self) -> None:
        """Wait before the next try: longer each time, and not all workers at once."""
        await asyncio.sleep(random.uniform(0.5, 1) * min(_LONGEST_WAIT, 0.1 * 2 ** min(self._failures, 10)))  # noqa: S311  no secret

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def lost(self, error: Exception) -> None:
        """The connection broke: close it, and say so now and then."""
        self._failures += 1
        if self._failures in (1, 10) or self._failures % 100 == 0:
            said = redacted(" ".join(str(error).split()), self.url) or "it is silent"
            _LOG.warning("%s: no answer from the database: %s", self.purpose, said)
        await self.close()


async def _is_one_session(connection: psycopg.AsyncConnection[Any]) -> bool:
    """Whether statements may be prepared, which saves the server a quarter of its work for a claim.

    A pooler gives each client a process id of its own making, for it cannot pass the server's on; through one, the next
    transaction may meet a session that knows nothing of the statement.
    """
    row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
    return row == (connection.info.backend_pid,)
