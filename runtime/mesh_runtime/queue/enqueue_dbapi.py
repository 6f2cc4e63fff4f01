"""Enqueuing in the transaction of any DB-API connection, such as psycopg2's, pg8000's or the one below SQLAlchemy."""

from __future__ import annotations

import re
import sys
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol, Unpack
from uuid import UUID

from mesh_runtime.queue.enqueue import SQL
from mesh_runtime.queue.errors import InvalidJobError
from mesh_runtime.queue.job_rows import BY_DATABASE, gate_parameters, statement
from mesh_runtime.queue.new_jobs import JobOptions, NewJob

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel

    from mesh_runtime.queue.handlers import Handler

_PARAMETER = re.compile(r"%\((\w+)\)s")


class Cursor(Protocol):
    """What is used of a DB-API cursor."""

    def execute(self, operation: str, parameters: Any, /) -> object:
        """Run a statement."""

    def fetchone(self) -> Any:
        """The next row of its result."""

    def close(self) -> object:
        """Free what it holds."""


class Connection(Protocol):
    """What is used of a DB-API connection."""

    def cursor(self) -> Cursor:
        """A new cursor, in the connection's transaction."""


def enqueue_dbapi(
    connection: Connection,
    job_type: str | Handler,
    payload: BaseModel | Mapping[str, object],
    *,
    paramstyle: str | None = None,
    **options: Unpack[JobOptions],
) -> UUID:
    """Enqueue a job in the transaction of a DB-API connection; the arguments and the result are those of `enqueue`.

    What the database refuses is raised as the driver's own error. `paramstyle` is how the driver writes parameters
    (PEP 249); by default it is what the driver's module says.

    Raises:
        InvalidJobError, PayloadError: the job cannot be enqueued as it is; nothing was sent to the database.
    """
    options.setdefault("id", BY_DATABASE)
    new = NewJob(job_type=job_type, payload=payload, **options)
    name, row = statement(new)
    style = paramstyle or _style_of(connection)
    cursor = connection.cursor()
    try:
        for gate in gate_parameters([new]):
            cursor.execute(*_written(SQL["define_gate"].sql, gate, style))
        cursor.execute(*_written(SQL[name].sql, row, style))
        return UUID(str(cursor.fetchone()[0]))
    finally:
        cursor.close()


def _style_of(connection: object) -> str:
    """The paramstyle of the module that the connection's class, or one that it extends, comes from."""
    for name in _modules(type(connection)):
        if isinstance(style := getattr(sys.modules.get(name), "paramstyle", None), str):
            return style
    raise InvalidJobError(
        f"the driver of {type(connection).__qualname__} does not say how it writes parameters",
        remedy='Pass paramstyle=, such as "pyformat" for psycopg2 or "format" for pg8000.',
    )


def _modules(kind: type) -> Iterator[str]:
    for base in kind.__mro__:
        parts = base.__module__.split(".")
        yield from (".".join(parts[:size]) for size in range(len(parts), 0, -1))


def _written(sql: str, row: Mapping[str, Any], style: str) -> tuple[str, Any]:
    """The statement and its parameters, as that style has them."""
    names = _PARAMETER.findall(sql)
    values = {name: _scalar(row[name]) for name in names}
    if style in ("pyformat", "named"):
        return (sql if style == "pyformat" else _PARAMETER.sub(r":\1", sql)), values
    marks = {"format": "%s", "qmark": "?", "numeric": ":{}"}
    if style not in marks:
        raise InvalidJobError(f"{style!r} is no paramstyle", remedy=f"One of: pyformat, named, {', '.join(marks)}.")
    places = count(1)
    return _PARAMETER.sub(lambda _: marks[style].format(next(places)), sql), [values[name] for name in names]


def _scalar(value: Any) -> Any:
    """The value as every driver can send it: the statement says what type it has."""
    match value:
        case timedelta():
            return f"{value.days} days {value.seconds} seconds {value.microseconds} microseconds"
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case list():
            return "{" + ",".join(str(part) for part in value) + "}"
    return value
