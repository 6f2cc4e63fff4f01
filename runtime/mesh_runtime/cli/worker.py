"""`mesh worker`: run the jobs of the queue."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mesh_cli.console import emit_json, say
from mesh_cli.options import ProjectOption
from mesh_runtime.handlers import HandlerSource
from mesh_runtime.queue import QueueError, Worker
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mesh_runtime.queue import Counts, Handler

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class NoHandlerError(QueueError):
    """There is nothing that the worker could run."""


@app.command()
def worker(
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Run jobs of this type only; may be given several times.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="How many jobs run at a time.")] = 10,
    until_empty: Annotated[
        bool, typer.Option("--until-empty", "--once", help="End when no job may run now, instead of waiting for more.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Log JSON lines, and end with the counts as JSON.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log every job.")] = False,
    project: ProjectOption = None,
) -> None:
    """Run the jobs of the queue that this project has handlers for.

    SIGTERM or Ctrl-C lets running jobs finish (25 seconds at most) and gives the others back; a second one interrupts.
    """
    settings = Settings.load(project)
    _log_to_stderr(as_json=as_json, level=logging.DEBUG if verbose else logging.INFO)
    source = HandlerSource(settings)
    handlers = _chosen(source.current(), types)
    one = Worker(settings, handlers, concurrency=concurrency, refresh=_refresh(source, types))
    logging.getLogger("mesh.queue").info("%s runs %s", one.name, ", ".join(sorted(handlers)))
    _report(one.run_until_empty() if until_empty else one.run(), as_json=as_json)


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


def _refresh(source: HandlerSource, types: Sequence[str] | None) -> Callable[[], dict[str, Handler] | None]:
    def refreshed() -> dict[str, Handler] | None:
        handlers = source.refresh()
        return None if handlers is None else _only(handlers, types)

    return refreshed


def _report(counts: Counts, *, as_json: bool) -> None:
    if as_json:
        emit_json({name: getattr(counts, name) for name in ("completed", "failed", "released", "refused")})
    else:
        say(f"{counts.completed} completed, {counts.failed} failed, {counts.released} given back")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        return json.dumps(entry, ensure_ascii=False)


def _log_to_stderr(*, as_json: bool, level: int) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines() if as_json else logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    root = logging.getLogger("mesh")
    root.addHandler(handler)
    root.setLevel(level)
