"""Finishes, takes back or discards what a killed command left, and says so.

Only files whose content is the one before or after the change are touched; the others are listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_descriptors.errors import MeshError, Place
from mesh_scaffold.base import Disk, TreeError, digest
from mesh_scaffold.cleaning import discard
from mesh_scaffold.entry import Entry, Mark, State, folders, mark_of, read_entry
from mesh_scaffold.journal import UNDO, JournalError
from mesh_scaffold.lock import is_held
from mesh_scaffold.transaction import ChangedMeanwhileError, Transaction

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_scaffold.files import Files

ENDED = {Mark.DONE, Mark.TAKEN_BACK}


class RecoveryError(MeshError):
    """What a killed command left could neither be finished nor taken back."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of an unfinished change.

    Attributes:
        command: what its command was.
        time: when it began.
        outcome: "finished", "taken back", or "discarded": it had changed nothing yet.
        others: what is said about each file that somebody saved since.
    """

    command: str
    time: str
    outcome: str
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        head = f"mesh {self.command} of {self.time} was interrupted; it is {self.outcome} now"
        return "\n".join((head, *(f"  {other}" for other in self.others)))


def recover(root: Path, files: Files) -> tuple[Recovered, ...]:
    """Bring the project at `root` to the old or the new state of each unfinished change; the lock is held.

    Raises:
        RecoveryError: a call failed; what is left is named, and the next changing command tries again.
        JournalError: a journal is damaged.
    """
    return tuple(found for folder in folders(root) if (found := _recovered(root, folder, files)))


def unfinished(root: Path) -> tuple[str, ...]:
    """What the next changing command will recover; nothing while another command is changing the project."""
    found = [folder for folder in folders(root) if mark_of(folder) not in {*ENDED, Mark.IN_PLACE, Mark.DISCARDED}]
    if not found or is_held(root):
        return ()
    return tuple(_foretold(root, folder) for folder in found)


def _foretold(root: Path, folder: Path) -> str:
    cure = "the next command that changes the project finishes it, takes it back or discards it first"
    try:
        journal = read_entry(root, folder).journal
    except JournalError as error:
        return f"a command was interrupted; {cure}" if mark_of(folder) is None else str(error)
    return f"mesh {journal.command} of {journal.time} was interrupted; {cure}"


def _recovered(root: Path, folder: Path, files: Files) -> Recovered | None:
    mark = mark_of(folder)
    if mark in ENDED:
        return None
    if mark in {None, Mark.DISCARDED}:
        return _discarded(root, folder, files, said=mark is None)
    entry = read_entry(root, folder)
    _require_own_ground(entry)
    if mark is Mark.IN_PLACE:
        Transaction(entry, files).clean()
        return None
    if mark is Mark.COMMITTED and _leads_forward(entry):
        try:
            others = Transaction(entry, files).resume()
        except ChangedMeanwhileError:
            return _taken_back(entry, files)
        said = tuple(f"{path}: was changed since, and was left alone" for path in others)
        return Recovered(entry.journal.command, entry.journal.time, "finished", said)
    return _taken_back(entry, files)


def _discarded(root: Path, folder: Path, files: Files, *, said: bool) -> Recovered | None:
    try:
        entry = read_entry(root, folder)
        _require_own_ground(entry)
    except JournalError:  # killed while it was written, before anything else was done
        discard(folder, None, files)
        return None
    discard(folder, entry, files)
    return Recovered(entry.journal.command, entry.journal.time, "discarded") if said else None


def _taken_back(entry: Entry, files: Files) -> Recovered:
    left = Transaction(entry, files).back(all_moves=True)
    if left.failures:
        raise RecoveryError(
            f"mesh {entry.journal.command} of {entry.journal.time} was interrupted and cannot be taken back",
            place=Place(f"{UNDO}/{entry.journal.id}"),
            remedy="Free space or correct the permissions, then run the command again.",
            problems=[*left.failures, *left.others],
        )
    others = tuple(str(problem).replace("\n", "\n  ") for problem in left.others)
    return Recovered(entry.journal.command, entry.journal.time, "taken back", others)


def _leads_forward(entry: Entry) -> bool:
    """Whether finishing the change is what everybody wants.

    Files are moved in turn, so a file that somebody saved since, and that stands before the last one in place, was
    edited in its new state, and finishing is right. One that stands behind it was edited in its old state: finishing
    would leave the change without it, so that it is taken back.
    """
    states = [entry.state(move) for move in entry.journal.moves]
    if State.OLD not in states:
        return True  # there is nothing to finish
    last = max((turn for turn, state in enumerate(states) if state is State.NEW), default=-1)
    if State.OTHER in states[last + 1 :]:
        return False
    waiting = (move for move, state in zip(entry.journal.moves, states, strict=True) if state is State.OLD)
    return all(move.new is None or _holds(entry.new(move), move.new.sha256) for move in waiting)


def _holds(path: Path, sha256: str) -> bool:
    try:
        return digest(path.read_bytes()) == sha256
    except OSError:
        return False


def _require_own_ground(entry: Entry) -> None:
    """Refuse a journal whose folders have become links since, or were never the project's own."""
    journal, disk = entry.journal, Disk(entry.root)
    for path in (*journal.folders, *(folder.path for folder in journal.emptied), *journal.stages):
        try:
            moved = disk.canonical(path) != path
        except TreeError:
            moved = True
        if moved:
            raise JournalError(
                f"{path!r} has become a symbolic link",
                place=Place(f"{UNDO}/{journal.id}"),
                remedy="Look at the files there for what you still need, then remove the folder.",
            )
