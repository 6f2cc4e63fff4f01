"""How jobs look in a terminal: short ids, ages, and one line for what matters of each."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from mesh_cli.console import print_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from mesh_runtime.queue.known import KnownJob

SHORT_ID = 8
_STEPS = (("d", 86_400), ("h", 3_600), ("m", 60))
_LEAST_CROPPED = 16
_WIDE = 200
_GAP, _RICH_GAP = 2, 3


def short_id(job_id: UUID) -> str:
    """The end of an id: its beginning is a time, which jobs of one moment share."""
    return job_id.hex[-SHORT_ID:]


def span(of: timedelta | float | None) -> str:
    """A duration in at most four letters: 250ms, 12s, 5m, 3h, 2d."""
    if of is None:
        return "-"
    seconds = abs(of if isinstance(of, int | float) else of.total_seconds())
    for unit, size in _STEPS:
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s" if seconds >= 1 else f"{seconds * 1000:.0f}ms"


def compact(number: float | None) -> str:
    """A number in at most five letters; zero is a dot, so that what is not zero is seen."""
    if not number:
        return "·"
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if number >= 10 * size:
            return f"{number / size:,.0f}{unit}"
    if number >= 10 or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 0.05 else "<0.1"


def count(number: float | None) -> str:
    """A number with its thousands apart; zero is a dot, so that what is not zero is seen."""
    return "·" if not number else f"{number:,.0f}"


def what(job: KnownJob, now: datetime) -> str:
    """What matters of a job in its state, in one line."""
    error = " ".join((job.error or "").split())
    match job.state:
        case "scheduled":
            assert job.run_at is not None
            due = f"in {span(job.run_at - now)}" if job.run_at > now else "due now"
            return f"{due}, after: {error}" if error else due
        case "blocked":
            return f"waits for {'its parents' if job.blocked_by == 'parents' else f'the gate {job.gate}'}"
        case "running":
            assert job.started_at is not None
            return f"for {span(now - job.started_at)} on {job.owner}"
        case "dead":
            return f"{job.reason}: {error}" if error else str(job.reason)
        case "pending":
            return f"after: {error}" if error else ""
    return f"ended {span(now - job.ended_at)} ago" if job.ended_at else ""


def print_jobs(jobs: Sequence[KnownJob], now: datetime) -> None:
    """A table of jobs that fits the terminal: one line each, the last column cut off where it must be."""
    rows = [
        [short_id(job.id), job.state, job.job_type, _tries(job), span(now - job.created_at), what(job, now)]
        for job in jobs
    ]
    print_cropped(["id", "state", "type", "tries", "age", "what"], rows, right=["tries", "age"])


def print_cropped(headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print a table whose last column is cut off where the terminal ends."""
    used = sum(
        max(len(heading), *(len(row[column]) for row in rows)) + _RICH_GAP
        for column, heading in enumerate(headings[:-1])
    )
    room = max(terminal_width() - used, _LEAST_CROPPED)
    print_table(headings, [[*row[:-1], cropped(row[-1], room)] for row in rows], right=right)


def laid_out(headings: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """The lines of a table whose first `left` columns are texts and whose others are numbers."""
    widths = [max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]
    widths[0] = max(min(widths[0], terminal_width() - sum(widths[1:]) - _GAP * len(widths[1:])), _LEAST_CROPPED)

    def line(row: Sequence[str]) -> str:
        cells = [cropped(cell, width) for cell, width in zip(row, widths, strict=True)]
        aligned = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return (" " * _GAP).join(aligned).rstrip()

    rule = "─" * (sum(widths) + _GAP * len(widths[1:]))
    return [line(headings), rule, *(line(row) for row in rows)]


def cropped(text: str, width: int) -> str:
    """The text, with an ellipsis where it is cut off."""
    return text if len(text) <= width else text[: width - 1] + "…"


def terminal_width() -> int:
    """How many letters a line may have; plenty where nobody reads it on a terminal."""
    return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else _WIDE


def _tries(job: KnownJob) -> str:
    return str(job.attempts) if job.max_attempts is None else f"{job.attempts}/{job.max_attempts}"
