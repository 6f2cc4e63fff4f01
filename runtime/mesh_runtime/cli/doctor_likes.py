"""`mesh doctor likes`: do the stored counts of likes agree with the ratings?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from psycopg.rows import dict_row

from mesh_cli.console import emit_json, say
from mesh_cli.options import JsonOption, ProjectOption
from mesh_descriptors.errors import Problem
from mesh_runtime.cli.queue.options import YesOption, confirm, queue_database
from mesh_runtime.database import queries
from mesh_runtime.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import psycopg

_SQL = queries("likes")
_MOST = 10_000
_SHOWN = 10
_PATIENCE_SECONDS = 60

Row = dict[str, Any]


class NoLikesError(DatabaseError):
    """The database lacks the tables that likes are in."""


@dataclass(frozen=True, slots=True)
class Check:
    """One way in which likes can be wrong.

    Attributes:
        query: the statement of `likes.sql` that finds it.
        says: what is wrong with a row that it found.
        deletion: the statement that repairs it by deleting; None where counting repairs it.
        noun: what is deleted.
    """

    query: str
    says: Callable[[Row], str]
    deletion: str | None = None
    noun: str = ""


CHECKS = (
    Check(
        "duplicate_ratings",
        lambda row: f"the session {row['session']} has rated the post {row['post']} {row['ratings']} times",
        "delete_duplicates",
        "duplicates of ratings",
    ),
    Check(
        "orphaned_ratings",
        lambda row: f"{row['ratings']} ratings are of the post {row['post']}, which is gone",
        "delete_orphaned_ratings",
        "ratings of posts that are gone",
    ),
    Check(
        "orphaned_comments",
        lambda row: f"{row['comments']} comments are on the post {row['post']}, which is gone",
        "delete_orphaned_comments",
        "comments on posts that are gone",
    ),
    Check("drift", lambda row: f"the post {row['post']} says {row['stored']} likes, and has {row['ratings']} ratings"),
)
"""In the order in which they are repaired: what is deleted changes counts."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found.

    Attributes:
        found: the rows that are wrong, by the name of the check.
        waiting: posts whose job is on its way to count them: no drift yet.
        seconds: how long the oldest such job has been due.
    """

    found: Mapping[str, Sequence[Row]]
    waiting: Sequence[Row]
    seconds: float

    @property
    def late(self) -> bool:
        """Whether nobody seems to run the jobs that count."""
        return bool(self.waiting) and self.seconds > _PATIENCE_SECONDS

    @property
    def well(self) -> bool:
        """Whether there is nothing to do."""
        return not self.late and not any(self.found.values())


def likes_command(
    fix: Annotated[bool, typer.Option("--fix", help="Count again, and delete duplicates and orphans.")] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Look for posts whose stored count of likes is wrong, for duplicate ratings, and for what posts left behind.

    Exit codes: 0 nothing was found, or all of it was repaired; 1 something was found; 2 it could not be looked for.
    """
    with queue_database(project) as connection:
        _require_tables(connection)
        first = last = diagnose(connection)
        if fix and not first.well:
            last = _repaired(connection, first, yes=yes)
    if as_json:
        emit_json({"findings": _entries(first), "waiting": len(last.waiting), "fixed": fix and last.well})
    else:
        _tell(first, fixed=fix and last.well)
    if not last.well:
        raise typer.Exit(1)


def diagnose(connection: psycopg.Connection[Any]) -> Diagnosis:
    """Everything that is wrong, as far as it is not about to be counted."""
    found = {check.query: _rows(connection, check.query) for check in CHECKS}
    waiting = [row for row in found["drift"] if row["waits"]]
    found["drift"] = [row for row in found["drift"] if not row["waits"]]
    return Diagnosis(found, waiting, _rows(connection, "oldest_count")[0]["seconds"] or 0)


def _repaired(connection: psycopg.Connection[Any], first: Diagnosis, *, yes: bool) -> Diagnosis:
    """Delete what is too much, then count every post that is wrong, those that wait for their job too."""
    deletions = [check for check in CHECKS if check.deletion and first.found[check.query]]
    if deletions:
        what = f"{' and '.join(check.noun for check in deletions)} are deleted for good."
        confirm(what[0].upper() + what[1:], "Go on?", yes=yes)
    for check in deletions:
        connection.execute(_SQL[check.deletion or ""].sql)
    for row in _rows(connection, "drift"):
        connection.execute(_SQL["count_post"].sql, {"post": row["post"]})
    return diagnose(connection)


def _rows(connection: psycopg.Connection[Any], query: str) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_SQL[query].sql, {"limit": _MOST}).fetchall()


def _require_tables(connection: psycopg.Connection[Any]) -> None:
    missing = [row["name"] for row in _rows(connection, "like_tables") if row["found"] is None]
    if missing:
        raise NoLikesError(
            f"the database has no table {', '.join(missing)}",
            remedy="`mesh db migrate` makes those of an app of `mesh init`; other apps need them under these names.",
        )


def _problems(found: Diagnosis) -> list[Problem]:
    remedy = "Repair it: mesh doctor likes --fix"
    problems = [Problem(check.says(row), remedy=remedy) for check in CHECKS for row in found.found[check.query]]
    if found.late:
        posts = _number(len(found.waiting), "post waits", "posts wait")
        message = f"{posts} to be counted, the first for {found.seconds:,.0f} seconds"
        problems.append(Problem(message, remedy="Run a worker, or have /api/queue/process called every minute."))
    return problems


def _entries(found: Diagnosis) -> list[dict[str, Any]]:
    facts = [(check.query, row) for check in CHECKS for row in found.found[check.query]]
    facts += [("late", {"posts": len(found.waiting), "seconds": found.seconds})] if found.late else []
    return [
        {"check": check} | problem.to_json() | {"facts": row}
        for (check, row), problem in zip(facts, _problems(found), strict=True)
    ]


def _tell(found: Diagnosis, *, fixed: bool) -> None:
    problems = _problems(found)
    for problem in problems[:_SHOWN]:
        say(problem.message if fixed else str(problem))
    if len(problems) > _SHOWN:
        say(f"and {len(problems) - _SHOWN:,} more")
    if found.waiting and not found.late:
        say(f"{_number(len(found.waiting), 'post is', 'posts are')} about to be counted")
    say(f"{_number(len(problems), 'finding', 'findings')}{', repaired' if fixed and problems else ''}")


def _number(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
