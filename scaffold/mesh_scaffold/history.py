"""The changes that mesh made to a project, as its undo folder tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mesh_scaffold.entry import Entry, Mark, folders, mark_of, read_entry
from mesh_scaffold.journal import JournalError, Move

if TYPE_CHECKING:
    from pathlib import Path

Status: TypeAlias = Literal["done", "undone", "taken back", "unfinished", "damaged"]
Kind: TypeAlias = Literal["create", "edit", "delete"]

STATUS: dict[Mark | None, Status] = {
    Mark.DONE: "done",
    Mark.IN_PLACE: "done",
    Mark.TAKEN_BACK: "taken back",
}


@dataclass(frozen=True, slots=True)
class Past:
    """One change.

    Attributes:
        id: its number.
        status: "done"; "undone" by a later one; "taken back" at once, but for files that somebody saved meanwhile;
            "unfinished"; "damaged": its journal cannot be read.
        entry: its journal and files; None where it is damaged.
        undone_by: the number of the change that took it back.
    """

    id: int
    status: Status
    entry: Entry | None
    undone_by: int | None = None

    @property
    def command(self) -> str:
        """What was asked for, as a user types it."""
        return self.entry.journal.command if self.entry else ""

    @property
    def undoes(self) -> int | None:
        """The number of the change that this one took back."""
        return self.entry.journal.undoes if self.entry else None

    @property
    def moves(self) -> tuple[Move, ...]:
        """Its files."""
        return self.entry.journal.moves if self.entry else ()

    def to_json(self) -> dict[str, Any]:
        """The change as a JSON object."""
        return {
            "id": self.id,
            "time": self.entry.journal.time if self.entry else None,
            "command": self.command or None,
            "status": self.status,
            "undoes": self.undoes,
            "undone_by": self.undone_by,
            "files": [{"path": move.path, "kind": kind_of(move)} for move in self.moves],
        }


def history(root: Path) -> tuple[Past, ...]:
    """The changes that are kept, oldest first."""
    found = [_read(root, folder) for folder in folders(root) if mark_of(folder) is not Mark.DISCARDED]
    undone: dict[int, int] = {}
    for past in reversed(found):  # an undo that was itself undone takes nothing back
        if past.status == "done" and past.undoes and past.id not in undone:
            undone.setdefault(past.undoes, past.id)
    return tuple(
        Past(past.id, "undone", past.entry, undone[past.id]) if past.id in undone and past.status == "done" else past
        for past in found
    )


def kind_of(move: Move) -> Kind:
    """What happened to the file."""
    if move.old is None:
        return "create"
    return "delete" if move.new is None else "edit"


def _read(root: Path, folder: Path) -> Past:
    number = int(folder.name)
    try:
        return Past(number, STATUS.get(mark_of(folder), "unfinished"), read_entry(root, folder))
    except JournalError:
        return Past(number, "damaged", None)
