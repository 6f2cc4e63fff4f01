"""Whether the queue is well, for whoever asks: also for those who ask without a pause."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from mesh_descriptors.errors import MeshError
from mesh_runtime.database import connect, redacted
from mesh_runtime.queue.figures import Health, queue_health

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_runtime.settings import Settings

_FRESH_SECONDS = 1.0


@contextmanager
def queue_connection(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A connection in autocommit to the project's database."""
    with connect(settings, autocommit=True, application_name="mesh http: queue") as connection:
        yield connection


class Pulse:
    """Asks the database at most once a second, however many ask: this endpoint is open to everybody."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._felt: tuple[float, Health] | None = None

    def felt(self) -> Health:
        """Whether the queue is well, or was within the last second. One that cannot be asked is not well."""
        with self._lock:
            if self._felt is None or time.monotonic() - self._felt[0] > _FRESH_SECONDS:
                found = self._ask()
                self._felt = time.monotonic(), found
            return self._felt[1]

    def _ask(self) -> Health:
        try:
            with queue_connection(self._settings) as connection:
                return queue_health(connection)
        except (MeshError, psycopg.Error) as error:
            return Health(healthy=False, reasons=[{"reason": "database", "detail": redacted(str(error).strip())}])
