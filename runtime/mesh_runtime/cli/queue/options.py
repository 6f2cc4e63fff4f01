"""The options that sub-commands of `mesh queue` share, and how durations and moments are written."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import psycopg
import typer

from mesh_cli.console import say
from mesh_descriptors.errors import Place
from mesh_runtime.cli.ready import migrated_database
from mesh_runtime.database import redacted
from mesh_runtime.queue import admin
from mesh_runtime.queue.admin import ask
from mesh_runtime.queue.errors import QueueError
from mesh_runtime.queue.known import STATES, JobFilter
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?\s*(?:ms|min|[smhdw])\s*)+")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|min|[smhdw])")
_MOST = timedelta(days=36_500)
_OTHER_NAMES = {"processing": "running", "retrying": "scheduled", "failed": "dead", "done": "completed"}


class RefusedByDatabaseError(QueueError):
    """The database could not do it, or went away."""


class NotConfirmedError(QueueError):
    """Nobody can be asked, and --yes is not there."""


class UnreadableOptionError(QueueError):
    """An option's value is not what it must be."""


IdsArgument: TypeAlias = Annotated[
    list[str] | None, typer.Argument(metavar="ID", help="Ids of jobs, or their last (or first) letters.")
]
TypesOption: TypeAlias = Annotated[
    list[str] | None, typer.Option("--type", metavar="TYPE", help="Of this job type; may be given several times.")
]
StatesOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--state", metavar="STATE", help=f"In this state: {', '.join(STATES)}; may be given several times."),
]
SinceOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--since", metavar="WHEN", help="Created since then: 90s, 15m, 2h, 3d, or 2026-05-01T10:00Z."),
]
ErrorOption: TypeAlias = Annotated[
    str | None, typer.Option("--error", metavar="TEXT", help="Whose last error holds this text.")
]
UserOption: TypeAlias = Annotated[str | None, typer.Option("--user", metavar="ID", help="Of this user.")]
YesOption: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
AllOption: TypeAlias = Annotated[bool, typer.Option("--all", help="Every one that there is.")]


@contextmanager
def queue_database(project: Path | None) -> Iterator[psycopg.Connection[Any]]:
    """A connection in autocommit to the project's database, which has a queue."""
    try:
        with migrated_database(Settings.load(project), "mesh queue") as connection:
            connection.autocommit = True
            yield connection
    except psycopg.Error as error:
        said = error.diag.message_primary or " ".join(str(error).split())
        raise RefusedByDatabaseError(redacted(said), remedy=error.diag.message_hint) from error


def confirm(what: str, question: str, *, yes: bool) -> None:
    """Ask on the terminal whether to go on, unless `yes`.

    Raises:
        NotConfirmedError: there is no terminal.
        typer.Exit: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise NotConfirmedError(f"{what} Nobody can be asked", remedy="To do it without being asked, add --yes.")
    say(what, err=True)
    if not typer.confirm(question, err=True):
        raise typer.Exit(1)


def duration(text: str, option: str) -> timedelta:
    """The duration of `90s`, `15m`, `1h30m`, `2d`; a bare number is seconds.

    Raises:
        UnreadableOptionError: it is none.
    """
    text = text.strip().lower()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        text += "s"
    if _DURATION.fullmatch(text):
        try:
            found = sum((float(number) * _UNITS[unit] for number, unit in _PART.findall(text)), timedelta())
        except OverflowError:
            found = _MOST + timedelta(1)
        if found <= _MOST:
            return found
    raise UnreadableOptionError(
        f"{text!r} is not a duration", place=Place(field=option), remedy="Write it like 90s, 15m, 1h30m or 2d."
    )


def moment(text: str, option: str) -> datetime:
    """The moment of an ISO 8601 text with a time zone.

    Raises:
        UnreadableOptionError: it is none, or has no time zone.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        fault = "is not a moment" if found is None else "has no time zone"
        raise UnreadableOptionError(
            f"{text!r} {fault}", place=Place(field=option), remedy="Write it like 2026-05-01T10:00Z or ...+02:00."
        )
    return found.astimezone(UTC)


def since(connection: psycopg.Connection[Any], text: str | None) -> datetime | None:
    """The moment from which on `--since` means, by the database's clock."""
    if text is None:
        return None
    if re.match(r"\d{4}-", text):
        return moment(text, "--since")
    return admin.now(connection) - duration(text, "--since")


def states(given: Sequence[str] | None, allowed: Sequence[str] = STATES) -> tuple[str, ...] | None:
    """The states of `--state`, by their names or those that the views use.

    Raises:
        UnreadableOptionError: one is not among those that are allowed.
    """
    found = tuple(_OTHER_NAMES.get(name.lower(), name.lower()) for name in given or ())
    if unknown := sorted(set(found) - set(allowed)):
        raise UnreadableOptionError(
            f"{', '.join(map(repr, unknown))} cannot be meant here",
            place=Place(field="--state"),
            remedy=f"The states are: {', '.join(allowed)}.",
        )
    return found or None


def chosen(
    connection: psycopg.Connection[Any],
    *,
    types: Sequence[str] | None,
    among: Sequence[str] | None,
    when: str | None,
    error: str | None,
    user: str | None,
) -> JobFilter:
    """The filter that these options make.

    Raises:
        UnreadableOptionError: a type is unknown, or `--since` cannot be read.
    """
    known = [row["name"] for row in ask(connection, "types")] if types else []
    if unknown := sorted(set(types or ()) - set(known)):
        raise UnreadableOptionError(
            f"unknown job type: {', '.join(unknown)}",
            place=Place(field="--type"),
            remedy=f"Those that there are: {', '.join(known)}.",
        )
    return JobFilter(
        types=tuple(types) if types else None,
        states=tuple(among) if among else None,
        since=since(connection, when),
        error=error or None,
        user_id=user,
    )
