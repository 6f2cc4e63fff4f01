"""`mesh worker`: run the jobs of the queue."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import psycopg
import typer

from mesh_cli.console import emit_json, say
from mesh_cli.options import ProjectOption
from mesh_runtime.cli.lifeline import Lifeline
from mesh_runtime.cli.log_lines import log_to_stderr
from mesh_runtime.cli.supervisor import Supervisor
from mesh_runtime.database import DatabaseUnreachableError, connect, database_url
from mesh_runtime.handlers import HandlerSource, all_handlers
from mesh_runtime.queue import Counts, QueueError, Worker
from mesh_runtime.queue.worker import check_queue
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mesh_runtime.queue import Handler

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class NoHandlerError(QueueError):
    """There is nothing that the worker could run."""


@dataclass(frozen=True, slots=True)
class _Options:
    types: tuple[str, ...]
    concurrency: int
    until_empty: bool
    as_json: bool
    verbose: bool

    def command(self, settings: Settings) -> list[str]:
        """The command of one of several workers."""
        flags = {"--until-empty": self.until_empty, "--json": self.as_json, "--verbose": self.verbose}
        return [
            *(sys.executable, "-m", "mesh_cli", "worker", "--project", str(settings.project)),
            *(word for name in self.types for word in ("--type", name)),
            *("--concurrency", str(self.concurrency)),
            *(flag for flag, wanted in flags.items() if wanted),
        ]


@app.command()
def worker(
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Run jobs of this type only; may be given several times.")
    ] = None,
    concurrency: Annotated[
        int, typer.Option(min=1, max=1000, help="How many jobs run at a time, in each process.")
    ] = 10,
    processes: Annotated[int, typer.Option(min=1, max=64, help="How many worker processes to run.")] = 1,
    until_empty: Annotated[
        bool, typer.Option("--until-empty", "--once", help="End when no job may run now, instead of waiting for more.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Log JSON lines, and end with the counts as JSON.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log every job.")] = False,
    project: ProjectOption = None,
) -> None:
    """Run the jobs of the queue that this project has handlers for.

    SIGTERM or Ctrl-C lets running jobs finish (25 seconds at most) and gives the others back; a second one interrupts.
    Exit codes: 0 it was stopped, or the queue is empty; 1 too many threads were over their time; 2 it could not run.
    """
    options = _Options(tuple(types or ()), concurrency, until_empty, as_json, verbose)
    settings = Settings.load(project)
    lifeline = Lifeline.of_this_process()
    check_queue(database_url(settings))
    log_to_stderr(as_json=as_json, level=logging.DEBUG if verbose else logging.INFO)
    with nullcontext() if lifeline is None else _plugins_unsaid():  # the first process has named them
        source = HandlerSource(settings)
    handlers = _chosen(source.current(), types)
    if lifeline is None:
        _declare(settings, source)
    if processes > 1:
        _supervise(settings, options, processes)
        return
    one = Worker(
        settings,
        handlers,
        concurrency=concurrency,
        refresh=_refresh(settings, source, types),
        load=partial(_loaded, options),
    )
    logging.getLogger("mesh.queue").info("%s runs %s", one.name, ", ".join(sorted(handlers)))
    if lifeline is not None:
        lifeline.when_cut(one.stop)
    counts = one.run_until_empty() if until_empty else one.run()
    _report(counts, as_json=as_json) if lifeline is None else lifeline.tell(counts)
    if one.worn_out:
        raise typer.Exit(1)


@contextmanager
def _plugins_unsaid() -> Iterator[None]:
    """The plug-ins that load are not logged; what is wrong with one is."""
    log = logging.getLogger("mesh.plugins")
    before = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(before)


def _supervise(settings: Settings, options: _Options, processes: int) -> None:
    several = Supervisor(options.command(settings), processes, until_empty=options.until_empty)
    several.run()
    _report(several.counts, as_json=options.as_json)
    if several.exit_code:
        raise typer.Exit(several.exit_code)


def _loaded(options: _Options, settings: Settings) -> dict[str, Handler]:
    """The handlers, in the process of an isolated one."""
    log_to_stderr(as_json=options.as_json, level=logging.DEBUG if options.verbose else logging.WARNING)
    return all_handlers(settings)


def _chosen(handlers: Mapping[str, Handler], types: Sequence[str] | None) -> dict[str, Handler]:
    known = ", ".join(sorted(handlers)) or "none"
    if unknown := sorted(set(types or ()) - set(handlers)):
        raise NoHandlerError(
            f"no handler for the job type {', '.join(unknown)}", remedy=f"The types that have one are: {known}."
        )
    if not handlers:
        raise NoHandlerError("this project has no handlers", remedy="Write one in a plug-in: docs/queue.md shows how.")
    return _only(handlers, types)


def _only(handlers: Mapping[str, Handler], types: Sequence[str] | None) -> dict[str, Handler]:
    return {name: handler for name, handler in handlers.items() if not types or name in types}


def _declare(settings: Settings, source: HandlerSource) -> None:
    """Make the schedules known; a database that is away for a moment must not end a worker that waits for it."""
    try:
        with connect(database_url(settings), autocommit=True) as connection:
            source.declare_schedules(connection)
    except (psycopg.Error, DatabaseUnreachableError) as error:
        logging.getLogger("mesh.queue").warning("the schedules are not declared: %s", error)


def _refresh(
    settings: Settings, source: HandlerSource, types: Sequence[str] | None
) -> Callable[[], dict[str, Handler] | None]:
    def refreshed() -> dict[str, Handler] | None:
        handlers = source.refresh()
        if handlers is None:
            return None
        _declare(settings, source)
        return _only(handlers, types)

    return refreshed


def _report(counts: Counts, *, as_json: bool) -> None:
    if as_json:
        emit_json(asdict(counts))
    else:
        cancelled = f", {counts.cancelled} cancelled" if counts.cancelled else ""
        say(f"{counts.completed} completed, {counts.failed} failed, {counts.released} given back{cancelled}")
