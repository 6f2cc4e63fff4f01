"""`mesh plugins`: what is plugged in, and what is wrong with the rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mesh_cli.console import counted, emit_json, print_table, say
from mesh_cli.options import JsonOption, ProjectOption
from mesh_runtime.plugins import load_project_plugins, plugin_folders
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    from mesh_runtime.plugins import Plugin, PluginFolder, Registry

app = typer.Typer(
    help="List and check the plug-ins of the project.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command("list")
def list_plugins(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the plug-ins that load, the project's and those that mesh ships."""
    folders, registry = _loaded(project)
    if as_json:
        emit_json(_report(folders, registry))
        return
    if registry.plugins:
        print_table(["kind", "type", "label", "version", "folder"], [_row(plugin) for plugin in registry.plugins])
    else:
        say(f"no plug-ins in {', '.join(folder.shown(folder.path) for folder in folders) or 'any folder'}")
    if registry.problems:
        say(f"{counted(len(registry.problems), 'problem')}: mesh plugins check", colour="yellow", err=True)


@app.command("check")
def check_plugins(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Load every plug-in and say what is wrong with those that don't load.

    Exit codes: 0 all load; 1 one doesn't, or mesh.toml configures one that there is not; 2 the project cannot be read.
    """
    folders, registry = _loaded(project)
    if as_json:
        emit_json(_report(folders, registry))
    else:
        for problem in registry.problems:
            say(str(problem), colour="red")
        loaded = f"{counted(len(registry.plugins), 'plug-in')} loaded"
        say(f"{loaded}, {counted(len(registry.problems), 'problem')}" if registry.problems else loaded)
    if registry.problems:
        raise typer.Exit(1)


def _loaded(project: Path | None) -> tuple[tuple[PluginFolder, ...], Registry]:
    settings = Settings.load(project)
    return plugin_folders(settings.project, settings.project_file), load_project_plugins(settings)


def _row(plugin: Plugin) -> tuple[str, ...]:
    one = plugin.descriptor
    shown = "(mesh)" if plugin.first_party else plugin.candidate.shown(".")
    return (one.kind, one.type, one.label, one.version, shown)


def _report(folders: tuple[PluginFolder, ...], registry: Registry) -> dict[str, Any]:
    return {
        "folders": [{"path": str(folder.path), "first_party": folder.first_party} for folder in folders],
        "plugins": [_described(plugin) for plugin in registry.plugins],
        "problems": [problem.to_json() for problem in registry.problems],
    }


def _described(plugin: Plugin) -> dict[str, Any]:
    """A plug-in for machines: of its config only the names, for a value may be a secret."""
    one = plugin.descriptor
    return {
        "name": plugin.name,
        "kind": one.kind,
        "type": one.type,
        "version": one.version,
        "label": one.label,
        "icon": one.icon,
        "path": str(plugin.path),
        "first_party": plugin.first_party,
        "entry": list(one.entry),
        "config": [{"name": name, "type": each.type, "required": each.required} for name, each in one.config.items()],
    }
