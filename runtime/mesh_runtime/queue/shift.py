"""One run of a worker: its loops for claiming, telling, ticking and listening, from the first claim to the last."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

import psycopg

from mesh_runtime.database import queries
from mesh_runtime.queue.crew import Crew
from mesh_runtime.queue.link import Link, LinkLostError
from mesh_runtime.queue.membership import Membership
from mesh_runtime.queue.outcomes import Outbox, Outcome, Released
from mesh_runtime.queue.values import Job
from mesh_runtime.queue.wakeup import listen

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from mesh_runtime.queue.worker import Worker

_LOG = logging.getLogger("mesh.queue")
_SQL = queries("queue")
_STALE = "PT409"
_CLAIM_SECONDS, _TELL_SECONDS, _LEAVE_SECONDS = 2.0, 10.0, 3.0
"""How long the end of a worker waits for a database that does not answer."""


class Shift:
    """What a worker does between its start and its end; made inside the event loop."""

    def __init__(
        self,
        worker: Worker,
        *,
        url: str,
        listen_url: str,
        connect: Callable[[], AbstractContextManager[psycopg.Connection[Any]]],
        drain: bool,
    ) -> None:
        self._worker = worker
        self._timing = worker.timing
        self._listen_url = listen_url
        self._drain = drain
        self._claims, self._endings, self._ticks = (Link(url, purpose) for purpose in ("claims", "endings", "tick"))
        self._closing = False
        self._outbox = Outbox(worker.counts)
        self._wake, self._changed, self._ended, self._urgent, self._stopping, self._hurry = (
            asyncio.Event() for _ in range(6)
        )
        self._crew = Crew(
            worker.settings,
            connect,
            handlers=worker.handlers,
            concurrency=worker.concurrency,
            prefetch=worker.prefetch,
            may_start=self._may_start,
            on_end=self._on_end,
        )
        self._member = Membership(
            self._claims, name=worker.name, renew=self._timing.renew, lease=self._timing.lease, on_lost=self._on_lost
        )

    def stop(self) -> None:
        """Claim nothing more and finish what runs; asked again, interrupt it."""
        if self._stopping.is_set():
            self._hurry.set()
        self._wind_up()

    def _wind_up(self) -> None:
        self._stopping.set()
        self._changed.set()
        self._wake.set()

    async def work(self) -> None:
        """Work until stopped, or until the queue is empty when draining."""
        claiming, telling, ticking, listening, stopped = (
            asyncio.create_task(coroutine)
            for coroutine in (
                self._claim(),
                self._tell(),
                self._tick(),
                listen(self._listen_url, self._wake),
                self._stopping.wait(),
            )
        )
        loops = (claiming, telling, ticking, listening)
        try:
            # A loop that fails is a defect: it ends the worker rather than leaving it half alive.
            await asyncio.wait([*loops, stopped, *self._crew.tasks], return_when=asyncio.FIRST_COMPLETED)
            self._wind_up()
            await asyncio.wait([claiming], timeout=_CLAIM_SECONDS)
            failed = [task for task in (*loops, *self._crew.tasks) if task.done()]
            await self._finish()
            self._closing = True
            self._ended.set()
            await asyncio.wait([telling], timeout=_TELL_SECONDS)
            for task in failed:
                task.result()
        finally:
            for task in (*loops, stopped):
                task.cancel()
            await asyncio.gather(*loops, stopped, return_exceptions=True)
            await self._close()

    # -- claiming

    async def _claim(self) -> None:
        armed = False
        while not self._stopping.is_set():
            room = self._crew.room() if self._outbox.untold < 2 * self._worker.prefetch else 0
            if not room:
                await self._change()
                continue
            self._wake.clear()
            jobs = await self._lease(room)
            if jobs:
                armed = False
                await self._hand_over(jobs)
            elif self._drain:
                if await self._drained():
                    return
            elif not armed:
                armed = True  # the worker says idle by now; what was enqueued before that is found by one more claim
            else:
                armed = False
                await self._sleep(self._wake)

    async def _lease(self, most: int) -> list[Job]:
        """Up to `most` jobs under a new lease."""
        types = list(self._crew.handlers)
        worker = await self._member.worker_id(types)
        parameters = {"worker": worker, "types": types, "most": most, "sleepy": not self._drain}
        try:
            rows = await self._claims.fetch_once(_SQL["claim_jobs"].sql, parameters)
        except LinkLostError:
            await self._claims.pause()
            known = {"worker": worker, "known": self._outbox.tokens}
            await self._claims.fetch(_SQL["release_strays"].sql, known)
            return []
        except psycopg.Error as error:
            if error.sqlstate != _STALE:
                raise
            self._member.lost(worker)
            return []
        jobs = [Job(*row) for row in rows] if self._member.is_still(worker) else []
        if jobs:
            self._outbox.opened(jobs[0].token, len(jobs))
        return jobs

    async def _hand_over(self, jobs: list[Job]) -> None:
        if not jobs[0].rescues:
            self._crew.take(jobs)
            return
        # It may be what killed a worker: it runs alone, with nothing untold, so that it takes no other job along.
        await self._quiet()
        self._crew.take(jobs)
        await self._quiet()

    async def _quiet(self) -> None:
        while (self._crew.busy or self._outbox.untold) and not self._stopping.is_set():
            await self._change()

    async def _drained(self) -> bool:
        """Whether nothing is left; jobs that became due meanwhile are."""
        if self._crew.busy or self._outbox.untold:
            await self._change()
            return False
        await self._ticks.fetch(_SQL["tick"].sql, {})
        jobs = await self._lease(self._crew.room())
        await self._hand_over(jobs) if jobs else None
        return not jobs

    async def _change(self) -> None:
        """Wait until a job has ended or been told, or somebody wants the worker to stop."""
        await self._changed.wait()
        self._changed.clear()

    async def _sleep(self, event: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), self._timing.poll)

    async def _may_start(self, job: Job) -> bool:
        """Whether the job is still this worker's: after the process was frozen, only the database knows."""
        await self._member.fresh()
        return self._outbox.holds(job.token)

    # -- telling

    def _on_end(self, job: Job, outcome: Outcome) -> None:
        if self._outbox.add(job, outcome):
            self._urgent.set()
        self._ended.set()
        self._changed.set()

    async def _tell(self) -> None:
        while not self._closing or self._outbox.untold:
            await self._ended.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), self._timing.flush)
            self._ended.clear()
            self._urgent.clear()
            await self._outbox.flush(self._endings)
            self._changed.set()

    # -- time

    async def _tick(self) -> None:
        while True:
            await self._renew_handlers()
            (due,) = (await self._ticks.fetch(_SQL["tick"].sql, {}))[0]
            poll = self._timing.poll
            await asyncio.sleep(poll if due is None else min(poll, max(due, 0.01)))

    async def _renew_handlers(self) -> None:
        if self._worker.refresh is None:
            return
        handlers = await asyncio.to_thread(self._worker.refresh)
        if handlers is not None:
            self._crew.handlers = dict(handlers)
            await self._member.announce(list(handlers))
            _LOG.info("handlers: %s", ", ".join(sorted(handlers)))

    def _on_lost(self) -> None:
        self._outbox.forget()
        self._crew.lose()
        self._changed.set()
        self._wake.set()

    # -- the end

    async def _finish(self) -> None:
        """Give back what was not started, let the rest end, and tell the database."""
        for job in self._crew.drop_waiting():
            self._on_end(job, Released())
        self._changed.clear()
        deadline = asyncio.get_running_loop().time() + self._timing.grace
        hurry = asyncio.create_task(self._hurry.wait())
        while self._crew.running and not hurry.done() and (left := deadline - asyncio.get_running_loop().time()) > 0:
            change = asyncio.create_task(self._change())
            await asyncio.wait([hurry, change], timeout=left, return_when=asyncio.FIRST_COMPLETED)
            change.cancel()
        hurry.cancel()
        if self._crew.running:
            _LOG.warning("%d jobs are still running: interrupted", self._crew.running)
            self._crew.interrupt()
            await asyncio.sleep(0.1)

    async def _close(self) -> None:
        await self._crew.dismiss()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self._member.leave()
        for link in (self._claims, self._endings, self._ticks):
            await link.close()
