"""The runtime's errors: one base, and those that tell the queue what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_descriptors.errors import MeshError, Place

if TYPE_CHECKING:
    from datetime import timedelta


class RuntimeFault(MeshError):  # noqa: N818  it is the base that every error of the runtime is named after
    """Base of every error of the runtime. A job that raises it is retried with backoff until its attempts are used."""


class Retryable(RuntimeFault):
    """The job failed now and may succeed later: it is run again after its backoff."""


class RetryAfter(Retryable):
    """The job failed now; run it again after that time, as a service that is too busy asks for.

    Attributes:
        after: how long to wait at least.
    """

    def __init__(
        self, after: timedelta, message: str, *, place: Place | None = None, remedy: str | None = None
    ) -> None:
        self.after = after
        super().__init__(message, place=place, remedy=remedy)


class Snooze(RuntimeFault):
    """The job has nothing to do yet: run it again after that time. It has not failed, and no attempt is counted.

    Attributes:
        after: how long to wait.
    """

    def __init__(self, after: timedelta) -> None:
        self.after = after
        super().__init__(f"snoozed for {after}")


class Permanent(RuntimeFault):
    """The job can never succeed as it is: don't run it again."""


class SettingsError(RuntimeFault):
    """An environment variable holds something that the setting cannot be."""


class DatabaseError(RuntimeFault):
    """Base of what goes wrong between mesh and PostgreSQL."""
