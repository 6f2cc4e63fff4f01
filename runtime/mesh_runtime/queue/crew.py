"""The tasks of a worker that run its jobs, `concurrency` at a time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_runtime.queue.context import JobContext, Stop
from mesh_runtime.queue.outcomes import Cancelled, Outcome, Released
from mesh_runtime.queue.pace import Pace
from mesh_runtime.queue.run_job import Runners, run_job, stopped
from mesh_runtime.queue.threads import HandlerThreads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from uuid import UUID

    import psycopg

    from mesh_runtime.queue.handlers import Handler
    from mesh_runtime.queue.isolated import HandlerProcesses
    from mesh_runtime.queue.values import Job
    from mesh_runtime.settings import Settings


@dataclass(slots=True)
class _Run:
    context: JobContext
    handler: Handler | None
    interrupted: bool = False

    @property
    def can_be_ended(self) -> bool:
        """Whether more can be done than to let the handler know."""
        return self.handler is not None and (self.handler.is_async or self.handler.isolation == "process")


_WOKEN_AT_ONCE = 8
"""Waking all of a thousand tasks for a handful of jobs takes longer than the jobs."""


class Crew:
    """Runs jobs from a line of waiting ones.

    `on_end` is told how each ended, and says whether the event loop's other tasks should have a turn.
    `ready` says of a job whether it may start at once. If not, `may_start` waits until that is known.
    """

    def __init__(
        self,
        settings: Settings,
        connect: Callable[[], AbstractContextManager[psycopg.Connection[Any]]],
        *,
        handlers: Mapping[str, Handler],
        processes: HandlerProcesses,
        concurrency: int,
        prefetch: int,
        ready: Callable[[Job], bool],
        may_start: Callable[[Job], Awaitable[bool]],
        on_end: Callable[[Job, Outcome], bool],
    ) -> None:
        self.handlers = dict(handlers)
        self._settings = settings
        self._connect = connect
        self._ready = ready
        self._may_start = may_start
        self._on_end = on_end
        self._pace = Pace(concurrency, prefetch)
        self._line: deque[Job] = deque()
        self._resting: list[asyncio.Future[None]] = []
        self._waking = 0
        self._running: dict[asyncio.Task[None], _Run] = {}
        self._starting = 0
        self._retired = False
        self._dismissed = False
        self._runners = Runners(HandlerThreads(concurrency, "mesh-job"), processes)
        self.tasks = [asyncio.create_task(self._work()) for _ in range(concurrency)]

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits to be run."""
        return bool(self.running or self._line)

    @property
    def running(self) -> int:
        """How many jobs run, or are asked about before they do."""
        return len(self._running) + self._starting

    @property
    def leaked(self) -> int:
        """How many threads run handlers that are over their time."""
        return self._runners.threads.leaked

    def renew(self, handlers: Mapping[str, Handler]) -> None:
        """Run jobs with these handlers from now on."""
        self.handlers = dict(handlers)
        self._runners.processes.renew()

    def room(self) -> int:
        """How many more jobs to claim now."""
        return self._pace.room(self.running, len(self._line))

    def take(self, jobs: Sequence[Job]) -> None:
        """Run these jobs, after those that wait already; or give them back, after `retire`."""
        self._line.extend(jobs)
        self._wake()
        if self._retired:
            self.retire()

    def retire(self) -> None:
        """Start no more jobs: those that wait go back."""
        self._retired = True
        for job in self.drop_waiting():
            self._on_end(job, Released())

    def drop_waiting(self) -> list[Job]:
        """Take back the jobs that have not been started."""
        dropped = list(self._line)
        self._line.clear()
        return dropped

    def lose(self) -> None:
        """The leases are gone: stop the handlers."""
        self.drop_waiting()
        self._stop(Stop.LOST, list(self._running.items()))

    def interrupt(self) -> None:
        """Stop the handlers now; a thread cannot be stopped, and ends with the process."""
        self._stop(Stop.SHUTDOWN, list(self._running.items()))

    def cancel(self, jobs: Collection[UUID]) -> None:
        """Somebody wants these jobs to end, whichever of them are here."""
        for job in self.drop_waiting():
            if job.id in jobs:
                self._on_end(job, Cancelled())
            else:
                self._line.append(job)
        runs = [(task, run) for task, run in self._running.items() if run.context.job.id in jobs]
        self._stop(Stop.CANCELLED, [(task, run) for task, run in runs if run.context.stop is None])

    async def dismiss(self) -> None:
        """End the tasks; jobs that still run in threads are abandoned, and processes killed."""
        self._dismissed = True
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self._runners.threads.close()
        self._runners.processes.close()

    def _stop(self, why: Stop, runs: Sequence[tuple[asyncio.Task[None], _Run]]) -> None:
        for task, run in runs:
            run.context.stop = why
            if run.can_be_ended:
                run.interrupted = True
                task.cancel()

    async def _work(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        while not self._dismissed:
            if not self._line:
                await self._rest()
                continue
            job = self._line.popleft()
            self._wake()
            if not self._ready(job) and not await self._asked(job):
                continue
            started = time.perf_counter()
            outcome = await self._run(job, task)
            self._pace.ended(time.perf_counter() - started)
            if self._on_end(job, outcome):
                await asyncio.sleep(0)

    def _wake(self) -> None:
        """Wake a few tasks, and each of them a few more: one may be done with all jobs before others have woken."""
        while self._resting and self._waking < min(len(self._line), _WOKEN_AT_ONCE):
            resting = self._resting.pop()
            if not resting.done():
                resting.set_result(None)
                self._waking += 1

    async def _rest(self) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._resting.append(woken)
        try:
            await woken
        finally:
            if not woken.cancelled():
                self._waking -= 1

    async def _asked(self, job: Job) -> bool:
        self._starting += 1
        try:
            return await self._may_start(job)
        finally:
            self._starting -= 1

    async def _run(self, job: Job, task: asyncio.Task[None]) -> Outcome:
        run = _Run(JobContext(job, self._settings, self._connect), self.handlers.get(job.job_type))
        self._running[task] = run
        try:
            return await run_job(job, run.handler, run.context, self._runners)
        except asyncio.CancelledError:
            if not run.interrupted:
                raise
            return stopped(run.context)
        finally:
            del self._running[task]
            while run.interrupted and task.uncancel():
                pass  # it may have been told twice
