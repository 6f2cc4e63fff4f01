"""The thread that keeps a worker alive in the database's eyes, whatever its handlers do."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import psycopg

from mesh_runtime.database import DatabaseUnreachableError, connect, queries
from mesh_runtime.queue import clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from uuid import UUID

_LOG = logging.getLogger("mesh.queue")


class Heartbeat(threading.Thread):
    """Renews the worker's row on a connection of its own; says so when the worker was declared dead."""

    def __init__(
        self,
        url: str,
        *,
        every: float,
        lease: timedelta,
        on_lost: Callable[[UUID], None],
        waited: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Nothing is renewed before `renew_for`.

        Args:
            url: of the database.
            every: seconds between two heartbeats.
            lease: how long the worker counts as alive after a heartbeat.
            on_lost: called in this thread when the worker was declared dead.
            waited: how long the worker has been waiting for an answer to a claim: longer than a lease, and its jobs are
                for others.
        """
        super().__init__(name="mesh-heartbeat", daemon=True)
        self._url = url
        self._every = every
        self._lease = lease
        self._on_lost = on_lost
        self._waited = waited
        self._stopping = threading.Event()
        self._connection: psycopg.Connection[Any] | None = None
        self._worker: tuple[UUID, list[str]] | None = None
        self._good_until = 0.0

    @property
    def fresh(self) -> bool:
        """Whether nobody can have declared the worker dead yet; False after the process was frozen or cut off."""
        return clock.seconds() < self._good_until

    def renew_for(self, worker: UUID, types: list[str], *, asked: float) -> None:
        """Which row to renew from now on, and the types to show in it; its lease began after the moment `asked`."""
        self._good_until = max(self._good_until, asked + self._lease.total_seconds())
        self._worker = (worker, types)

    def stop(self) -> None:
        """End the thread, and wait for it."""
        self.end()
        self.join(timeout=1)

    def end(self) -> None:
        """Let the thread end when it can."""
        self._stopping.set()

    def run(self) -> None:
        """Renew until stopped; after an error, again soon."""
        wait = self._every
        while not self._stopping.wait(wait):
            try:
                self._renew()
                wait = self._every
            except (psycopg.Error, DatabaseUnreachableError) as error:
                _LOG.debug("heartbeat: %s", error)
                self._close()
                wait = min(self._every, 0.5)
        self._close()

    def _renew(self) -> None:
        if self._worker is None or self._waited() > self._lease.total_seconds():
            return
        if self._connection is None:
            self._connection = connect(self._url, autocommit=True, application_name="mesh worker: heartbeat")
        worker, types = self._worker
        parameters = {"worker": worker, "types": types, "lease": self._lease}
        asked = clock.seconds()
        if self._connection.execute(queries("queue")["renew_worker"].sql, parameters).fetchone() is None:
            # Said again at each beat until another row is to be renewed; that may have happened this very moment.
            self._on_lost(worker)
        else:
            self._good_until = asked + self._lease.total_seconds()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
