"""What is shown of jobs, and which jobs are meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any
from uuid import UUID

from mesh_runtime.queue.masking import Mask

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

LIVE = ("pending", "scheduled", "blocked", "running")
ENDED = ("completed", "cancelled", "superseded", "dead")
STATES = (*LIVE, *ENDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs are meant; what is None means any.

    Attributes:
        ids: these jobs.
        types: of these types.
        states: in one of STATES.
        since: created since then.
        user_id: of this user.
        error: whose last error holds this text, in whatever case.
    """

    ids: Sequence[UUID] | None = None
    types: Sequence[str] | None = None
    states: Sequence[str] | None = None
    since: datetime | None = None
    user_id: str | None = None
    error: str | None = None

    def parameters(self) -> dict[str, Any]:
        """For the statements that take a filter."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownJob:
    """A job wherever it is, as it may be shown: the payload's secrets are masked, also in errors and the result.

    Attributes:
        state: one of STATES.
        errors: of each failed attempt: attempt, at, error, traceback.
        reason: why it is dead.
        blocked_by: `parents` or `gate`.
        owner: the worker that runs it.
        token: of the lease that it is in, or was completed under.
        run_at: since when, or from when on, it may run; None once it has ended.
        duration_ms: how long the attempt took with which it ended.
    """

    id: UUID
    job_type: str
    state: str
    priority: int
    attempts: int
    max_attempts: int | None
    rescues: int
    user_id: str | None
    payload: Any
    payload_version: int
    errors: list[dict[str, Any]]
    result: Any
    reason: str | None
    unique_key: str | None
    debounce_key: str | None
    gate: str | None
    blocked_by: str | None
    parents: list[UUID] | None
    after_any: bool | None
    timeout_ms: int | None
    traceparent: str | None
    owner: str | None
    token: int | None
    created_at: datetime
    run_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: int | None

    @property
    def error(self) -> str | None:
        """What the last failed attempt said."""
        return self.errors[-1].get("error") if self.errors else None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> KnownJob:
        """The job of a row of `mesh.known_jobs`, with the `secrets` of its type."""
        mask = Mask(row["payload"], row["secrets"])
        own = {name: value for name, value in row.items() if name != "secrets"}
        for name in ("unique_key", "debounce_key", "gate"):
            own[name] = own[name] and mask.text(own[name])
        own |= {"payload": mask.shown_payload(), "errors": mask.value(row["errors"] or [])}
        return cls(**own | {"result": mask.value(row["result"])})

    def to_json(self) -> dict[str, Any]:
        """The job as a JSON object."""
        return {item.name: jsonable(getattr(self, item.name)) for item in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is known of a job beside itself.

    Attributes:
        fraction, note, updated_at: the progress that it has told.
        requested_at: when its cancellation was asked for.
        waits_for: parents that have not ended.
        waited_for_by: its children.
    """

    fraction: float | None
    note: str | None
    updated_at: datetime | None
    requested_at: datetime | None
    waits_for: list[UUID]
    waited_for_by: list[UUID]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Surroundings:
        """What the row says, with the job's secrets masked in its note."""
        own = {item.name: row[item.name] for item in fields(cls)}
        return cls(**own | {"note": row["note"] and Mask(row["payload"], row["secrets"]).text(row["note"])})

    def to_json(self) -> dict[str, Any]:
        """The same as a JSON object."""
        return {item.name: jsonable(getattr(self, item.name)) for item in fields(self)}


def jsonable(value: Any) -> Any:
    """Ids and moments as texts, in lists and objects too."""
    if isinstance(value, Mapping):
        return {name: jsonable(part) for name, part in value.items()}
    if isinstance(value, list):
        return [jsonable(part) for part in value]
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
