"""One run of a worker: its loops for claiming, telling, ticking and listening, from the first claim to the last."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

import psycopg

from mesh_runtime.database import queries
from mesh_runtime.queue.control import watch_cancellations
from mesh_runtime.queue.crew import Crew
from mesh_runtime.queue.events import Events
from mesh_runtime.queue.intake import Intake
from mesh_runtime.queue.isolated import HandlerProcesses
from mesh_runtime.queue.link import Link
from mesh_runtime.queue.membership import Membership
from mesh_runtime.queue.outbox import Outbox
from mesh_runtime.queue.outcomes import Failed
from mesh_runtime.queue.wakeup import listen

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from mesh_runtime.queue.outcomes import Outcome
    from mesh_runtime.queue.values import Job
    from mesh_runtime.queue.worker import Worker

_LOG = logging.getLogger("mesh.queue")
_SQL = queries("queue")
_CLAIM_SECONDS, _TELL_SECONDS, _LEAVE_SECONDS = 2.0, 10.0, 3.0
"""How long the end of a worker waits for a database that does not answer."""
_UNTOLD = 1000
"""So many jobs may have ended without being told, however small the batches are: quick ones are told together."""


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
        self._claims, self._endings, self._ticks = (Link(url, purpose) for purpose in ("claims", "endings", "tick"))
        self._closing = False
        self._events = Events()
        self._outbox = Outbox(worker.counts)
        self._crew = Crew(
            worker.settings,
            connect,
            handlers=worker.handlers,
            processes=HandlerProcesses(worker.settings, url, worker.load),
            concurrency=worker.concurrency,
            prefetch=worker.prefetch,
            ready=self._ready,
            may_start=self._may_start,
            on_end=self._on_end,
        )
        self._member = Membership(
            self._claims, name=worker.name, renew=self._timing.renew, lease=self._timing.lease, on_lost=self._on_lost
        )
        self._intake = Intake(
            link=self._claims,
            member=self._member,
            crew=self._crew,
            outbox=self._outbox,
            events=self._events,
            poll=self._timing.poll,
            most_untold=max(2 * worker.prefetch, _UNTOLD),
            drain=drain,
            look_for_strays=self._timing.strays,
            keep_days=worker.settings.keep_history_days,
        )

    def stop(self) -> None:
        """Claim nothing more and finish what runs; asked again, interrupt it."""
        if self._events.stopping.is_set():
            self._events.hurry.set()
        self._retire()

    def _retire(self) -> None:
        """Claim and start nothing more."""
        self._events.stop()
        self._crew.retire()

    async def work(self) -> None:
        """Work until stopped, or until the queue is empty when draining."""
        claiming, telling = asyncio.create_task(self._intake.run()), asyncio.create_task(self._tell())
        ticking = asyncio.create_task(self._tick())
        listening = asyncio.create_task(listen(self._listen_url, self._events))
        watching = asyncio.create_task(
            watch_cancellations(self._ticks, self._crew, self._events, every=self._timing.renew)
        )
        if (budget := self._worker.budget) is not None:
            asyncio.get_running_loop().call_later(budget, self._retire)
        stopped = asyncio.create_task(self._events.stopping.wait())
        loops: tuple[asyncio.Task[None], ...] = (claiming, telling, ticking, listening, watching)
        try:
            # A loop that fails is a defect: it ends the worker rather than leaving it half alive.
            await asyncio.wait([*loops, stopped, *self._crew.tasks], return_when=asyncio.FIRST_COMPLETED)
            self._retire()
            await asyncio.wait([claiming], timeout=_CLAIM_SECONDS)
            ended = [task for task in (*loops, *self._crew.tasks) if task.done()]
            await self._finish()
            self._closing = True
            self._events.ended.set()
            await asyncio.wait([telling], timeout=_TELL_SECONDS)
            for task in ended:
                task.result()
        finally:
            stopped.cancel()
            for task in loops:
                task.cancel()
            await asyncio.gather(*loops, stopped, return_exceptions=True)
            await self._close()

    def _ready(self, job: Job) -> bool:
        """Whether the job is this worker's beyond doubt."""
        return self._member.fresh and self._outbox.holds(job.token)

    async def _may_start(self, job: Job) -> bool:
        """Whether the job is still this worker's: after the process was frozen, only the database knows."""
        await self._member.become_fresh()
        held = self._outbox.holds(job.token)
        if not held:
            self._events.changed.set()  # there is room for another
        return held

    def _on_end(self, job: Job, outcome: Outcome) -> bool:
        """Keep how a job ended, to be told; whether it was the last of its lease, which is told at once."""
        last = self._outbox.add(job, outcome)
        if last:
            self._events.urgent.set()
        if isinstance(outcome, Failed) and self._crew.leaked >= self._worker.most_leaked:
            self._wear_out()
        self._events.ended.set()
        self._events.changed.set()
        return last

    def _wear_out(self) -> None:
        if not self._worker.worn_out:
            _LOG.error("%d threads run handlers that are over their time: the worker ends", self._crew.leaked)
            self._worker.worn_out = True
            self._retire()

    def _on_lost(self) -> None:
        self._outbox.forget()
        self._crew.lose()
        self._events.changed.set()
        self._events.wake.set()

    async def _tell(self) -> None:
        """Tell the database in batches how jobs ended: at once when a lease is done, else after a moment."""
        while not self._closing or self._outbox.untold:
            await self._events.ended.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timing.flush):
                    await self._events.urgent.wait()
            self._events.ended.clear()
            self._events.urgent.clear()
            await self._outbox.flush(self._endings)
            self._events.changed.set()

    async def _tick(self) -> None:
        while True:
            await self._renew_handlers()
            poll, due = self._timing.poll, await self._ticked()
            await asyncio.sleep(poll if due is None else min(poll, max(due, 0.01)))

    async def _ticked(self) -> float | None:
        try:
            rows = await self._ticks.fetch(_SQL["tick"].sql, {"keep_days": self._worker.settings.keep_history_days})
        except psycopg.Error as error:
            # A row that cannot be promoted or rescued would end every worker, one after the other.
            _LOG.error("tick: %s", error)
            return None
        due: float | None = rows[0][0]
        return due

    async def _renew_handlers(self) -> None:
        if self._worker.refresh is None:
            return
        handlers = await asyncio.to_thread(self._worker.refresh)
        if handlers is not None:
            self._crew.renew(handlers)
            await self._member.announce(handlers)
            _LOG.info("handlers: %s", ", ".join(sorted(handlers)))

    async def _finish(self) -> None:
        """Let what runs end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timing.grace):
                await self._ended_or_hurried()
        if self._crew.running:
            _LOG.warning("%d jobs are still running: interrupted", self._crew.running)
            self._crew.interrupt()
            await asyncio.sleep(0.1)

    async def _ended_or_hurried(self) -> None:
        hurry = asyncio.create_task(self._events.hurry.wait())
        try:
            while self._crew.running and not hurry.done():
                change = asyncio.create_task(self._events.change())
                await asyncio.wait([hurry, change], return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
        finally:
            hurry.cancel()

    async def _close(self) -> None:
        await self._crew.dismiss()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self._member.leave()
        for link in (self._claims, self._endings, self._ticks):
            await link.close()
