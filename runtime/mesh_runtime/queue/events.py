"""What the loops of a worker tell each other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Events:
    """The events of one run of a worker.

    Attributes:
        wake: there may be new jobs.
        lanes: two at most of those that notifications have named since the last claim.
        control: somebody may have cancelled a job.
        changed: a job has ended or was told, or the worker is to stop: whoever waits for room looks again.
        ended: there is something to tell.
        urgent: nothing is gained by waiting before it is told.
        stopping: nothing more is claimed.
        hurry: what still runs is interrupted.
    """

    wake: asyncio.Event = field(default_factory=asyncio.Event)
    lanes: set[str] = field(default_factory=set)
    control: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    urgent: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """Claim nothing more, and let everybody who waits know."""
        self.stopping.set()
        self.changed.set()
        self.wake.set()

    def woken(self, lane: str) -> None:
        """There may be new jobs; a notification has named their lane, or none by an empty name."""
        if len(self.lanes) < 2:  # where two are named, all are looked at
            self.lanes.add(lane)
        self.wake.set()

    async def change(self) -> None:
        """Wait until something has changed since the last time."""
        await self.changed.wait()
        self.changed.clear()
