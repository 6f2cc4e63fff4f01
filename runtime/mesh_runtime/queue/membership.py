"""A worker's row in `mesh.workers`: made, kept alive, made again when the worker was declared dead, and removed."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg

from mesh_runtime.database import queries
from mesh_runtime.queue import clock
from mesh_runtime.queue.enqueue import SQL
from mesh_runtime.queue.errors import NoQueueError
from mesh_runtime.queue.heartbeat import Heartbeat
from mesh_runtime.queue.identifiers import uuid7
from mesh_runtime.queue.job_rows import registration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from mesh_runtime.queue.handlers import Handler
    from mesh_runtime.queue.link import Link

_LOG = logging.getLogger("mesh.queue")
_SQL = queries("queue")


class Membership:
    """The worker's id for as long as it is alive in the database's eyes."""

    def __init__(self, link: Link, *, name: str, renew: float, lease: float, on_lost: Callable[[], None]) -> None:
        self._link = link
        self._name = name
        self._renew = renew
        self._lease = timedelta(seconds=lease)
        self._on_lost = on_lost
        self._id: UUID | None = None
        self._loop = asyncio.get_running_loop()
        self._heartbeat = self._started()

    async def worker_id(self, handlers: Mapping[str, Handler]) -> UUID:
        """The id; registers the worker, and its handlers' types, first when it has none."""
        if self._id is None:
            # A new id each time: if the answer is lost, the row without a heartbeat expires by itself.
            worker = uuid7()
            asked = clock.seconds()
            types = list(handlers)
            parameters = {"worker": worker, "name": self._name, "types": types, "lease": self._lease}
            try:
                await self._link.fetch(SQL["register_job_types"].sql, registration(handlers.values()))
            except (psycopg.errors.UndefinedFunction, psycopg.errors.InvalidSchemaName) as error:
                raise NoQueueError from error
            await self._link.fetch(_SQL["register_worker"].sql, parameters)
            self._id = worker
            self._heartbeat.renew_for(worker, types, asked=asked)
        return self._id

    @property
    def current(self) -> UUID | None:
        """The id, unless the worker has none now."""
        return self._id

    def is_still(self, worker: UUID) -> bool:
        """Whether the worker has not been declared dead, as far as is known."""
        return self._id == worker

    @property
    def fresh(self) -> bool:
        """Whether nobody else can have the worker's jobs: a heartbeat says so, or the worker knows that it has none."""
        return self._id is None or self._heartbeat.fresh

    async def become_fresh(self) -> None:
        """Wait for that."""
        while not self.fresh:
            await asyncio.sleep(0.02)

    async def announce(self, handlers: Mapping[str, Handler]) -> None:
        """The worker has other handlers from now on."""
        if self._id is not None:
            await self._link.fetch(SQL["register_job_types"].sql, registration(handlers.values()))
            self._heartbeat.renew_for(self._id, list(handlers), asked=0.0)

    def lost(self, worker: UUID) -> None:
        """The database says that this worker is dead; nothing happens when that is known already."""
        if worker == self._id:
            _LOG.warning("worker %s was declared dead: its jobs go to others, and it begins anew", worker)
            self._id = None
            # The former thread may wait for an answer that never comes.
            self._heartbeat.end()
            self._heartbeat = self._started()
            self._on_lost()

    async def leave(self) -> None:
        """Remove the row; what the worker still holds is rescued."""
        await asyncio.to_thread(self._heartbeat.stop)
        if self._id is not None:
            await self._link.fetch(_SQL["unregister_worker"].sql, {"worker": self._id})

    def _started(self) -> Heartbeat:
        link, on_lost = self._link, self._lost_in_thread
        heartbeat = Heartbeat(link.url, every=self._renew, lease=self._lease, on_lost=on_lost, waited=link.waited)
        heartbeat.start()
        return heartbeat

    def _lost_in_thread(self, worker: UUID) -> None:
        self._loop.call_soon_threadsafe(self.lost, worker)
