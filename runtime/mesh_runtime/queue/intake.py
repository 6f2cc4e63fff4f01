"""How a worker gets its jobs: it claims when there is room, and sleeps when there is nothing."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg

from mesh_runtime.database import queries
from mesh_runtime.queue import clock
from mesh_runtime.queue.floors import Floors, named_lane
from mesh_runtime.queue.link import Link, LinkLostError
from mesh_runtime.queue.outcomes import Released
from mesh_runtime.queue.values import Job

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from mesh_runtime.queue.crew import Crew
    from mesh_runtime.queue.events import Events
    from mesh_runtime.queue.membership import Membership
    from mesh_runtime.queue.outbox import Outbox

_SQL = queries("queue")
_STALE = "PT409"
_TURN_SECONDS, _TURN_WAIT = 60.0, 5.0
"""How often a worker that is never idle takes a rescued job nevertheless, and how long it waits to be alone with it."""


@dataclass(slots=True, kw_only=True)
class Intake:
    """Claims jobs for the crew.

    Attributes:
        poll: seconds between two looks when nothing wakes the worker.
        most_untold: above so many outcomes that the database has not been told, nothing is claimed.
        drain: end when the queue is empty instead of sleeping.
        keep_days: for how long history is kept.
        look_for_strays: seconds between two looks for claims whose answer never came.
        floors: where claims begin; what lies below is found by sweeps.
    """

    link: Link
    member: Membership
    crew: Crew
    outbox: Outbox
    events: Events
    poll: float
    most_untold: int
    drain: bool
    look_for_strays: float
    keep_days: int
    floors: Floors = field(default_factory=Floors)
    _last_strays: float = field(default_factory=clock.seconds, init=False)
    _last_turn: float = field(default_factory=clock.seconds, init=False)

    async def run(self) -> None:
        """Claim until stopped, or until nothing is left when draining."""
        armed = slept = False
        while not self.events.stopping.is_set():
            room = self.crew.room() if self.outbox.untold < self.most_untold else 0
            if clock.seconds() - self._last_strays >= self.look_for_strays:
                await self._release_strays()
            elif not room:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.look_for_strays):
                        await self.events.change()
            elif await self._claim(room, sweep=armed and self.floors.affordable(), slept=slept):
                armed = slept = False
            elif self.drain:
                if await self._drained():
                    return
            elif not armed:
                # The worker counts as idle by now; what came just before is found by one more claim, which begins at
                # the heads of the lanes, for who enqueued first may have committed last.
                armed, slept = True, False
            else:
                armed, slept = False, True
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.poll):
                        await self.events.wake.wait()

    async def _claim(self, most: int, *, sweep: bool = False, slept: bool = False) -> bool:
        """Hand a batch to the crew; whether there was one.

        Who has `slept` because all lanes were empty looks first at the one that it was woken for.
        """
        self.events.wake.clear()
        names = frozenset(self.events.lanes) if slept else frozenset[str]()
        self.events.lanes.clear()
        jobs = await self._lease(most, sweep=sweep, names=names)
        if not jobs:
            return False
        self.outbox.opened(jobs[0].token, len(jobs))
        if not jobs[0].rescues:
            self.crew.take(jobs)
            if len(jobs) < most:
                await asyncio.sleep(0)  # they start before the next claim, which finds the lane empty, is sent
            return True
        # It may be what killed a worker: it runs alone, with nothing untold, so that it takes no other job along.
        try:
            async with asyncio.timeout(_TURN_WAIT):
                await self._quiet()
        except TimeoutError:
            for job in jobs:
                self.outbox.add(job, Released())
            self.events.ended.set()
        else:
            self.crew.take(jobs)
            await self._quiet()
        return True

    async def _lease(self, most: int, *, sweep: bool, names: Collection[str]) -> list[Job]:
        """Up to `most` jobs under a new lease; asked again until the database has given a clear answer."""
        while not self.events.stopping.is_set():
            types = list(self.crew.handlers)
            worker = await self.member.worker_id(self.crew.handlers)
            try:
                jobs = await self._leased(worker, types, most, sweep=sweep, names=names)
            except LinkLostError:
                await self.link.pause()
                await self._release_strays()
                continue
            except psycopg.Error as error:
                if error.sqlstate != _STALE:
                    raise
                self.member.lost(worker)
                continue
            if self.member.is_still(worker):
                return jobs
        return []

    async def _leased(
        self, worker: UUID, types: list[str], most: int, *, sweep: bool, names: Collection[str]
    ) -> list[Job]:
        alone, turn = self._alone()
        if sweep or turn or self.floors.due(types, alone=alone):
            await self._sweep(types)
        parameters = {
            "worker": worker,
            "types": _array(types),
            "most": most,
            "sleepy": not self.drain,
            "alone": alone,
            "floors": self.floors.below(types),
            "named": named_lane(types, names),
        }
        rows = await self.link.fetch_once(_SQL["claim_batch"].sql, parameters)
        jobs = [Job(*(*row[:-1], tuple(row[-1]))) for row in rows]
        if jobs:
            self.floors.claimed(jobs, alone=alone)
        return jobs

    async def _sweep(self, types: list[str]) -> None:
        """Let the next claim begin at the heads of the lanes, wherever they are now.

        Below rescued jobs too, even if these may not be claimed now: or a worker that has become idle would have to
        sweep again when it is woken, before it claims.
        """
        asked = clock.seconds()
        rows = await self.link.fetch_once(_SQL["lane_floors"].sql, {"types": types, "alone": True})
        self.floors.swept(types, rows[0][0] or [], alone=True, asked=asked)

    def _alone(self) -> tuple[bool, bool]:
        """Whether rescued jobs may be claimed, and whether that is because they have waited for too long."""
        now = clock.seconds()
        busy = bool(self.crew.busy or self.outbox.untold)
        if busy and now - self._last_turn < _TURN_SECONDS:
            return False, False
        self._last_turn = now
        return True, busy

    async def _release_strays(self) -> None:
        """Give back what was claimed by statements whose answer never came, however late they were carried out."""
        self._last_strays = clock.seconds()
        if (worker := self.member.current) is not None:
            known = {"worker": worker, "known": self.outbox.tokens}
            await self.link.fetch(_SQL["release_strays"].sql, known)

    async def _quiet(self) -> None:
        while (self.crew.busy or self.outbox.untold) and not self.events.stopping.is_set():
            await self.events.change()

    async def _drained(self) -> bool:
        """Whether nothing is left; jobs that became due meanwhile are."""
        if self.crew.busy or self.outbox.untold:
            await self.events.change()
            return False
        await self.link.fetch(_SQL["tick"].sql, {"keep_days": self.keep_days})
        return not await self._claim(self.crew.room(), sweep=True)


def _array(types: Sequence[str]) -> str:
    """Names, which have no special characters, in the text that PostgreSQL reads: quicker than an adapted list."""
    return '{"' + '","'.join(types) + '"}'
