"""What people ask of the queue and do to it; what a payload's model marks as secret never leaves this module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from mesh_runtime.database import queries
from mesh_runtime.queue.errors import NoQueueError, QueueError, UnknownJobTypeError
from mesh_runtime.queue.known import JobFilter, KnownJob, Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

_SQL = queries("queue_admin")
_NO_SCHEMA, _NO_TABLE, _NO_FUNCTION = "3F000", "42P01", "42883"
_CHUNK = 1_000
_BEFORE_ALL = UUID(int=0)


class NoSuchJobError(QueueError):
    """No job has this id, or several end or begin like it."""

    exit_code = 1


def list_jobs(connection: psycopg.Connection[Any], wanted: JobFilter, *, limit: int = 20) -> list[KnownJob]:
    """The newest of the jobs that are meant."""
    return [KnownJob.of(row) for row in ask(connection, "list_jobs", wanted.parameters() | {"limit": limit})]


def count_jobs(connection: psycopg.Connection[Any], wanted: JobFilter) -> dict[tuple[str, str], int]:
    """How many jobs are meant, by type and state."""
    found = ask(connection, "count_jobs", wanted.parameters())
    return {(row["job_type"], row["state"]): row["count"] for row in found}


def matching_jobs(connection: psycopg.Connection[Any], wanted: JobFilter) -> Iterator[list[UUID]]:
    """The ids of the jobs that are meant, a thousand at a time."""
    after = _BEFORE_ALL
    while True:
        parameters = wanted.parameters() | {"after": after, "limit": _CHUNK}
        ids = [row["id"] for row in ask(connection, "matching_jobs", parameters)]
        if ids:
            yield ids
        if len(ids) < _CHUNK:
            return
        after = ids[-1]


def find_job(connection: psycopg.Connection[Any], given: str) -> KnownJob:
    """The job of an id, or of the beginning or end of one, at least four letters of it.

    Raises:
        NoSuchJobError: there is none, or there are several.
    """
    text = given.strip().lower().replace("-", "")
    if not 4 <= len(text) <= 32 or set(text) - set("0123456789abcdef"):
        raise NoSuchJobError(
            f"{given!r} is no job's id",
            remedy="Give a whole id, or at least four letters of its end or beginning: mesh queue list shows them.",
        )
    found = [UUID(text)] if len(text) == 32 else _between(connection, text) or _ending_with(connection, text)
    if len(found) > 1:
        raise NoSuchJobError(f"several jobs have an id like {given}", remedy="Give more of it.")
    jobs = list_jobs(connection, JobFilter(ids=found), limit=1) if found else []
    if not jobs:
        raise NoSuchJobError(
            f"there is no job {given}",
            remedy="mesh queue list shows the jobs that there are; those that ended long ago have been dropped.",
        )
    return jobs[0]


def surroundings(connection: psycopg.Connection[Any], job: KnownJob) -> Surroundings:
    """The progress, cancellation and relatives of a job."""
    return Surroundings.of(ask(connection, "job_surroundings", {"id": job.id})[0])


def set_paused(connection: psycopg.Connection[Any], types: Sequence[str], *, paused: bool) -> None:
    """Pause job types, or let them go on. Jobs that run finish.

    Raises:
        UnknownJobTypeError: one of them is unknown; then nothing is changed.
    """
    with connection.transaction():
        found = {row["name"] for row in ask(connection, "set_paused", {"types": list(types), "paused": paused})}
        if unknown := sorted(set(types) - found):
            raise UnknownJobTypeError(
                f"unknown job type: {', '.join(unknown)}", remedy="mesh queue types lists those that there are."
            )
        ask(connection, "wake_workers")


def cancel(connection: psycopg.Connection[Any], ids: Sequence[UUID]) -> dict[UUID, str]:
    """Cancel jobs; says of each: cancelled, requested (it runs), ended or unknown."""
    return _outcomes(connection, "cancel_jobs", ids)


def redrive(connection: psycopg.Connection[Any], ids: Sequence[UUID]) -> dict[UUID, str]:
    """Make jobs of dead letters; says of each: redriven, key_taken or unknown."""
    return _outcomes(connection, "redrive_jobs", ids)


def retry(connection: psycopg.Connection[Any], ids: Sequence[UUID]) -> int:
    """Let jobs that wait for their time run now; how many did."""
    return int(ask(connection, "retry_jobs", {"ids": list(ids)})[0]["jobs"])


def purge(connection: psycopg.Connection[Any], ids: Sequence[UUID]) -> int:
    """Delete dead letters; how many."""
    return int(ask(connection, "purge_dead", {"ids": list(ids)})[0]["jobs"])


def now(connection: psycopg.Connection[Any]) -> datetime:
    """The database's clock."""
    moment: datetime = ask(connection, "now")[0]["now"]
    return moment


def ask(
    connection: psycopg.Connection[Any], name: str, parameters: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    """The rows of a statement of `queue_admin.sql`.

    Raises:
        NoQueueError: the database has no queue.
    """
    try:
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(_SQL[name].sql, parameters or {}).fetchall()
    except psycopg.ProgrammingError as error:
        if error.sqlstate in (_NO_SCHEMA, _NO_TABLE, _NO_FUNCTION):
            raise NoQueueError from error
        raise


def _outcomes(connection: psycopg.Connection[Any], name: str, ids: Sequence[UUID]) -> dict[UUID, str]:
    return {row["id"]: row["outcome"] for row in ask(connection, name, {"ids": list(ids)})}


def _between(connection: psycopg.Connection[Any], text: str) -> list[UUID]:
    ends = {"first": UUID(text.ljust(32, "0")), "last": UUID(text.ljust(32, "f"))}
    return [row["id"] for row in ask(connection, "jobs_between", ends)]


def _ending_with(connection: psycopg.Connection[Any], text: str) -> list[UUID]:
    ending = str(UUID(text.rjust(32, "0")))[-(len(text) + sum(len(text) > dash for dash in (12, 16, 20, 24))) :]
    parameters = {"ending": ending, "length": len(ending)}
    return [row["id"] for row in ask(connection, "jobs_ending_with", parameters)]
