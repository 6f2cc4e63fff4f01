"""What can go wrong with a job before it runs, and with a lease while it does."""

from __future__ import annotations

from mesh_runtime.errors import RuntimeFault


class QueueError(RuntimeFault):
    """Base of the queue's errors."""


class NoQueueError(QueueError):
    """The database has no queue: its migrations have not been applied."""

    def __init__(self, *, lacking: int | None = None) -> None:
        what = "this database has no queue"
        if lacking is not None:
            what = f"this database is behind the code: it lacks {lacking} of mesh's migrations"
        super().__init__(what, remedy="Run: mesh db migrate")


class InvalidJobError(QueueError):
    """A job cannot be enqueued as it is: nothing was written."""


class UnknownJobTypeError(InvalidJobError):
    """The type is not in `mesh.job_types`."""


class UnknownParentError(InvalidJobError):
    """A job is to run after one that is nowhere in the queue or its history."""


class PayloadError(InvalidJobError):
    """The payload is not what its type says, is too large, or cannot be stored as JSON."""


class StaleLeaseError(QueueError):
    """The lease was taken away, or the job has ended before: the transaction must not be committed."""


class DatabaseAwayError(QueueError):
    """The queue's own database does not answer: a job that fails by it is not to blame."""


class HandlerError(QueueError):
    """A handler is not what a handler must be, or two handle one type."""
