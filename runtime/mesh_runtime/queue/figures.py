"""The queue in figures: by type and as a whole, and whether it is well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_runtime.queue.admin import ask
from mesh_runtime.queue.known import STATES, jsonable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the queue is well.

    Attributes:
        healthy: nothing is wrong.
        reasons: what is wrong: objects with a `reason` and what belongs to it.
    """

    healthy: bool
    reasons: list[dict[str, Any]]


def queue_stats(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """The figures of each job type, as `mesh.queue_stats()` has them."""
    return [jsonable(row) for row in ask(connection, "stats")]


def overview(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """The whole in one object: totals, types, workers."""
    types = queue_stats(connection)
    return {"total": totals(types), "types": types, "workers": worker_counts(connection)}


def totals(types: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The sums over all types of each state, and of what was ever enqueued and purged."""
    return {name: sum(row[name] or 0 for row in types) for name in (*STATES, "enqueued", "purged")}


def queue_health(connection: psycopg.Connection[Any]) -> Health:
    """Whether the queue is well, and if not, why."""
    row = ask(connection, "health")[0]
    return Health(row["healthy"], list(row["reasons"] or []))


def worker_counts(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """How many workers live, how many of them sleep, and how many jobs they hold."""
    alive = [row for row in ask(connection, "workers") if row["alive"]]
    held = sum(int(row["jobs"]) for row in alive)
    return {"alive": len(alive), "idle": sum(row["idle"] and not row["jobs"] for row in alive), "jobs": held}
