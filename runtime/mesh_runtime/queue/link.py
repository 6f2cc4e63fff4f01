"""A worker's connection that comes back after the database went away."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from mesh_runtime.database import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOG = logging.getLogger("mesh.queue")
_LONGEST_WAIT = 5.0


class LinkLostError(Exception):
    """The connection broke: whether the statement was committed is not known."""


class Link:
    """One connection in autocommit, opened when it is needed and again when it was lost."""

    def __init__(self, url: str, purpose: str) -> None:
        self.url = url
        self.purpose = purpose
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._failures = 0
        self._lock = asyncio.Lock()

    async def fetch_once(self, sql: LiteralString, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The statement's rows.

        Raises:
            LinkLostError: the connection broke, or the statement failed for a reason that passes.
        """
        try:
            async with self._lock:
                connection = await self.connected()
                cursor = await connection.execute(sql, parameters, binary=True)
                rows = await cursor.fetchall() if cursor.description else []
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            await self.lost(error)
            raise LinkLostError from error
        self._failures = 0
        return rows

    async def fetch(self, sql: LiteralString, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a statement that may be repeated: it is, until the database answers."""
        while True:
            try:
                return await self.fetch_once(sql, parameters)
            except LinkLostError:
                await self.pause()

    async def connected(self) -> psycopg.AsyncConnection[Any]:
        """The connection, opened if there is none."""
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self.url, autocommit=True, prepare_threshold=None, application_name=f"mesh worker: {self.purpose}"
            )
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
        if self._failures in (1, 10, 100):
            _LOG.warning("%s: no answer from the database: %s", self.purpose, redacted(str(error).strip(), self.url))
        await self.close()
