"""The queue's values: a job to enqueue, a job that was claimed, and how jobs ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta
    from uuid import UUID

    from pydantic import BaseModel

    from mesh_runtime.queue.handlers import Handler


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to enqueue.

    Attributes:
        job_type: the type's name, or its handler, which also checks the payload.
        payload: a model, or what becomes a JSON object; ids, not data.
        priority: 0 to 10; ten is the most urgent.
        delay: how long to wait before it may run, from now or from `run_at`.
        run_at: when it may run, with a time zone; default now.
        max_attempts: after so many failures it is a dead letter.
        user_id: whose job it is.
    """

    job_type: str | Handler
    payload: BaseModel | Mapping[str, object]
    priority: int = 0
    delay: timedelta | None = None
    run_at: datetime | None = None
    max_attempts: int = 3
    user_id: str | None = None


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
