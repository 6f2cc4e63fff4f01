"""`mesh log`: what mesh did to the project."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from mesh_cli.console import emit_json, print_table, say
from mesh_cli.options import JsonOption, ProjectOption
from mesh_scaffold.cli.project import open_changed, report_unfinished
from mesh_scaffold.history import Kind, history, kind_of

if TYPE_CHECKING:
    from mesh_scaffold.history import Past

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

WORDS: dict[Kind, str] = {"create": "created", "edit": "edited", "delete": "deleted"}


@app.command()
def log(as_json: JsonOption = False, project: ProjectOption = None) -> None:
    """List the changes that mesh made to the project's files, the newest first; mesh undo ID takes one back."""
    root, _ = open_changed(project)
    report_unfinished(root)
    changes = tuple(reversed(history(root)))
    if as_json:
        emit_json({"changes": [past.to_json() for past in changes]})
    elif changes:
        print_table(["id", "time", "command", "files", "status"], [_row(past) for past in changes], right=["id"])
    else:
        say("mesh has changed nothing here yet.")


def _row(past: Past) -> list[object]:
    time = datetime.fromisoformat(past.entry.journal.time).astimezone() if past.entry else None
    counts = Counter(kind_of(move) for move in past.moves)
    files = ", ".join(f"{counts[kind]} {word}" for kind, word in WORDS.items() if counts[kind])
    status = f"undone by {past.undone_by}" if past.undone_by else past.status
    return [past.id, f"{time:%Y-%m-%d %H:%M:%S}" if time else "?", f"mesh {past.command}", files, status]
