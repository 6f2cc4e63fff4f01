from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mesh_runtime.cli.drain import Drain
from mesh_runtime.queue import Handler, JobContext, enqueue, job

if TYPE_CHECKING:
    import psycopg

    from mesh_runtime.settings import Settings


@job("never")
def never(_payload: dict[str, object], _context: JobContext) -> None: ...


class Slow(Mapping[str, Handler]):
    """Handlers that are asked for while another thread stops the drain."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def __getitem__(self, name: str) -> Handler:
        return {"never": never}[name]

    def __iter__(self) -> Iterator[str]:
        self.asked.set()
        time.sleep(0.3)
        return iter(["never"])

    def __len__(self) -> int:
        return 1


def test_a_drain_that_is_stopped_while_its_worker_is_made_runs_nothing(
    settings: Settings, connection: psycopg.Connection[Any]
) -> None:
    enqueue(connection, never, {})
    connection.commit()
    handlers = Slow()
    drain = Drain(settings, handlers)
    drain.start()
    assert handlers.asked.wait(5)
    drain.stop()
    assert drain.error is None
    assert connection.execute("SELECT status FROM background_jobs").fetchall() == [("pending",)]
    connection.rollback()
