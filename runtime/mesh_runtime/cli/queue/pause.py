"""`mesh queue pause` and `resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_cli.console import emit_json, say
from mesh_cli.options import JsonOption, ProjectOption
from mesh_runtime.cli.queue.options import queue_database
from mesh_runtime.queue import admin

if TYPE_CHECKING:
    from pathlib import Path


def pause_command(
    types: Annotated[list[str], typer.Argument(metavar="TYPE...", help="Job types.")],
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Pause job types.

    None of their jobs is started; what runs finishes, and enqueueing goes on.

    For example: mesh queue pause send_notification
    """
    _set_paused(types, paused=True, as_json=as_json, project=project)


def resume_command(
    types: Annotated[list[str], typer.Argument(metavar="TYPE...", help="Job types.")],
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Let paused job types go on.

    For example: mesh queue resume send_notification
    """
    _set_paused(types, paused=False, as_json=as_json, project=project)


def _set_paused(types: list[str], *, paused: bool, as_json: bool, project: Path | None) -> None:
    with queue_database(project) as connection:
        admin.set_paused(connection, types, paused=paused)
    if as_json:
        emit_json({"types": types, "paused": paused})
    else:
        say(f"{', '.join(types)} {'paused' if paused else 'resumed'}")
