"""What is wrong with a job that is to be enqueued, before anything is sent to the database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from mesh_runtime.queue.errors import InvalidJobError
from mesh_runtime.queue.handlers import Handler
from mesh_runtime.queue.new_jobs import Gate, NewJob

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_TIME = timedelta()
_LONGEST = timedelta(days=36_500)
_NONE = type(None)
_KINDS: tuple[tuple[tuple[str, ...], tuple[type, ...], str], ...] = (
    (("priority", "max_attempts"), (int,), "a whole number"),
    (("delay", "unique_for", "timeout"), (timedelta, _NONE), "a timedelta"),
    (("run_at",), (datetime, _NONE), "a datetime"),
    (("user_id", "unique_key", "debounce_key"), (str, _NONE), "a str"),
    (("gate",), (Gate, str, _NONE), "a Gate or the key of one"),
    (("after",), (list, tuple, set, frozenset), "a list of ids or NewJobs"),
    (("id",), (UUID,), "a UUID"),
)


def checked_type(new: NewJob) -> str:
    """The name of the job's type.

    Raises:
        InvalidJobError: something about the job cannot be.
    """
    # One look for the many jobs that have nothing wrong; the reason is looked for afterwards.
    try:
        name = name_of(new)
        suspicious = (
            type(new.priority) is not int
            or not 0 <= new.priority <= 10
            or not 1 <= new.max_attempts <= 1000
            or (new.delay is not None and not _NO_TIME <= new.delay <= _LONGEST)
            or (new.run_at is not None and new.run_at.tzinfo is None)
            or (new.timeout is not None and not _NO_TIME < new.timeout <= _LONGEST)
            or (new.user_id is not None and "\0" in new.user_id)
            or not new.is_plain
        )
    except (TypeError, AttributeError):
        _check_kinds(new)
        raise
    if suspicious:
        _check_kinds(new)
        for wrong, problem, remedy in _problems(new):
            if wrong:
                raise InvalidJobError(f"{name}: {problem}", remedy=remedy)
    return name


def name_of(new: NewJob) -> str:
    """The name of the job's type."""
    return new.job_type if isinstance(new.job_type, str) else new.job_type.job_type


def _check_kinds(new: NewJob) -> None:
    """Look at what each value is, for those whose type checker does not.

    Raises:
        InvalidJobError: one is of another kind than it must be.
    """
    if not isinstance(new.job_type, str | Handler):
        raise InvalidJobError(
            f"the job type is of type {type(new.job_type).__name__}; it must be a name or a handler",
            remedy='A function becomes a handler by @job("name").',
        )
    for names, kinds, said in _KINDS:
        for name in names:
            value = getattr(new, name)
            if not isinstance(value, kinds):
                raise InvalidJobError(f"{name_of(new)}: {name} is of type {type(value).__name__}; it must be {said}")
    for parent in new.after:
        if not isinstance(parent, UUID | NewJob):
            raise InvalidJobError(
                f"{name_of(new)}: after holds a {type(parent).__name__}; it takes ids (UUIDs) and NewJobs"
            )


def _problems(new: NewJob) -> Iterator[tuple[bool, str, str | None]]:
    yield (
        not 0 <= new.priority <= 10,
        f"the priority is {new.priority}; it must be 0 to 10, ten being the most urgent",
        None,
    )
    yield not 1 <= new.max_attempts <= 1000, f"max_attempts is {new.max_attempts}; it must be 1 to 1000", None
    yield _not_positive(new.delay, zero=True), "the delay is negative", "Leave it out to run the job at once."
    yield (
        new.run_at is not None and new.run_at.tzinfo is None,
        "run_at has no time zone",
        "Use datetime.now(UTC) and the like, never a naive datetime.",
    )
    yield _not_positive(new.timeout), "the timeout is not positive", "Leave it out to have none."
    for length in (new.delay, new.timeout, new.unique_for):
        yield length is not None and length > _LONGEST, "a time is longer than a hundred years", None
    texts = (new.user_id, new.unique_key, new.debounce_key, new.gate.key if isinstance(new.gate, Gate) else new.gate)
    yield any(text is not None and "\0" in text for text in texts), "a text holds a NUL character", None
    yield any(text == "" for text in texts[1:]), "a key is empty", "Leave it out, or give it a name."
    yield new.unique_for is not None and new.unique_key is None, "unique_for needs a unique_key", None
    yield _not_positive(new.unique_for), "unique_for is not positive", "Leave it out to free the key when the job ends."
    yield (
        new.debounce_key is not None and bool(new.unique_key or new.gate or new.after),
        "debounce_key goes with none of unique_key, gate and after",
        "It lets one job wait and one run already.",
    )
    yield new.id in new.parents, "the job is to run after itself", None


def _not_positive(length: timedelta | None, *, zero: bool = False) -> bool:
    return length is not None and (length < _NO_TIME or (length == _NO_TIME and not zero))
