"""What slows the queue down from outside, such as a transaction that stays open: found by `mesh doctor queue`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row

from mesh_descriptors.errors import Problem
from mesh_runtime.database import queries

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

_SQL = queries("queue_doctor")
HOT_TABLES = (
    "jobs",
    "leases",
    "lease_ends",
    "workers",
    "job_moves",
    "job_counts",
    "job_minutes",
    "gates",
    "job_keys",
    "job_edges",
)
"""Those in which rows come and go with every job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on something is a finding.

    Attributes:
        open_for: how long a transaction may stay open.
        held_for: how long a lease may be held.
        unfolded_for: how old the oldest move may be.
        dead_rows: how many dead rows a table may hold, if it holds more live ones.
        transactions: how many transactions behind a replication slot may be.
    """

    open_for: timedelta = timedelta(minutes=1)
    held_for: timedelta = timedelta(hours=1)
    unfolded_for: timedelta = timedelta(minutes=2)
    dead_rows: int = 20_000
    transactions: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not well.

    Attributes:
        check: which statement of `queue_doctor.sql` found it.
        problem: what it is, and what to do.
        facts: the figures behind it.
    """

    check: str
    problem: Problem
    facts: Mapping[str, Any]


def examine(
    connection: psycopg.Connection[Any], limits: Limits | None = None, *, counts: bool = False
) -> list[Finding]:
    """Everything that is not well; with `counts` every job is read, those in history too, to compare the counts."""
    return list(_findings(connection, limits or Limits(), counts=counts))


def recount(connection: psycopg.Connection[Any]) -> None:
    """Make the counts those of the rows again, while jobs move."""
    connection.execute(_SQL["recount"].sql)


def _findings(connection: psycopg.Connection[Any], limits: Limits, *, counts: bool) -> Iterator[Finding]:
    parameters = {
        "after": limits.open_for,
        "most_transactions": limits.transactions,
        "most_dead": limits.dead_rows,
        "hot": list(HOT_TABLES),
    }
    for check, describe in (_CHECKS | _COUNTS if counts else _CHECKS).items():
        given = parameters | ({"after": limits.held_for} if check == "old_leases" else {})
        for row in _rows(connection, check, given):
            problem = describe(row, limits)
            if problem is not None:
                yield Finding(check, problem, row)


def _rows(connection: psycopg.Connection[Any], check: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_SQL[check].sql, parameters).fetchall()


def _horizon(row: Mapping[str, Any], _limits: Limits) -> Problem:
    if row["seconds"] is None:
        return Problem(
            f"the standby {row['application']} (session {row['pid']}) is {row['transactions']:,} transactions behind: "
            "no row that was deleted since can be removed",
            remedy="End the long query that runs on it, or switch hot_standby_feedback off there.",
        )
    return Problem(
        f"the session {row['pid']} ({row['application']}, user {row['username']}) has had a transaction open for "
        f"{_time(row['seconds'])}; it is {row['state']}, its last statement began {_time(row['query_seconds'])} ago. "
        f"Rows that were deleted since are read again by every claim",
        remedy=f"Let it end, or end it: SELECT pg_terminate_backend({row['pid']}); and set "
        "idle_in_transaction_session_timeout.",
    )


def _prepared(row: Mapping[str, Any], _limits: Limits) -> Problem:
    return Problem(
        f"the prepared transaction {row['gid']!r} of {row['owner']} has waited for {_time(row['seconds'])}: "
        "no row that was deleted since can be removed",
        remedy="COMMIT PREPARED or ROLLBACK PREPARED it.",
    )


def _slot(row: Mapping[str, Any], _limits: Limits) -> Problem:
    state = "active" if row["active"] else "inactive"
    return Problem(
        f"the {state} replication slot {row['slot_name']!r} is {row['transactions']:,} transactions behind: "
        "no row that was deleted since can be removed",
        remedy=f"Let its reader catch up, or drop it: SELECT pg_drop_replication_slot('{row['slot_name']}');",
    )


def _bloat(row: Mapping[str, Any], _limits: Limits) -> Problem:
    return Problem(
        f"mesh.{row['name']} holds {row['dead']:,} dead rows beside {row['live']:,} live ones ({row['bytes']:,} bytes)",
        remedy=f"If nothing else is found here, autovacuum is behind: VACUUM mesh.{row['name']}; and raise "
        "autovacuum_max_workers or autovacuum_vacuum_cost_limit.",
    )


def _unfolded(row: Mapping[str, Any], limits: Limits) -> Problem | None:
    if row["seconds"] is None or row["seconds"] < limits.unfolded_for.total_seconds():
        return None
    return Problem(
        f"{row['moves']:,} moves have not been counted, the oldest for {_time(row['seconds'])}: nobody ticks",
        remedy="Run a worker, or call /api/queue/process or SELECT mesh.tick() every minute.",
    )


def _default(row: Mapping[str, Any], _limits: Limits) -> Problem | None:
    if not row["jobs"]:
        return None
    return Problem(
        f"{row['jobs']:,} ended jobs lie in mesh.history_default, as their day had no partition",
        remedy="Retention deletes them row by row in time; with a worker or a tick every day it stays empty.",
    )


def _counts(row: Mapping[str, Any], _limits: Limits) -> Problem:
    return Problem(
        f"{row['wrong']:,} counts are not those of the jobs ({row['first']}): somebody has written to mesh.jobs "
        "directly, or a program with an older mesh has",
        remedy="Count again: mesh doctor queue --fix",
    )


def _partition(row: Mapping[str, Any], _limits: Limits) -> Problem:
    return Problem(
        f"mesh.history has no partition for {row['day']}",
        remedy="Run a worker, or call SELECT mesh.tick(); it makes the next days'.",
    )


def _lease(row: Mapping[str, Any], _limits: Limits) -> Problem:
    jobs = f"{row['jobs']} job{'' if row['jobs'] == 1 else 's'}"
    held = f"the lease {row['token']} of {row['owner']} holds {jobs}, for {_time(row['seconds'])}"
    if row["abandoned"]:
        return Problem(
            f"{held}, and its holder is gone", remedy="Nobody rescues them: run a worker, or call SELECT mesh.tick()."
        )
    return Problem(held, remedy="See what they do: mesh queue list --state running; mesh queue cancel ends them.")


def _settings(row: Mapping[str, Any], _limits: Limits) -> Problem:
    return Problem(
        f"autovacuum is off for {row['name']}: dead rows are never removed", remedy="Switch autovacuum on again."
    )


def _time(seconds: float | None) -> str:
    return "an unknown time" if seconds is None else str(timedelta(seconds=round(seconds)))


_Checks = dict[str, Callable[[Mapping[str, Any], Limits], Problem | None]]
_CHECKS: _Checks = {
    "horizon_holders": _horizon,
    "prepared_transactions": _prepared,
    "replication_slots": _slot,
    "bloated_tables": _bloat,
    "table_settings": _settings,
    "old_leases": _lease,
    "unfolded_moves": _unfolded,
    "default_history": _default,
    "missing_partitions": _partition,
}
_COUNTS: _Checks = {"wrong_counts": _counts}
