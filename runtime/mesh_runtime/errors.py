"""The runtime's errors: one base, and the two that tell the queue what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_descriptors.errors import MeshError, Place

if TYPE_CHECKING:
    from datetime import timedelta


class RuntimeFault(MeshError):  # noqa: N818  it is the base that every error of the runtime is named after
    """Base of every error of the runtime. A job that raises it is retried with backoff until its attempts are used."""


class Retryable(RuntimeFault):
    """The job failed now and may succeed later: run it again.

    Attributes:
        after: how long to wait at least; None leaves it to the job's backoff.
    """

    def __init__(
        self,
        message: str,
        *,
        after: timedelta | None = None,
        place: Place | None = None,
        remedy: str | None = None,
    ) -> None:
        self.after = after
        super().__init__(message, place=place, remedy=remedy)


class Permanent(RuntimeFault):
    """The job can never succeed as it is: don't run it again."""


class SettingsError(RuntimeFault):
    """An environment variable holds something that the setting cannot be."""


class DatabaseError(RuntimeFault):
    """Base of what goes wrong between mesh and PostgreSQL."""
