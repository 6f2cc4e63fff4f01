"""Waking a sleeping worker when a job arrives; polling is the net under it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mesh_runtime.queue.link import PASSING, Link

if TYPE_CHECKING:
    import asyncio

_LOG = logging.getLogger("mesh.queue")


async def listen(url: str, wake: asyncio.Event) -> None:
    """Set `wake` at every notification, and once after each reconnection, until cancelled.

    Args:
        url: of the server itself: a pooler in transaction mode passes no notifications on.
        wake: what a sleeping worker waits for.
    """
    link = Link(url, "listen")
    try:
        while True:
            try:
                connection = await link.connected()
                await connection.execute("LISTEN mesh_jobs")
                link.answered()
                wake.set()
                async for _ in connection.notifies():
                    wake.set()
            except PASSING as error:
                _LOG.debug("listen: %s", error)
                await link.lost(error)
                await link.pause()
    finally:
        await link.close()
