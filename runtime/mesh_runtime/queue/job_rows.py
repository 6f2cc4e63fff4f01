"""A job to enqueue as the database takes it: checked, and as parameters, as JSON or as a line of COPY."""

from __future__ import annotations

import graphlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic_core import to_json

from mesh_runtime.queue.errors import InvalidJobError
from mesh_runtime.queue.handlers import Handler, write_payload
from mesh_runtime.queue.job_problems import checked_type, name_of
from mesh_runtime.queue.new_jobs import Gate
from mesh_runtime.queue.tracing import current_traceparent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mesh_runtime.queue.new_jobs import NewJob

_NO_TIME = timedelta()
_BLOCK = 64 * 1024
_MOST_BYTES = 64 * 1024 * 1024
_OF_STATEMENT = frozenset({"job_types", "secrets", "schemas"})
_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


BY_DATABASE = UUID(int=0)
"""In the place of a job's id: the database makes one, which saves the sending of it."""


def statement(new: NewJob) -> tuple[str, dict[str, Any]]:
    """The name of the statement that enqueues one job, and its parameters: as few as it needs.

    Raises:
        InvalidJobError, PayloadError: it cannot be enqueued as it is.
    """
    if not new.is_plain or isinstance(new.job_type, Handler):
        return "enqueue_special", parameters(new)
    if not _is_usual(new) or new.id != BY_DATABASE or current_traceparent() is not None:
        return "enqueue", parameters(new)
    return "enqueue_usual", {
        "job_type": checked_type(new),
        "payload": payload_text(new),
        "priority": new.priority,
        "user_id": new.user_id,
    }


def parameters(new: NewJob) -> dict[str, Any]:
    """Everything about a job.

    Raises:
        InvalidJobError, PayloadError: it cannot be enqueued as it is.
    """
    handler = new.job_type if isinstance(new.job_type, Handler) else None
    return {
        "job_type": checked_type(new),
        "payload": payload_text(new),
        "payload_version": handler.version if handler else 1,
        "priority": new.priority,
        "delay": new.delay,
        "run_at": new.run_at and new.run_at.astimezone(UTC),
        "max_attempts": new.max_attempts,
        "user_id": new.user_id,
        "unique_key": new.unique_key,
        "unique_for": new.unique_for,
        "debounce_key": new.debounce_key,
        "gate": new.gate.key if isinstance(new.gate, Gate) else new.gate,
        "after": new.parents or None,
        "after_any": new.after_any or None,
        "timeout_ms": timeout_ms(new),
        "traceparent": current_traceparent(),
        "id": None if new.id == BY_DATABASE else new.id,
        **registration([handler] if handler else [], schemas=False),
    }


def registration(handlers: Iterable[Handler], *, schemas: bool = True) -> dict[str, Any]:
    """The parameters that make the handlers' types known: their names, secret fields and payloads' schemas."""
    known = {handler.job_type: handler for handler in handlers}
    secrets = {name: handler.secrets for name, handler in known.items() if handler.secrets}
    written = {name: schema for name, handler in known.items() if (schema := handler.schema())} if schemas else {}
    return {
        "job_types": sorted(known),
        "secrets": to_json(secrets).decode() if secrets else None,
        "schemas": to_json(written).decode() if written else None,
    }


def gate_parameters(jobs: Iterable[NewJob]) -> list[dict[str, Any]]:
    """The gates that the jobs define, in the order of their keys; two definitions of one are an error.

    Raises:
        InvalidJobError: they do not agree.
    """
    gates: dict[str, Gate] = {}
    for new in jobs:
        if isinstance(new.gate, Gate) and new.gate.defines and gates.setdefault(new.gate.key, new.gate) != new.gate:
            raise InvalidJobError(
                f"two definitions of the gate {new.gate.key!r} in one batch",
                remedy="Give its limits once, and name it by its key in the other jobs.",
            )
    return [
        {"key": key, "most_running": gate.most_running, "rate": gate.rate, "burst": gate.burst}
        for key, gate in sorted(gates.items())
    ]


def batch_text(jobs: Sequence[NewJob]) -> tuple[str, list[int]]:
    """Jobs with keys, gates and parents as the JSON of one batch, parents first; and which job stands where in it.

    Raises:
        InvalidJobError, PayloadError: one of them, or all together, cannot be enqueued.
    """
    order = _parents_first(jobs)
    text = b"[" + b",".join(_json_row(jobs[place]) for place in order) + b"]"
    if len(text) > _MOST_BYTES:
        raise InvalidJobError(
            f"jobs with keys, gates or parents have {len(text):,} bytes; at most {_MOST_BYTES:,} go at once",
            remedy="Enqueue them in several calls; one transaction may hold them all.",
        )
    return text.decode(), order


