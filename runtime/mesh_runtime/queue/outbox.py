"""How jobs ended, kept until they are told to the database in batches."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.types.json import Jsonb

from mesh_runtime.database import queries
from mesh_runtime.queue.outcomes import Cancelled, Completed, EndedItself, Failed, Outcome, Released, storable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from uuid import UUID

    from mesh_runtime.queue.link import Link
    from mesh_runtime.queue.values import Counts, Job

_LOG = logging.getLogger("mesh.queue")
_SQL = {**queries("queue"), **queries("queue_worker")}
_Kind = TypeVar("_Kind", Completed, Failed, Released, Cancelled)


@dataclass(slots=True)
class Outbox:
    """Outcomes by lease, and how many jobs of each lease are still to end."""

    counts: Counts
    _ended: dict[int, list[tuple[Job, Outcome]]] = field(default_factory=dict, init=False)
    _telling: dict[int, list[tuple[Job, Outcome]]] = field(default_factory=dict, init=False)
    _open: dict[int, int] = field(default_factory=dict, init=False)

    @property
    def untold(self) -> int:
        """How many outcomes the database has not been told."""
        return sum(len(ended) for by_lease in (self._ended, self._telling) for ended in by_lease.values())

    def opened(self, token: int, jobs: int) -> None:
        """A lease was claimed."""
        self._open[token] = jobs

    def add(self, job: Job, outcome: Outcome) -> bool:
        """A job has ended; whether it was the last of its lease, so that nothing is gained by waiting."""
        if job.token not in self._open:
            self.counts.refused += 1  # the lease was lost while the job ran
            return False
        self._ended.setdefault(job.token, []).append((job, outcome))
        self._open[job.token] -= 1
        return not self._open[job.token]

    def forget(self) -> None:
        """Every lease was lost: there is nothing to tell."""
        self._ended.clear()
        self._telling.clear()
        self._open.clear()

    def holds(self, token: int) -> bool:
        """Whether the lease is open, as far as is known."""
        return token in self._open

    @property
    def tokens(self) -> list[int]:
        """The leases whose jobs have not all been told."""
        return list(self._open)

    async def flush(self, link: Link) -> None:
        """Tell everything; what the database refuses was taken away or has ended before."""
        self._telling, self._ended = self._ended, {}
        await self._tell_whole(link)
        for token in sorted(self._telling):
            await self._tell(link, token, self._telling.get(token, []))  # it may have been forgotten meanwhile
            self._told(token)

    def _told(self, token: int) -> None:
        self._telling.pop(token, None)
        if not self._open.get(token) and token not in self._ended:
            self._open.pop(token, None)

    async def _tell_whole(self, link: Link) -> None:
        """Tell the leases whose jobs have all completed, in one statement; what it leaves is told lease by lease."""
        whole = [
            token
            for token, ended in self._telling.items()
            if not self._open.get(token) and all(isinstance(outcome, Completed) for _, outcome in ended)
        ]
        if len(whole) < 2:
            return
        done = [pair for token in sorted(whole) for pair in self._telling[token]]
        try:
            rows = await link.fetch(_SQL["complete_leases"].sql, _completion(done))
        except psycopg.Error:
            return  # one of them is refused for what it is
        for token, accepted in rows:
            self._count(token, "completed", accepted, len(self._telling.get(token, ())))
            self._told(token)

    async def _tell(self, link: Link, token: int, ended: list[tuple[Job, Outcome]]) -> None:
        done = [(job, outcome) for job, outcome in ended if isinstance(outcome, Completed)]
        await self._send(token, "completed", done, partial(_complete, link, token), link)
        gone = [(job, outcome) for job, outcome in ended if isinstance(outcome, Cancelled)]
        await self._send(token, "cancelled", gone, partial(_cancel, link, token), link)
        broken = [(job, outcome) for job, outcome in ended if isinstance(outcome, Failed)]
        broken += await self._unfinished(
            link, token, [job for job, outcome in ended if isinstance(outcome, EndedItself)]
        )
        await self._send(token, "failed", broken, partial(_fail, link, token), link)
        released = [(job, outcome) for job, outcome in ended if isinstance(outcome, Released)]
        for delay in {outcome.delay for _, outcome in released}:
            alike = [(job, outcome) for job, outcome in released if outcome.delay == delay]
            await self._send(token, "released", alike, partial(_release, link, token), link)

    async def _send(
        self,
        token: int,
        what: str,
        ended: Sequence[tuple[Job, _Kind]],
        tell: Callable[[Sequence[tuple[Job, _Kind]]], Awaitable[int]],
        link: Link,
    ) -> None:
        """Tell outcomes of one kind; one that the database refuses for what it is must not hold back the others."""
        if not ended:
            return
        try:
            accepted = await tell(ended)
        except psycopg.Error as error:
            if len(ended) > 1:
                for pair in ended:
                    await self._send(token, what, [pair], tell, link)
            else:
                await self._bury(link, token, ended[0][0], error)
        else:
            self._count(token, what, accepted, len(ended))

    async def _bury(self, link: Link, token: int, job: Job, error: psycopg.Error) -> None:
        _LOG.warning("%s %s: how it ended cannot be stored: %s", job.job_type, job.id, error)
        failure = Failed(f"how the job ended cannot be stored: {storable(str(error))}", reason="permanent")
        try:
            self._count(token, "failed", await _fail(link, token, [(job, failure)]), 1)
        except psycopg.Error:
            _LOG.exception("%s %s: it cannot be buried either", job.job_type, job.id)

    async def _unfinished(self, link: Link, token: int, jobs: Iterable[Job]) -> list[tuple[Job, Failed]]:
        """The jobs that called complete() but whose transaction did not commit."""
        by_id = {job.id: job for job in jobs}
        if not by_id:
            return []
        rows = await link.fetch(_SQL["held_jobs"].sql, {"token": token, "ids": list(by_id)})
        held: set[UUID] = {row[0] for row in rows}
        self.counts.completed += len(by_id) - len(held)
        return [
            (by_id[job_id], Failed("the handler called complete() but did not commit its transaction"))
            for job_id in held
        ]

    def _count(self, token: int, what: str, accepted: int, sent: int) -> None:
        setattr(self.counts, what, getattr(self.counts, what) + accepted)
        if accepted < sent:
            self.counts.refused += sent - accepted
            _LOG.warning(
                "lease %d: %d of %d jobs had ended or were taken away (%s)", token, sent - accepted, sent, what
            )


async def _accepted(link: Link, query: str, token: int, **parameters: Any) -> int:
    # Repeating is safe: a job leaves a lease once, and a repeated statement is refused.
    rows = await link.fetch(_SQL[query].sql, {"token": token, **parameters})
    return int(rows[0][0])


async def _complete(link: Link, token: int, done: Sequence[tuple[Job, Completed]]) -> int:
    return await _accepted(link, "complete_jobs", token, **_completion(done))


def _completion(done: Sequence[tuple[Job, Outcome]]) -> dict[str, object]:
    """The parameters of completions, arrays as text where psycopg would take long to write them."""
    ends = [outcome for _, outcome in done if isinstance(outcome, Completed)]
    results = [outcome.result for outcome in ends]
    return {
        "ids": _ids(job for job, _ in done),
        "tokens": "{" + ",".join([str(job.token) for job, _ in done]) + "}",
        "results": results if any(results) else None,
        "durations": "{" + ",".join([str(outcome.duration_ms) for outcome in ends]) + "}",
    }


async def _fail(link: Link, token: int, broken: Sequence[tuple[Job, Failed]]) -> int:
    return await _accepted(link, "fail_jobs", token, failures=Jsonb([_failure(*pair) for pair in broken]))


async def _release(link: Link, token: int, released: Sequence[tuple[Job, Released]]) -> int:
    """Outcomes with the same delay."""
    ids = _ids(job for job, _ in released)
    return await _accepted(link, "release_jobs", token, ids=ids, delay=released[0][1].delay)


async def _cancel(link: Link, token: int, gone: Sequence[tuple[Job, Cancelled]]) -> int:
    return await _accepted(link, "cancel_leased", token, ids=_ids(job for job, _ in gone))


def _ids(jobs: Iterable[Job]) -> str:
    """The ids as the text of an array: psycopg takes ten times as long to write a list of UUIDs."""
    return "{" + ",".join([job.id.hex for job in jobs]) + "}"


def _failure(job: Job, outcome: Failed) -> dict[str, object]:
    return {
        "id": str(job.id),
        "error": outcome.error,
        "traceback": outcome.traceback,
        "reason": outcome.reason,
        "retry_after": outcome.retry_after,
    }
