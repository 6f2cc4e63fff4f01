"""Waking a sleeping worker when a job arrives; polling is the net under it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mesh_runtime.queue.link import PASSING, Link

if TYPE_CHECKING:
    from mesh_runtime.queue.events import Events

_LOG = logging.getLogger("mesh.queue")


_CONTROL = "mesh_control"


async def listen(url: str, events: Events) -> None:
    """Set `wake` and `control` when they are notified, and both after each reconnection, until cancelled.

    Args:
        url: of the server itself: a pooler in transaction mode passes no notifications on.
        events: of the worker.
    """
    link = Link(url, "listen")
    try:
        while True:
            try:
                connection = await link.connected()
                await connection.execute("LISTEN mesh_jobs")
                await connection.execute("LISTEN mesh_control")
                link.answered()
                events.wake.set()
                events.control.set()
                async for notified in connection.notifies():
                    if notified.channel == _CONTROL:
                        events.control.set()
                    else:
                        events.woken(notified.payload)
            except PASSING as error:
                _LOG.debug("listen: %s", error)
                await link.lost(error)
                await link.pause()
    finally:
        await link.close()
