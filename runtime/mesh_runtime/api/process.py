"""Runs waiting jobs inside a request, for hosts that have no long-running processes but call a URL every minute."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from mesh_runtime.api.health import queue_connection
from mesh_runtime.handlers import HandlerSource, all_handlers
from mesh_runtime.queue import Timing, Worker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_runtime.queue import Handler
    from mesh_runtime.settings import Settings

DEFAULT_BUDGET, MOST_BUDGET = 8.0, 300.0
"""Seconds. Hosts that stop a request at 10 seconds leave two for what began last."""
_GRACE = 1.0


class Processor:
    """Drains the queue within a time budget. Plug-ins are loaded by the first request that needs them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._source: HandlerSource | None = None

    def run(self, budget: float) -> dict[str, Any]:
        """Run jobs until none may run or `budget` seconds have passed; what was not started goes back.

        Jobs that fail are counted, and the others go on. Blocks, and must not be called in an event loop.
        """
        began = time.monotonic()
        worker = Worker(
            self._settings,
            self._handlers(),
            budget=budget,
            timing=Timing(grace=_GRACE),
            name=f"{socket.gethostname()}:{os.getpid()} http",
            load=all_handlers,
        )
        counts = worker.run_until_empty()
        done = {name: getattr(counts, name) for name in ("completed", "failed", "released", "cancelled", "refused")}
        return done | {"seconds": round(time.monotonic() - began, 3), "budget": budget}

    def _handlers(self) -> Mapping[str, Handler]:
        with self._lock:
            if self._source is None:
                self._source = HandlerSource(self._settings)
                self._declare(self._source)
            elif self._source.refresh() is not None:
                self._declare(self._source)
            return self._source.current()

    def _declare(self, source: HandlerSource) -> None:
        """Where no worker runs, nobody else tells the database of the schedules."""
        with queue_connection(self._settings) as connection:
            source.declare_schedules(connection)
