"""The cache: answers that can be computed again. A key holds the versions of all that its answer came from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from mesh_runtime.database import queries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    import psycopg


@dataclass(frozen=True, slots=True)
class CacheKey:
    """What an answer depends on; an answer to anything else has another key.

    Attributes:
        question: what was asked, as `candidates`.
        viewer: the user who asked.
        model: the id of the embedding model.
        vector_version: the version of the viewer's vector; it changes with the vector, in one transaction.
        filters: whatever else narrows the answer.
    """

    question: str
    viewer: str
    model: int
    vector_version: int
    filters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The key as a store sees it, of bounded length."""
        filters = json.dumps(self.filters, sort_keys=True, default=str).encode()
        digest = hashlib.blake2b(filters, digest_size=8).hexdigest()
        return f"{self.question}/{self.viewer}/{self.model}/{self.vector_version}/{digest}"


class Cache(Protocol):
    """A store of answers. Losing one costs time only; `tests/runtime/test_cache.py` says what each store must do."""

    def get(self, key: CacheKey) -> bytes | None:
        """The answer, unless there is none or its time is over."""

    def put(self, key: CacheKey, value: bytes, lifetime: timedelta) -> None:
        """Keep an answer, in place of an earlier one."""

    def invalidate(self, viewer: str) -> None:
        """Forget every answer to that viewer."""

    def purge(self) -> None:
        """Give back the room of answers whose time is over."""


class PostgresCache:
    """Answers in the UNLOGGED table `mesh.cache`, within the caller's transaction."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._queries = queries("cache")

    def get(self, key: CacheKey) -> bytes | None:
        """The answer, unless there is none or its time is over."""
        row = self._connection.execute(self._queries["get"].sql, {"key": key.text}).fetchone()
        return bytes(row[0]) if row else None

    def put(self, key: CacheKey, value: bytes, lifetime: timedelta) -> None:
        """Keep an answer, in place of an earlier one."""
        values = {"key": key.text, "viewer": key.viewer, "value": value, "lifetime": lifetime}
        self._connection.execute(self._queries["put"].sql, values)

    def invalidate(self, viewer: str) -> None:
        """Forget every answer to that viewer."""
        self._connection.execute(self._queries["invalidate"].sql, {"viewer": viewer})

    def purge(self) -> None:
        """Give back the room of answers whose time is over."""
        self._connection.execute(self._queries["purge"].sql)
