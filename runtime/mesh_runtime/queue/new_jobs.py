"""The values of a job to enqueue."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, TypedDict

from mesh_runtime.queue.identifiers import uuid7

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from pydantic import BaseModel

    from mesh_runtime.queue.handlers import Handler


@dataclass(frozen=True, slots=True)
class Gate:
    """Limits on all jobs that name one key. With a limit it defines or changes the gate; else it was defined before.

    Attributes:
        key: such as `mail` or `user:42`.
        most_running: so many of its jobs may run at a time.
        rate: so many of its jobs may start per second, on the average.
        burst: so many may start at once after a quiet time; default what the rate allows in a second.
    """

    key: str
    most_running: int | None = None
    rate: float | None = None
    burst: int | None = None

    @property
    def defines(self) -> bool:
        """Whether it says what the limits are."""
        return (self.most_running, self.rate, self.burst) != (None, None, None)


class JobOptions(TypedDict, total=False):
    """The keywords of `enqueue`: the attributes of `NewJob`."""

    priority: int
    delay: timedelta | None
    run_at: datetime | None
    max_attempts: int
    user_id: str | None
    unique_key: str | None
    unique_for: timedelta | None
    debounce_key: str | None
    gate: Gate | str | None
    after: Sequence[UUID | NewJob]
    after_any: bool
    timeout: timedelta | None
    id: UUID


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to enqueue: `NewJob("render", {"page": 1}, priority=5)`.

    Attributes:
        job_type: the type's name, or its handler, which also checks the payload.
        payload: a model, or what becomes a JSON object; ids, not data.
        priority: 0 to 10; ten is the most urgent.
        delay: how long to wait before it may run, from now or from `run_at`.
        run_at: when it may run, with a time zone; default now.
        max_attempts: after so many failures it is a dead letter.
        user_id: whose job it is.
        unique_key: while a job of the type has this key, no other is enqueued under it.
        unique_for: the key is taken for so long from now on, whether or not the job has ended; default until it ends.
        debounce_key: while a job of the type waits under this key, it takes over this payload, and no second one waits.
        gate: what limits how many jobs run at a time or start per second; a `Gate` or the key of one.
        after: the jobs that must have completed before; ids, or `NewJob`s of the same `enqueue_many`.
        after_any: it runs even if one of those dies or is cancelled; otherwise it is cancelled then.
        timeout: how long one attempt may take; default what the handler says.
        id: the job's id, if it is not a duplicate.
    """

    job_type: str | Handler
    payload: BaseModel | Mapping[str, object]
    _: KW_ONLY
    priority: int = 0
    delay: timedelta | None = None
    run_at: datetime | None = None
    max_attempts: int = 3
    user_id: str | None = None
    unique_key: str | None = None
    unique_for: timedelta | None = None
    debounce_key: str | None = None
    gate: Gate | str | None = None
    after: Sequence[UUID | NewJob] = ()
    after_any: bool = False
    timeout: timedelta | None = None
    id: UUID = field(default_factory=uuid7)

    @property
    def is_plain(self) -> bool:
        """Whether no key, gate or other job has a say in it."""
        return (
            self.unique_key is None
            and self.unique_for is None
            and self.debounce_key is None
            and self.gate is None
            and not self.after
        )

    @property
    def parents(self) -> list[UUID]:
        """The ids of the jobs that must have completed before."""
        return [parent.id if isinstance(parent, NewJob) else parent for parent in self.after]
