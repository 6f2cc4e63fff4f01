"""The worker: claims batches of jobs, runs them, and tells the database how they ended."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from mesh_runtime.database import (
    DatabaseUnreachableError,
    connect,
    database_url,
    direct_url,
    migration_state,
    runtime_source,
)
from mesh_runtime.queue.connections import Connections
from mesh_runtime.queue.errors import NoQueueError
from mesh_runtime.queue.shift import Shift
from mesh_runtime.queue.values import Counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mesh_runtime.queue.handlers import Handler
    from mesh_runtime.queue.isolated import HandlerLoader
    from mesh_runtime.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """A worker's intervals, in seconds.

    Attributes:
        renew: between two heartbeats.
        lease: how long the worker counts as alive after a heartbeat.
        poll: between two looks at the queue when nothing wakes the worker; also between two ticks.
        flush: the longest that the end of a job waits to be told.
        grace: how long a soft shutdown lets running jobs finish.
        strays: between two looks for claims whose answer never came.
    """

    renew: float = 3.0
    lease: float = 15.0
    poll: float = 1.0
    flush: float = 0.05
    grace: float = 25.0
    strays: float = 10.0


class Worker:
    """Runs the jobs that it has handlers for, `concurrency` at a time.

    Async handlers run in the worker's event loop, the others in threads or processes. A worker is run once.

    Attributes:
        counts: what has been done so far.
        worn_out: it stopped because too many threads were over their time; start another, in a new process.
    """

    def __init__(
        self,
        settings: Settings,
        handlers: Mapping[str, Handler],
        *,
        concurrency: int = 10,
        prefetch: int = 500,
        timing: Timing | None = None,
        name: str | None = None,
        refresh: Callable[[], Mapping[str, Handler] | None] | None = None,
        load: HandlerLoader | None = None,
        budget: float | None = None,
        most_leaked: int = 10,
    ) -> None:
        """Make a worker; nothing happens before it is run.

        Args:
            settings: of the project.
            handlers: by job type; jobs of other types are left to other workers.
            concurrency: how many jobs run at a time.
            prefetch: the most jobs in one claim.
            timing: intervals; the defaults are those that the documentation promises.
            name: how the worker is shown; default host and process id.
            refresh: asked every second, in a thread, for new handlers; None leaves them as they are.
            load: how the process of an isolated handler finds it, called there by its own name; None imports the module
                of the handler's function.
            budget: seconds after which the worker stops as SIGTERM would stop it: it claims nothing more, gives back
                what it has not started, and lets what runs finish for `timing.grace`.
            most_leaked: with so many threads in handlers that are over their time, the worker stops.
        """
        self.settings = settings
        self.handlers = dict(handlers)
        self.concurrency = concurrency
        self.prefetch = prefetch
        self.timing = timing or Timing()
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"
        self.refresh = refresh
        self.load = load
        self.budget = budget
        self.most_leaked = most_leaked
        self.worn_out = False
        self.counts = Counts()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._shift: Shift | None = None
        self._stop_early = False

    def run(self) -> Counts:
        """Run until SIGTERM or SIGINT, or until `stop` is called."""
        return asyncio.run(self.serve())

    def run_until_empty(self) -> Counts:
        """Run until no job of these types may run now; jobs that are scheduled for later stay."""
        return asyncio.run(self.serve(drain=True))

    def stop(self) -> None:
        """Ask the worker to finish what runs and return; from any thread. Asked again, it interrupts what runs."""
        self._stop_early = True
        if self._loop is not None and self._shift is not None:
            self._loop.call_soon_threadsafe(self._shift.stop)

    async def serve(self, *, drain: bool = False) -> Counts:
        """What `run` and `run_until_empty` run, for a program that has an event loop already."""
        self._loop = asyncio.get_running_loop()
        url = await asyncio.to_thread(database_url, self.settings)
        listen_url = await asyncio.to_thread(direct_url, self.settings)
        await asyncio.to_thread(check_queue, url)
        connections = Connections(url)
        try:
            self._shift = Shift(self, url=url, listen_url=listen_url, connect=connections.lend, drain=drain)
            if self._stop_early:
                self._shift.stop()
            with self._signals(self._shift.stop):
                await self._shift.work()
        finally:
            connections.close()
        return self.counts

    @contextmanager
    def _signals(self, stop: Callable[[], None]) -> Iterator[None]:
        """SIGTERM and SIGINT stop the worker; only the main thread may say so."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        assert self._loop is not None
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, stop)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                self._loop.remove_signal_handler(number)


def check_queue(url: str) -> None:
    """Say at once what keeps workers from running, rather than after many tries.

    Raises:
        DatabaseUnreachableError: the database does not answer.
        NoQueueError: it has no queue, or that of an older mesh.
    """
    try:
        with connect(url, application_name="mesh worker: check") as connection:
            state = migration_state(connection, (runtime_source(),))
    except psycopg.OperationalError as error:
        raise DatabaseUnreachableError("the connection to the database broke while the worker started") from error
    if state.pending:
        raise NoQueueError(lacking=len(state.pending) if state.applied else None)
