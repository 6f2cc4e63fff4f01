"""What the command line says about files that the user edited: an option, or on a terminal a menu for each file."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from mesh_cli.console import print_diff, say
from mesh_scaffold.diff import unified_diff
from mesh_scaffold.tree import Change, Stored

if TYPE_CHECKING:
    from mesh_scaffold.generate.conflicts import Choice, Clash, Resolve


class OnConflict(StrEnum):
    """The choices, as the engine calls them."""

    ABORT = "abort"
    KEEP = "keep"
    OVERWRITE = "overwrite"
    MERGE = "merge"
    MARKERS = "markers"


OnConflictOption: TypeAlias = Annotated[
    OnConflict | None,
    typer.Option(
        "--on-conflict",
        help="Files that you edited or wrote: abort (nothing is written), keep (yours), overwrite (the generated one), "
        "merge (both, or nothing is written), markers (both, conflicts marked as git does).",
    ),
]
AllowDataLossOption: TypeAlias = Annotated[
    bool, typer.Option("--allow-data-loss", help="Migrations may drop columns and narrow their types.")
]
MENU: dict[str, Choice] = {"y": "overwrite", "n": "keep", "m": "markers", "q": "abort"}
ANSWERS = "[y]es, [n]o, [d]iff, [m]erge, [q]uit"


def chosen(said: OnConflict | None, *, created: Choice, changed: Choice, ask: bool = False) -> Resolve:
    """What happens to each file.

    Args:
        said: what the command line says; it holds for all files.
        created: what happens, unless said or answered, to a file that stands where another is to be created.
        changed: what happens, unless said, to a generated file that was edited.
        ask: whether the user may be asked about files to be created, where there is a terminal to ask on.
    """
    if said is not None:
        value: Choice = said.value
        return lambda _clash: value
    on_terminal = ask and sys.stdin.isatty() and sys.stdout.isatty()

    def choice(clash: Clash) -> Choice:
        if not clash.created:
            return changed
        return _asked(clash) if on_terminal else created

    return choice


def _asked(clash: Clash) -> Choice:
    """The user's answer; what is not understood is asked again."""
    while True:
        say(f"{clash.path} exists with other content.", bold=True)
        answer = typer.prompt(f"Overwrite it? {ANSWERS}", default="n").strip().lower()[:1]
        if answer in MENU:
            return MENU[answer]
        if answer == "d":
            print_diff(unified_diff(Change(clash.path, Stored(clash.current, 0o644), Stored(clash.generated, 0o644))))
