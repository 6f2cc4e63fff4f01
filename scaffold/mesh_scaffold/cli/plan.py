"""`mesh plan`: what another command would do, as a diff or as a file that `mesh apply` takes."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from mesh_cli.console import counted, say
from mesh_cli.main import LazyGroup
from mesh_descriptors.errors import MeshError, Place
from mesh_scaffold.files import DiskFiles, write_output

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

PLANNED = ("init", "new", "update", "remove", "undo")
"""The commands whose work is a plan."""

NOT_IN_FILES = {"applied", "next"}


class NoPlanError(MeshError):
    """There is no plan to be had."""


@app.command(
    "plan",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    no_args_is_help=False,
)
def plan(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND ...", help="init, new, update, remove or undo, with all that it takes."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the plan there, for mesh apply.")
    ] = None,
) -> None:
    """Show what a command would do, and write nothing but, with -o, the plan itself."""
    name, arguments = (words or [""])[0], (words or [])[1:]
    command = LazyGroup().get_command(context, name) if name in PLANNED else None
    if name in {"--help", "-h"}:
        typer.echo(context.get_help())
        return
    if command is None:
        raise NoPlanError(
            f"{name!r} is no command that makes a plan" if name else "which command is to be planned?",
            remedy=f"Those that do: {', '.join(PLANNED)}; mesh plan new post-type poll -o poll.plan",
        )
    if output is None:
        code = command.main([*arguments, "--dry-run"], prog_name=f"mesh {name}", standalone_mode=False)
        raise typer.Exit(code or 0)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = command.main([*arguments, "--dry-run", "--json"], prog_name=f"mesh {name}", standalone_mode=False)
    document = json.loads(printed.getvalue())
    content = {key: value for key, value in document.items() if key not in NOT_IN_FILES}
    _write(output, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    say(f"{counted(len(document['changes']), 'file')} would change; the plan is in {output}.")
    say(f"  mesh apply {shlex.quote(str(output))}{_elsewhere(command, name, arguments)}", bold=True)
    raise typer.Exit(code or 0)


def _elsewhere(command: Any, name: str, arguments: list[str]) -> str:
    """How `mesh apply` is told the folder of an app that is still to be made."""
    if name != "init":
        return ""
    return f" --project {shlex.quote(command.make_context(name, list(arguments)).params['directory'])}"


def _write(output: Path, text: str) -> None:
    try:
        write_output(output, text.encode("utf-8"), DiskFiles())
    except OSError as error:
        raise NoPlanError(
            f"cannot be written: {error.strerror}", place=Place(str(output)), remedy="Choose another file."
        ) from error
