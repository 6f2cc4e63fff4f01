"""How a package registers a sub-command without importing it."""

from __future__ import annotations

from dataclasses import dataclass

GROUP = "mesh.commands"
"""The entry-point group under which both packages and third parties register sub-commands."""


@dataclass(frozen=True, slots=True)
class Command:
    """A sub-command: its line in `mesh --help`, and where its Typer application is.

    Attributes:
        help: one line, shown without loading the command.
        load: `module:attribute` of a `typer.Typer`, imported only when the command is called.
        panel: the heading under which `mesh --help` lists it.
    """

    help: str
    load: str
    panel: str = "Commands"