class CopyText:
    """Plain jobs as the text of COPY, made while it is sent; `moves` says afterwards what was in it.

    Attributes:
        statement: the name of the COPY; jobs that all may run now and have no limits of their own need fewer columns.
    """

    def __init__(self, jobs: Sequence[NewJob], now: datetime) -> None:
        self._jobs = jobs
        self._now = now
        self._trace = current_traceparent()
        self._states: Counter[tuple[str, str]] = Counter()
        usual = self._trace is None and all(map(_is_usual, jobs))
        self.statement = "copy_usual_jobs" if usual else "copy_jobs"

    def __iter__(self) -> Iterator[str]:
        """Blocks of lines."""
        lines: list[str] = []
        size = 0
        for line in map(self._usual_line if self.statement == "copy_usual_jobs" else self._line, self._jobs):
            lines.append(line)
            size += len(line)
            if size > _BLOCK:
                yield "".join(lines)
                lines, size = [], 0
        yield "".join(lines)

    def moves(self) -> dict[str, list[Any]]:
        """The parameters that count what was copied."""
        pairs = sorted(pair for pair, count in self._states.items() if count)
        return {
            "types": [name for name, _ in pairs],
            "states": [state for _, state in pairs],
            "counts": [self._states[pair] for pair in pairs],
        }

    def _usual_line(self, new: NewJob) -> str:
        name = checked_type(new)
        self._states[name, "pending"] += 1
        version = 1 if isinstance(new.job_type, str) else new.job_type.version
        # JSON has no other character than the backslash that COPY reads as its own.
        payload = payload_text(new).replace("\\", "\\\\")
        user = _NULL if new.user_id is None else new.user_id.translate(_ESCAPES)
        return f"{new.id.hex}\t{name}\t{new.priority}\t{payload}\t{version}\t{user}\n"

    def _line(self, new: NewJob) -> str:
        line = self._usual_line(new)
        due = (new.run_at or self._now) + (new.delay or _NO_TIME)
        state = "scheduled" if due > self._now else "pending"
        if state == "scheduled":
            self._states[name_of(new), "pending"] -= 1
            self._states[name_of(new), state] += 1
        timeout = _NULL if new.timeout is None else timeout_ms(new)
        return f"{line[:-1]}\t{state}\t{due.isoformat()}\t{new.max_attempts}\t{timeout}\t{self._trace or _NULL}\n"


def _is_usual(new: NewJob) -> bool:
    """Whether a plain job may run now and has no limits of its own."""
    return new.delay is None and new.run_at is None and new.timeout is None and new.max_attempts == 3


def payload_text(new: NewJob) -> str:
    """The payload as JSON, checked with the handler's model where there is one."""
    if isinstance(new.job_type, str):
        return write_payload(new.job_type, new.payload)
    return new.job_type.write(new.payload)


def timeout_ms(new: NewJob) -> int | None:
    """The timeout as the database keeps it."""
    return None if new.timeout is None else max(1, round(new.timeout / timedelta(milliseconds=1)))


def _json_row(new: NewJob) -> bytes:
    row = {name: value for name, value in parameters(new).items() if value is not None and name not in _OF_STATEMENT}
    payload: str = row.pop("payload")
    for name in ("delay", "unique_for"):
        if name in row:
            row[f"{name}_s"] = row.pop(name).total_seconds()
    return b'%b,"payload":%b}' % (to_json(row)[:-1], payload.encode())


def _parents_first(jobs: Sequence[NewJob]) -> list[int]:
    places = {new.id: place for place, new in enumerate(jobs)}
    inside = {place: [places[i] for i in new.parents if i in places] for place, new in enumerate(jobs) if new.after}
    if all(parent < place for place, parents in inside.items() for parent in parents):
        return list(range(len(jobs)))
    try:
        sorter = graphlib.TopologicalSorter({place: inside.get(place, ()) for place in range(len(jobs))})
        return list(sorter.static_order())
    except graphlib.CycleError as error:
        raise InvalidJobError(
            "jobs of the batch wait for each other in a ring", remedy="Let one of them come after none of the others."
        ) from error
