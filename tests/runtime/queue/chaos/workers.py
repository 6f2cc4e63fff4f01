"""Worker processes that are replaced as soon as they are gone."""

from __future__ import annotations

import multiprocessing
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.runtime.queue.chaos.handlers import run_worker

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

_LEAVE_SECONDS = 30


class Workers:
    """So many worker processes, on one database."""

    def __init__(self, project: str, url: str, *, number: int, lease: float, concurrency: int) -> None:
        self._arguments = (project, url, lease, concurrency)
        # Forked from a process that has imported everything and does nothing else: a killed worker is back in a moment.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([run_worker.__module__])
        self._processes: list[BaseProcess] = [self._started() for _ in range(number)]
        self.started = number

    @property
    def pids(self) -> list[int]:
        """The processes that live."""
        return [process.pid for process in self._processes if process.is_alive() and process.pid is not None]

    def replace(self) -> list[int]:
        """Start a new process for each that is gone; the exit codes of those."""
        gone = [process for process in self._processes if not process.is_alive()]
        for process in gone:
            self._processes[self._processes.index(process)] = self._started()
            self.started += 1
        return [process.exitcode or 0 for process in gone]

    def send(self, pid: int, number: signal.Signals) -> None:
        """Signal one of them."""
        with suppress(ProcessLookupError):
            os.kill(pid, number)

    def stop(self) -> list[int | None]:
        """End them softly; their exit codes."""
        for pid in self.pids:
            self.send(pid, signal.SIGCONT)
            self.send(pid, signal.SIGTERM)
        for process in self._processes:
            process.join(_LEAVE_SECONDS)
        return [process.exitcode for process in self._processes]

    def kill(self) -> None:
        """End whatever is left."""
        for process in self._processes:
            if process.is_alive():
                process.kill()
            process.join()

    def _started(self) -> BaseProcess:
        process = self._context.Process(target=run_worker, args=self._arguments, daemon=True)
        process.start()
        return process
