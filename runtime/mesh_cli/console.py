"""What a command prints: tables, JSON, diffs and progress; colour only on a terminal, and never with NO_COLOR.

A reader that goes before the end (`mesh ingest ... | head -1`) ends the printing, never the work.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TextIO


PIPED = 200
"""The width of a table that no terminal shows."""


def in_colour(stream: TextIO) -> bool:
    """Whether `stream` is a terminal that wants colour."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def emit(text: str, *, newline: bool = True, in_colour: bool | None = None) -> None:
    """Print `text` on standard output as it is; `in_colour` keeps its colours where there is no terminal."""
    with _readers_may_go(sys.stdout):
        typer.echo(text, nl=newline, color=in_colour)


def emit_json(value: Any) -> None:
    """Print `value` as indented JSON on standard output."""
    emit(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def say(message: str, *, colour: str | None = None, bold: bool = False, err: bool = False) -> None:
    """Print a line; `colour` (a click colour name) is used on terminals only."""
    stream = sys.stderr if err else sys.stdout
    with _readers_may_go(stream):
        typer.secho(message, fg=colour, bold=bold, err=err, color=in_colour(stream))


@contextmanager
def _readers_may_go(stream: TextIO) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # what is still in the stream's buffer would be refused at exit otherwise
        os.close(nowhere)


def counted(number: int, word: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def warn(message: str) -> None:
    """Print a warning on standard error."""
    say(f"warning: {message}", colour="yellow", err=True)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[str] = ()) -> None:
    """Print rows under headings, fitted to the terminal; columns named in `right` are aligned right."""
    from rich.box import SIMPLE_HEAD  # lazily: a command that prints no table does not pay for rich
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    console = Console(no_color=not in_colour(sys.stdout), highlight=False)
    if not sys.stdout.isatty():
        console.width = PIPED
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().removesuffix("\n").split("\n"):  # other line ends are part of the text
        emit(line.rstrip(), in_colour=True)  # rich has left out the colours that nobody wants


def print_diff(diff: str) -> None:
    """Print a unified diff, coloured on terminals."""
    colours = (("+++", None), ("---", None), ("+", "green"), ("-", "red"), ("@@", "cyan"))
    for line in diff.removesuffix("\n").split("\n"):  # other line ends are part of the text
        colour = next((colour for prefix, colour in colours if line.startswith(prefix)), None)
        say(line, colour=colour, bold=line.startswith(("+++", "---")))


@contextmanager
def progress(label: str, total: float | None, *, unit: str = "") -> Iterator[Callable[[float], None]]:
    """A progress bar on standard error while the body runs; silent where standard error is no terminal.

    Yields a function that moves the bar by an amount, in the unit of `total`.

    Args:
        label: what is being done.
        total: how much there is to do; None while nobody knows.
        unit: "bytes" shows sizes and speeds; else plain counts.
    """
    if not sys.stderr.isatty():
        yield lambda _amount: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    counter = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), counter, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda amount: bar.advance(task, amount)
