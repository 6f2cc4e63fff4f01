"""How jobs ended, kept until they are told to the database in batches."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.json import Jsonb
from pydantic_core import to_json

from mesh_runtime.database import queries
from mesh_runtime.errors import Permanent, Retryable
from mesh_runtime.queue.errors import PayloadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta
    from uuid import UUID

    from mesh_runtime.queue.link import Link
    from mesh_runtime.queue.values import Counts, Job

_LOG = logging.getLogger("mesh.queue")
_SQL = queries("queue")
_TRACEBACK_CHARACTERS = 8_000


@dataclass(frozen=True, slots=True)
class Completed:
    """The handler returned; `result` is JSON."""

    result: str | None
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The handler raised; with a `reason` the job is not run again."""

    error: str
    traceback: str | None = None
    reason: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """The job was not run, or is not to blame: it goes back uncounted, and runs after `delay`."""

    delay: timedelta | None = None


@dataclass(frozen=True, slots=True)
class EndedItself:
    """The handler completed the job in its own transaction."""


Outcome = Completed | Failed | Released | EndedItself


def completed(result: Mapping[str, object] | None, duration_ms: int) -> Outcome:
    """The outcome of a handler that returned `result`."""
    try:
        text = None if result is None else to_json(result).decode()
    except ValueError as error:
        return Failed(f"the result cannot be written as JSON: {error}", reason="permanent")
    if text is not None and "\\u0000" in text:
        return Failed("the result holds a NUL character, which PostgreSQL cannot store", reason="permanent")
    return Completed(text, duration_ms)


def failed(error: BaseException) -> Failed:
    """The outcome of a handler that raised `error`."""
    text = storable(
        str(error) if isinstance(error, Permanent | Retryable | PayloadError) else f"{type(error).__name__}: {error}"
    )
    if isinstance(error, PayloadError):
        return Failed(text, reason="unreadable")
    trace = storable("".join(traceback.format_exception(error))[-_TRACEBACK_CHARACTERS:])
    if isinstance(error, Permanent):
        return Failed(text, trace, reason="permanent")
    after = error.after.total_seconds() if isinstance(error, Retryable) and error.after is not None else None
    return Failed(text, trace, retry_after=after)


def storable(text: str) -> str:
    """The text without what PostgreSQL cannot store in JSON."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


@dataclass(slots=True)
class Outbox:
    """Outcomes by lease, and how many jobs of each lease are still to end."""

    counts: Counts
    untold: int = field(default=0, init=False)
    _ended: dict[int, list[tuple[Job, Outcome]]] = field(default_factory=dict, init=False)
    _open: dict[int, int] = field(default_factory=dict, init=False)

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
        self.untold += 1
        return not self._open[job.token]

    def forget(self) -> None:
        """Every lease was lost: there is nothing to tell."""
        self._ended.clear()
        self._open.clear()
        self.untold = 0

    def holds(self, token: int) -> bool:
        """Whether the lease is open, as far as is known."""
        return token in self._open

    @property
    def tokens(self) -> list[int]:
        """The leases whose jobs have not all been told."""
        return list(self._open)

    async def flush(self, link: Link) -> None:
        """Tell everything; what the database refuses was taken away or has ended before."""
        ended, self._ended = self._ended, {}
        for token in sorted(ended):
            await self._tell(link, token, ended[token])
            self.untold = max(0, self.untold - len(ended[token]))
            if not self._open.get(token) and token not in self._ended:
                self._open.pop(token, None)

    async def _tell(self, link: Link, token: int, ended: list[tuple[Job, Outcome]]) -> None:
        done = [(job, outcome) for job, outcome in ended if isinstance(outcome, Completed)]
        if done:
            await self._complete(link, token, done)
        broken = [(job, outcome) for job, outcome in ended if isinstance(outcome, Failed)]
        broken += await self._unfinished(
            link, token, [job for job, outcome in ended if isinstance(outcome, EndedItself)]
        )
        if broken:
            accepted = await _accepted(link, "fail_jobs", token, failures=Jsonb([_failure(*pair) for pair in broken]))
            self._count(token, "failed", accepted, len(broken))
        for delay in {outcome.delay for _, outcome in ended if isinstance(outcome, Released)}:
            ids = [job.id for job, outcome in ended if isinstance(outcome, Released) and outcome.delay == delay]
            self._count(token, "released", await _accepted(link, "release_jobs", token, ids=ids, delay=delay), len(ids))

    async def _complete(self, link: Link, token: int, done: list[tuple[Job, Completed]]) -> None:
        results = [outcome.result for _, outcome in done]
        try:
            accepted = await _accepted(
                link,
                "complete_jobs",
                token,
                ids=[job.id for job, _ in done],
                results=results if any(results) else None,
                durations=[outcome.duration_ms for _, outcome in done],
            )
        except psycopg.Error as error:
            await self._complete_singly(link, token, done, error)
        else:
            self._count(token, "completed", accepted, len(done))

    async def _complete_singly(
        self, link: Link, token: int, done: list[tuple[Job, Completed]], error: psycopg.Error
    ) -> None:
        """One result that PostgreSQL refuses must not hold back the others."""
        if len(done) > 1:
            for pair in done:
                await self._complete(link, token, [pair])
            return
        failure = Failed(f"the result cannot be stored: {storable(str(error))}", reason="permanent")
        accepted = await _accepted(link, "fail_jobs", token, failures=Jsonb([_failure(done[0][0], failure)]))
        self._count(token, "failed", accepted, 1)

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


def _failure(job: Job, outcome: Failed) -> dict[str, object]:
    return {
        "id": str(job.id),
        "error": outcome.error,
        "traceback": outcome.traceback,
        "reason": outcome.reason,
        "retry_after": outcome.retry_after,
    }
