"""Runs waiting jobs in this process, for a command that would otherwise wait for a worker that nobody started."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mesh_runtime.queue import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mesh_runtime.queue import Handler
    from mesh_runtime.settings import Settings

_PAUSE = 0.2


class Drain:
    """A worker in a thread that starts over whenever it has run out of jobs.

    Attributes:
        error: what ended it before it was told to stop.
    """

    def __init__(self, settings: Settings, handlers: Mapping[str, Handler]) -> None:
        self.error: BaseException | None = None
        self._settings, self._handlers = settings, handlers
        self._stopped = threading.Event()
        self._worker: Worker | None = None
        self._thread = threading.Thread(target=self._run, name="mesh-drain")

    def start(self) -> None:
        """Begin to run jobs."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the job that runs, and return when that is done."""
        self._stopped.set()
        if self._worker is not None:
            with suppress(RuntimeError):  # it has just run out of jobs, and its event loop is closed
                self._worker.stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                self._worker = Worker(self._settings, self._handlers, concurrency=2)
                if self._stopped.is_set():
                    return  # stop() may have looked before there was this worker to be told
                self._worker.run_until_empty()
                self._stopped.wait(_PAUSE)
        except BaseException as error:  # noqa: BLE001  handed to the thread that waits, which raises it
            self.error = error


@contextmanager
def drained(settings: Settings, handlers: Mapping[str, Handler]) -> Iterator[Drain]:
    """Run the jobs of these handlers while the body runs."""
    drain = Drain(settings, handlers)
    drain.start()
    try:
        yield drain
    finally:
        drain.stop()
