"""The queue's values: a job that was claimed, and what a worker has done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Job:
    """A job that this process holds.

    Attributes:
        token: of the lease: whatever is done to the job names it.
        payload_text: the payload as JSON.
        attempt: 1 for the first.
        rescues: how often a worker died while it held this job.
        seq: its place in its lane.
        timeout_ms: how long one attempt may take.
        traceparent: the W3C trace context of who enqueued it.
        parents: the jobs that it waited for.
    """

    token: int
    id: UUID
    job_type: str
    priority: int
    payload_text: str
    payload_version: int
    user_id: str | None
    attempt: int
    max_attempts: int
    rescues: int
    created_at: datetime
    seq: int = 0
    timeout_ms: int | None = None
    traceparent: str | None = None
    parents: tuple[UUID, ...] = ()


@dataclass(slots=True)
class Counts:
    """What a worker has done since it started."""

    completed: int = 0
    failed: int = 0
    released: int = 0
    cancelled: int = 0
    refused: int = 0
