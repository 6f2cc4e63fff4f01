"""What must be true after the storm: each check is a query that finds nothing, or the rows that break it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row
from tests.runtime.queue.chaos.handlers import MAY_NOT_COMPLETE
from tests.runtime.queue.steps import assert_sound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    import psycopg

_SQL = Path(__file__).with_name("verdict.sql").read_text()
_CHECK = re.compile(r"^-- (check|figures): ?(.*)\n((?:(?!^-- (?:check|figures)).*\n?)*)", re.MULTILINE)


def _queries(kind: str) -> dict[str, bytes]:
    return {name: query.encode() for found, name, query in _CHECK.findall(_SQL) if found == kind}


def problems(connection: psycopg.Connection[Any], acknowledged: Iterable[UUID]) -> list[str]:
    """What is not as it must be; empty when all is well."""

    def rows(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return connection.execute(sql.encode(), parameters).fetchall()

    found = []
    for name, query in _queries("check").items():
        broken = connection.execute(query, {"loose": list(MAY_NOT_COMPLETE)}).fetchall()
        if broken:
            found.append(f"{name}: {len(broken)}, such as {broken[0]}")
    lost = _lost(connection, acknowledged)
    if lost:
        found.append(f"a job was lost whose commit was answered: {len(lost)}, such as {lost[0]}")
    return found + _unsound(rows)


def figures(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """What happened, in numbers."""
    (query,) = _queries("figures").values()
    return dict(connection.cursor(row_factory=dict_row).execute(query).fetchone() or {})


def _lost(connection: psycopg.Connection[Any], acknowledged: Iterable[UUID]) -> list[UUID]:
    known = {row[0] for row in connection.execute("SELECT id FROM mesh.known_jobs").fetchall()}
    return [job_id for job_id in acknowledged if job_id not in known]


def _unsound(rows: Callable[..., list[tuple[Any, ...]]]) -> list[str]:
    """Counters are equal to rows, and nothing of ended jobs is left in the side tables."""
    try:
        assert_sound(rows)
    except AssertionError as error:
        return [f"the queue's tables do not agree: {error}"]
    return []
