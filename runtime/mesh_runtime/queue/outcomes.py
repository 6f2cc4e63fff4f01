"""How jobs end."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from psycopg.errors import DeadlockDetected, SerializationFailure

from mesh_runtime.errors import Permanent, Retryable, RetryAfter, Snooze
from mesh_runtime.queue.errors import DatabaseAwayError, PayloadError
from mesh_runtime.queue.json_text import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TRACEBACK_CHARACTERS = 8_000
_DATABASE_WAIT_SECONDS = 1
_NOT_TO_BLAME = (DatabaseAwayError, DeadlockDetected, SerializationFailure)
"""What stops a job for another's sake: PostgreSQL itself asks that its victims be run again."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The handler returned; `result` is JSON."""

    result: str | None
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The handler raised; with a `reason` the job is not run again."""

    error: str
    traceback: str | None = None
    reason: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """The job was not run, or is not to blame: it goes back uncounted, and runs after `delay`."""

    delay: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The job was ended because somebody had asked for that."""


@dataclass(frozen=True, slots=True)
class EndedItself:
    """The handler completed the job in its own transaction."""


Outcome = Completed | Failed | Released | Cancelled | EndedItself


def completed(result: Mapping[str, object] | None, duration_ms: int) -> Outcome:
    """The outcome of a handler that returned `result`."""
    try:
        text = None if result is None else write_json(result)
    except ValueError as error:
        return Failed(f"the result cannot be written as JSON: {error}", reason="permanent")
    return Completed(text, duration_ms)


def raised(error: BaseException, hide: Callable[[str], str] = str) -> Failed | Released:
    """The outcome of a handler that raised `error`; `hide` takes the payload's secrets out of what is told of it."""
    if isinstance(error, Snooze):
        return Released(error.after)
    if isinstance(error, _NOT_TO_BLAME):
        return Released(timedelta(seconds=_DATABASE_WAIT_SECONDS))
    return failed(error, hide)


def failed(error: BaseException, hide: Callable[[str], str] = str) -> Failed:
    """The outcome of a handler that failed by `error`; `hide` as in `raised`."""
    said = str(error) if isinstance(error, Permanent | Retryable | PayloadError) else f"{type(error).__name__}: {error}"
    text = storable(hide(said))
    if isinstance(error, PayloadError):
        return Failed(text, reason="unreadable")
    trace = storable(hide("".join(traceback.format_exception(error)))[-_TRACEBACK_CHARACTERS:])
    if isinstance(error, Permanent):
        return Failed(text, trace, reason="permanent")
    return Failed(text, trace, retry_after=error.after.total_seconds() if isinstance(error, RetryAfter) else None)


def timed_out(seconds: float) -> Failed:
    """The outcome of a handler that took longer than it may."""
    return Failed(f"timed out after {seconds:g} s")


def storable(text: str) -> str:
    """The text without what PostgreSQL cannot store in JSON."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
