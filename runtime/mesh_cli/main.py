"""The `mesh` command: a group whose sub-commands are entry points, each imported only when it is called."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mesh_cli.commands import GROUP, Command
from mesh_cli.console import emit
from mesh_descriptors.errors import MeshError

OWN_ORDER = (
    "init",
    "new",
    "update",
    "remove",
    "record",
    "check",
    "adopt",
    "undo",
    "log",
    "plan",
    "apply",
    "db",
    "serve",
    "worker",
    "queue",
    "doctor",
    "plugins",
    "ingest",
    "candidates",
    "demo",
)
"""The commands of mesh in the order of a newcomer's work; those of third parties follow by name."""


class BrokenCommandError(MeshError):
    """A registered sub-command could not be loaded."""


def registered() -> dict[str, EntryPoint]:
    """The entry points of every sub-command, by name; of two that claim one name, mesh's own is taken."""
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: not entry.value.startswith("mesh_")):
        found.setdefault(entry.name, entry)
    names = [name for name in OWN_ORDER if name in found]
    return {name: found[name] for name in names + sorted(set(found) - set(names))}


def _loaded(entry: EntryPoint) -> Any:
    try:
        target = entry.load()
        if not isinstance(target, Command):
            return target
        module, _, attribute = target.load.partition(":")
        return getattr(import_module(module), attribute)
    except Exception as error:  # third-party code may fail in any way; the error carries its reason
        raise BrokenCommandError(
            f"the command {entry.name!r} ({entry.value}) cannot be loaded: {error}",
            remedy="Reinstall or uninstall the package that registers it.",
        ) from error


def _help_line(entry: EntryPoint) -> str:
    """The command's line in `mesh --help`; a command that cannot be loaded must not take the page down."""
    try:
        target = entry.load()
    except Exception as error:  # noqa: BLE001  third-party code; the line itself says what happened
        return f"(cannot be loaded: {error})"
    return target.help if isinstance(target, Command) else (target.info.help or "")


class LazyGroup(TyperGroup):
    """Lists commands from their entry points and imports one only when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every registered name."""
        del ctx
        return list(registered())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, imported now; None when no package registers it."""
        del ctx
        entry = registered().get(cmd_name)
        if entry is None:
            return None
        command = typer.main.get_command(_loaded(entry))
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands without loading any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, _help_line(entry)) for name, entry in registered().items()])


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"mesh {version('mesh-scaffold')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """From a declarative spec to a running post type, and from a raw export to a taste vector.

    Exit codes: 0 done; 1 a conflict or a finding; 2 bad input, or the command could not run.
    """


def main() -> None:
    """Run the `mesh` command: a MeshError becomes its message and exit code, never a traceback."""
    try:
        app(prog_name="mesh")
    except MeshError as error:
        _report(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def _report(error: MeshError) -> None:
    if "--json" in sys.argv:
        emit(json.dumps({"error": [problem.to_json() for problem in error.problems]}, ensure_ascii=False))
    for problem in error.problems:
        typer.secho("error: ", fg="red", bold=True, nl=False, err=True)
        typer.echo(str(problem), err=True)
