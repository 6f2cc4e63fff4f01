"""What can be done to jobs: in which states, and what becomes of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_runtime.queue import admin
from mesh_runtime.queue.known import LIVE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    import psycopg


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a command does to jobs.

    Attributes:
        verb: what is asked and said.
        help: of the command.
        among: the states in which it can be done.
        instead: the remedy for jobs in another state.
        do: does it to at most a thousand jobs, and counts the outcomes.
        always_asks: also about jobs that were named one by one.
    """

    verb: str
    help: str
    among: tuple[str, ...]
    instead: str
    do: Callable[[psycopg.Connection[Any], Sequence[UUID]], Counter[str]]
    always_asks: bool = False


def _cancel(connection: psycopg.Connection[Any], ids: Sequence[UUID]) -> Counter[str]:
    words = {"requested": "asked to end", "ended": "ended before", "unknown": "gone before"}
    return Counter(words.get(outcome, outcome) for outcome in admin.cancel(connection, ids).values())


def _retry(connection: psycopg.Connection[Any], ids: Sequence[UUID]) -> Counter[str]:
    return Counter({"run now": admin.retry(connection, ids)})


def _redrive(connection: psycopg.Connection[Any], ids: Sequence[UUID]) -> Counter[str]:
    words = {"key_taken": "left, as another job has their key", "unknown": "gone before"}
    return Counter(words.get(outcome, outcome) for outcome in admin.redrive(connection, ids).values())


def _purge(connection: psycopg.Connection[Any], ids: Sequence[UUID]) -> Counter[str]:
    return Counter({"deleted": admin.purge(connection, ids)})


CANCEL = Change(
    verb="cancel",
    help="""Cancel jobs that wait or run.

    Those that wait are taken out, those that run are asked to end. Jobs that wait for them are cancelled too.

    For example: mesh queue cancel 42fcbd06, or mesh queue cancel --type greet --state scheduled
    """,
    among=LIVE,
    instead="It has ended.",
    do=_cancel,
    always_asks=True,
)
RETRY = Change(
    verb="retry",
    help="""Run scheduled jobs now.

    Such as those that wait for their next attempt after a failure.

    For example: mesh queue retry 42fcbd06, or mesh queue retry --type greet --error "connection refused"
    """,
    among=("scheduled",),
    instead="Only scheduled jobs can be; a dead one is brought back by: mesh queue redrive",
    do=_retry,
)
REDRIVE = Change(
    verb="redrive",
    help="""Make jobs of dead letters again.

    They get all their attempts again, and keep their errors.

    For example: mesh queue redrive 42fcbd06, or mesh queue redrive --type greet --error timeout --since 1d
    """,
    among=("dead",),
    instead="Only dead letters can be.",
    do=_redrive,
)
PURGE = Change(
    verb="purge",
    help="""Delete dead letters for good.

    For example: mesh queue purge 42fcbd06, or mesh queue purge --type greet --error "no such user" --yes
    """,
    among=("dead",),
    instead="Only dead letters can be; what waits or runs is taken out by: mesh queue cancel",
    do=_purge,
    always_asks=True,
)
