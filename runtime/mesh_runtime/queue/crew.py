"""The tasks of a worker that run its jobs, `concurrency` at a time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_runtime.queue.context import JobContext
from mesh_runtime.queue.outcomes import Outcome, Released
from mesh_runtime.queue.pace import Pace
from mesh_runtime.queue.run_job import run_job
from mesh_runtime.queue.threads import HandlerThreads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    import psycopg

    from mesh_runtime.queue.handlers import Handler
    from mesh_runtime.queue.values import Job
    from mesh_runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class _Run:
    context: JobContext
    handler: Handler | None


class Crew:
    """Runs jobs from a line of waiting ones; `may_start` is asked before each, `on_end` is told how it ended."""

    def __init__(
        self,
        settings: Settings,
        connect: Callable[[], AbstractContextManager[psycopg.Connection[Any]]],
        *,
        handlers: Mapping[str, Handler],
        concurrency: int,
        prefetch: int,
        may_start: Callable[[Job], Awaitable[bool]],
        on_end: Callable[[Job, Outcome], None],
    ) -> None:
        self.handlers = dict(handlers)
        self._settings = settings
        self._connect = connect
        self._may_start = may_start
        self._on_end = on_end
        self._pace = Pace(concurrency, prefetch)
        self._line: asyncio.Queue[Job] = asyncio.Queue()
        self._running: dict[asyncio.Task[None], _Run] = {}
        self._starting = 0
        self._threads = HandlerThreads(concurrency, "mesh-job")
        self.tasks = [asyncio.create_task(self._work()) for _ in range(concurrency)]

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits to be run."""
        return bool(self.running) or not self._line.empty()

    @property
    def running(self) -> int:
        """How many jobs run, or are asked about before they do."""
        return len(self._running) + self._starting

    def room(self) -> int:
        """How many more jobs to claim now."""
        return self._pace.room(self.running, self._line.qsize())

    def take(self, jobs: Sequence[Job]) -> None:
        """Run these jobs, after those that wait already."""
        for job in jobs:
            self._line.put_nowait(job)

    def drop_waiting(self) -> list[Job]:
        """Take back the jobs that have not been started."""
        dropped = []
        while not self._line.empty():
            dropped.append(self._line.get_nowait())
        return dropped

    def lose(self) -> None:
        """The leases are gone: stop async handlers, and let the others know."""
        self.drop_waiting()
        self._interrupt(lost=True)

    def interrupt(self) -> None:
        """Stop async handlers now; a thread cannot be stopped, and ends with the process."""
        self._interrupt(lost=False)

    async def dismiss(self) -> None:
        """End the tasks; jobs that still run in threads are abandoned."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self._threads.close()

    def _interrupt(self, *, lost: bool) -> None:
        for task, run in list(self._running.items()):
            run.context.lost = run.context.lost or lost
            if run.handler is not None and run.handler.is_async:
                run.context.interrupted = True
                task.cancel()

    async def _work(self) -> None:
        while True:
            job = await self._line.get()
            self._starting += 1
            try:
                may_start = await self._may_start(job)
            finally:
                self._starting -= 1
            if not may_start:
                continue
            started = time.perf_counter()
            outcome = await self._run(job)
            self._pace.ended(time.perf_counter() - started)
            self._on_end(job, outcome)

    async def _run(self, job: Job) -> Outcome:
        task = asyncio.current_task()
        assert task is not None
        run = _Run(JobContext(job, self._settings, self._connect), self.handlers.get(job.job_type))
        self._running[task] = run
        try:
            return await run_job(job, run.handler, run.context, self._threads)
        except asyncio.CancelledError:
            if not run.context.interrupted:
                raise
            task.uncancel()
            return Released()
        finally:
            del self._running[task]
