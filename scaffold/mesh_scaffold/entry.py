"""Where a change is kept: its folder with the journal, the mark and the staged files; and what its files are now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place
from mesh_scaffold.base import Disk, TreeError, digest
from mesh_scaffold.journal import JOURNAL_FILE, UNDO, Side, damaged, parsed

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_scaffold.journal import Journal, Move


class Mark(StrEnum):
    """How far a change came; without a mark, nothing outside the change's own folders was touched yet."""

    COMMITTED = "committed"
    """All is staged: the files move into place, and who finds this finishes the work."""

    TAKING_BACK = "taking-back"
    """The files move back."""

    IN_PLACE = "in-place"
    """All files are in place; folders of staged files on other filesystems are still to be removed."""

    DONE = "done"
    """All files are in place; the folder is kept for `mesh undo`."""

    TAKEN_BACK = "taken-back"
    """All files but those that somebody saved meanwhile are back; the folder keeps what stood in their place."""

    DISCARDED = "discarded"
    """The folder is of no use to anybody and is being removed."""


class State(StrEnum):
    """What stands at a path that a change is about."""

    OLD = "old"
    NEW = "new"
    OTHER = "other"
    """Neither: somebody has saved it since."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A journal and where its files are."""

    root: Path
    journal: Journal

    @property
    def folder(self) -> Path:
        """The change's own folder."""
        return self.root / UNDO / str(self.journal.id)

    def path(self, move: Move) -> Path:
        """The file itself."""
        return self.root / move.path

    def stage(self, move: Move) -> Path:
        """The folder of its staged files, on the file's own filesystem."""
        return self.root / move.stage if move.stage else self.folder

    def new(self, move: Move) -> Path:
        """The staged file as it will be."""
        return self.stage(move) / f"{move.number}.new"

    def old(self, move: Move) -> Path:
        """The file as it was, from where it can be moved back in one instant."""
        return self.stage(move) / f"{move.number}.old"

    def kept(self, move: Move) -> Path:
        """The file as it was, from where `mesh undo` reads it."""
        return self.folder / f"{move.number}.old"

    def after(self, move: Move) -> Path:
        """A copy of an edited file as it will be, from where `mesh undo` merges when the file is edited again."""
        return self.folder / f"{move.number}.after"

    def state(self, move: Move) -> State:
        """What stands at the file's path now."""
        try:
            return _compared(self._found(move), move)
        except TreeError:  # a folder, a link, a file that cannot be read
            return State.OTHER

    def is_untouched(self, move: Move) -> bool:
        """Whether the file is exactly what it was when the change was laid out, permission bits included."""
        try:
            return self._found(move) == move.old
        except TreeError:
            return False

    def _found(self, move: Move) -> Side | None:
        disk = Disk(self.root)
        if disk.canonical(move.path) != move.path:
            raise TreeError("is a symbolic link, or behind one", place=Place(move.path), remedy="Put the file back.")
        stored = disk.read(move.path)
        return Side(digest(stored.content), stored.mode) if stored else None


def _compared(found: Side | None, move: Move) -> State:
    """Content tells the sides apart; the mode only where it is all that differs, for not every filesystem keeps it."""
    if found == move.new or found == move.old:
        return State.NEW if found == move.new else State.OLD
    content = found and found.sha256
    new, old = move.new and move.new.sha256, move.old and move.old.sha256
    if new == old or content not in {new, old}:
        return State.OTHER
    return State.NEW if content == new else State.OLD


def folders(root: Path) -> list[Path]:
    """The folders of all changes that are kept or unfinished, oldest first."""
    undo = root / UNDO
    try:
        found = [entry for entry in undo.iterdir() if entry.name.isascii() and entry.name.isdigit()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted((entry for entry in found if entry.is_dir() and not entry.is_symlink()), key=lambda e: int(e.name))


def mark_of(folder: Path) -> Mark | None:
    """How far the change of this folder came."""
    return next((mark for mark in Mark if (folder / mark).exists()), None)


def read_entry(root: Path, folder: Path) -> Entry:
    """The change of this folder.

    Raises:
        JournalError: its journal is missing, damaged, of another format, or names a path that no journal may name.
    """
    shown = f"{UNDO}/{folder.name}/{JOURNAL_FILE}"
    try:
        content = (folder / JOURNAL_FILE).read_bytes()
    except OSError as error:
        raise damaged(shown, error.strerror or str(error)) from error
    return Entry(root, parsed(content, int(folder.name), shown))
