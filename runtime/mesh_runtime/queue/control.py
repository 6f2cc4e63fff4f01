"""Cancellations of jobs that run: somebody asks for them in the database, and the worker that runs the job ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import psycopg

from mesh_runtime.database import queries

if TYPE_CHECKING:
    from mesh_runtime.queue.crew import Crew
    from mesh_runtime.queue.events import Events
    from mesh_runtime.queue.link import Link

_LOG = logging.getLogger("mesh.queue")
_SQL = queries("queue_worker")


async def watch_cancellations(link: Link, crew: Crew, events: Events, *, every: float) -> None:
    """End the crew's jobs that were cancelled: at once when that is notified, else within `every` seconds."""
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(every):
                await events.control.wait()
        events.control.clear()
        if not crew.busy:
            continue
        try:
            rows = await link.fetch(_SQL["cancellations"].sql, {})
        except psycopg.Error as error:
            _LOG.error("cancellations: %s", error)  # a worker that cannot ask for them still runs jobs
        else:
            if rows:
                crew.cancel({row[0] for row in rows})
