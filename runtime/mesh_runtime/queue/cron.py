"""Schedules: jobs that come again. The database keeps them, reads their cron expressions and fires them."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

from mesh_runtime.database import queries
from mesh_runtime.queue.enqueue import register_types
from mesh_runtime.queue.errors import QueueError
from mesh_runtime.queue.handlers import Handler, write_payload

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from pydantic import BaseModel

_SQL = queries("cron")
_CANNOT_BE, _TAKEN, _BROKEN_RULE = "PT422", "PT409", "23514"
PLUGIN_SOURCE = "plugin:"
"""What the source of a plug-in's schedules begins with; its name follows."""


class ScheduleError(QueueError):
    """A schedule cannot be as it is declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A job that is enqueued again and again.

    Attributes:
        name: of the schedule, in snake_case; one only in a database.
        cron: minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly, @yearly.
        job: the type of the job, or its handler, which also checks the payload.
        payload: of each job.
        timezone: whose clock the expression is read by, such as Europe/Berlin.
        priority: 0 to 10; ten is the most urgent.
        max_attempts: after so many failures the job is a dead letter.
    """

    name: str
    cron: str
    job: str | Handler
    payload: BaseModel | Mapping[str, object] = field(default_factory=dict)
    timezone: str = "UTC"
    priority: int = 0
    max_attempts: int = 3


def set_schedule(connection: psycopg.Connection[Any], schedule: Schedule, *, source: str = "code") -> datetime:
    """Make the schedule, or change it to what it is now, in the caller's transaction; returns when it fires next.

    A schedule that stays as it is keeps what it has missed, and one that is paused stays paused.

    Raises:
        ScheduleError: the expression, the time zone or the job type cannot be, or another source has one of that name.
        PayloadError: the payload is not what the handler's model says.
    """
    handler = schedule.job if isinstance(schedule.job, Handler) else None
    name = schedule.job if isinstance(schedule.job, str) else schedule.job.job_type
    values = {
        "name": schedule.name,
        "job_type": name,
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "payload": handler.write(schedule.payload) if handler else write_payload(name, schedule.payload),
        "payload_version": handler.version if handler else 1,
        "priority": schedule.priority,
        "max_attempts": schedule.max_attempts,
        "source": source,
    }
    try:
        if handler:
            register_types(connection, [handler])
        found = connection.execute(_SQL["set_schedule"].sql, values).fetchone()
    except psycopg.Error as error:
        if error.sqlstate not in (_CANNOT_BE, _TAKEN, _BROKEN_RULE):
            raise
        raise _refused(schedule, error) from error
    assert found is not None
    next_at: datetime = found[0]
    return next_at


def sync_schedules(connection: psycopg.Connection[Any], schedules: Iterable[Schedule], *, source: str = "code") -> None:
    """Make the schedules of a source what they are now, in one transaction: those that it had besides are removed.

    Raises:
        ScheduleError, PayloadError: as `set_schedule`; then nothing has changed.
    """
    declared = list(schedules)
    with connection.transaction() if connection.autocommit else nullcontext():
        connection.execute(_SQL["keep_schedules"].sql, {"source": source, "names": [one.name for one in declared]})
        for schedule in sorted(declared, key=lambda one: one.name):
            set_schedule(connection, schedule, source=source)


def drop_vanished_plugins(connection: psycopg.Connection[Any], plugins: Iterable[str]) -> None:
    """Remove the schedules of plug-ins that are not among `plugins`, unless a living worker still runs their jobs."""
    sources = [f"{PLUGIN_SOURCE}{name}" for name in plugins]
    connection.execute(_SQL["drop_schedules_of_others"].sql, {"prefix": PLUGIN_SOURCE, "sources": sources})


def _refused(schedule: Schedule, error: psycopg.Error) -> ScheduleError:
    if error.sqlstate == _BROKEN_RULE:
        return ScheduleError(
            f"the schedule {schedule.name!r} cannot be: its name, priority or max_attempts",
            remedy="A name is snake_case, a priority 0 to 10, and max_attempts at least 1.",
        )
    said = error.diag.message_primary or str(error)
    return ScheduleError(f"the schedule {schedule.name!r}: {said}", remedy=error.diag.message_hint)
