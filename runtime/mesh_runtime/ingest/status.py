"""How far a sync is, from the raw file to the taste vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_runtime.database import queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    import psycopg

_SQL = queries("ingest")
STEPS = ("stored", "staged", "applied", "built")
"""What a sync goes through, in order."""


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """A sync and the vector that follows from it.

    Attributes:
        state: one of STEPS, or `failed`.
        problem: why it failed; a job that was given up counts as failed.
        records: how many records were read; None until it is staged. `kept` and `skipped` likewise.
        taste: `ready` or `empty` once the vector is built.
        reason: why there is no vector.
        media: how many media the vector was pooled from.
        vector_version: grows with each build.
    """

    state: str
    problem: str | None
    records: int | None
    kept: int | None
    skipped: dict[str, int] | None
    taste: str | None
    reason: str | None
    media: int | None
    vector_version: int | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.state in ("built", "failed")

    def to_json(self) -> dict[str, Any]:
        """The status as a JSON object."""
        vector = {"state": self.taste, "reason": self.reason, "media": self.media, "version": self.vector_version}
        return {
            "state": self.state,
            "problem": self.problem,
            "records": self.records,
            "kept": self.kept,
            "skipped": self.skipped,
            "taste": vector if self.state == "built" else None,
        }


def sync_status(connection: psycopg.Connection[Any], sync_id: UUID) -> SyncStatus | None:
    """The status of a sync; None when there is none of that id."""
    with connection.transaction():
        row = connection.execute(_SQL["sync_status"].sql, {"id": sync_id}).fetchone()
    return SyncStatus(*row) if row else None


def live_workers(connection: psycopg.Connection[Any], types: Sequence[str]) -> int:
    """How many workers live that run jobs of all these types."""
    with connection.transaction():
        row = connection.execute(_SQL["live_workers"].sql, {"types": list(types)}).fetchone()
    return int(row[0]) if row else 0
