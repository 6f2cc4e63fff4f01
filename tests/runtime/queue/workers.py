"""Workers in a thread of the test."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from mesh_runtime.queue import Timing, Worker, by_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_runtime.queue import Handler
    from mesh_runtime.settings import Settings

QUICK = Timing(renew=0.2, lease=2.0, poll=0.1, grace=5)


@contextmanager
def working(settings: Settings, *handlers: Handler, timing: Timing = QUICK, **options: Any) -> Iterator[Worker]:
    """A worker that runs while the body does, and is interrupted at its end."""
    worker = Worker(settings, by_type(handlers), timing=timing, **options)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        for _ in range(2):
            with suppress(RuntimeError):  # it has ended by itself
                worker.stop()
        thread.join()
