"""Waking a sleeping worker when a job arrives; polling is the net under it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mesh_runtime.queue.link import PASSING, Link

if TYPE_CHECKING:
    import asyncio

_LOG = logging.getLogger("mesh.queue")


_CONTROL = "mesh_control"


async def listen(url: str, wake: asyncio.Event, control: asyncio.Event) -> None:
    """Set the events when they are notified, and both after each reconnection, until cancelled.

    Args:
        url: of the server itself: a pooler in transaction mode passes no notifications on.
        wake: there are jobs.
        control: somebody has cancelled a job.
    """
    link = Link(url, "listen")
    try:
        while True:
            try:
                connection = await link.connected()
                await connection.execute("LISTEN mesh_jobs")
                await connection.execute("LISTEN mesh_control")
                link.answered()
                wake.set()
                control.set()
                async for notified in connection.notifies():
                    (control if notified.channel == _CONTROL else wake).set()
            except PASSING as error:
                _LOG.debug("listen: %s", error)
                await link.lost(error)
                await link.pause()
    finally:
        await link.close()
