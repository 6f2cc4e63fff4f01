"""What a change to the project does, written down before it begins: enough to finish it, take it back, or undo it.

Every change has a numbered folder `.mesh/local/undo/<id>/` with the journal, the files as they were (`<n>.old`) and,
until they are in place, the files as they will be (`<n>.new`). The journal never changes once it is written; the name
of one empty file beside it, the mark, says how far the change came.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path  # noqa: TC003  a dataclass that pydantic may look at
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from mesh_descriptors.errors import MeshError, Place
from mesh_scaffold.base import Disk, TreeError, checked_path, digest
from mesh_scaffold.lock import LOCAL

UNDO = f"{LOCAL}/undo"
JOURNAL_FILE = "journal.json"
STAGE_PREFIX = ".mesh-stage-"
"""How folders are called that hold staged files on another filesystem than that of `.mesh/local`."""


class JournalError(MeshError):
    """A journal under `.mesh/local/undo` is not what mesh wrote."""


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


def _project_path(path: str) -> str:
    try:
        return checked_path(path)
    except TreeError as error:
        raise ValueError(str(error)) from error


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds characters that control a terminal")
    return text


def _time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


ProjectPath = Annotated[str, AfterValidator(_project_path)]
Mode = Annotated[int, Field(ge=0, le=0o7777)]


@dataclass(frozen=True, slots=True)
class Side:
    """A file before or after the change: its content's sha256, and its permission bits."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    mode: Mode


@dataclass(frozen=True, slots=True)
class Move:
    """A file of the change; a side is None where it does not exist.

    Attributes:
        number: its turn, and the name of its staged files.
        path: relative to the project.
        old: before the change.
        new: after it.
        stage: the folder of its staged files on another filesystem; None for the change's own folder.
    """

    number: Annotated[int, Field(ge=0)]
    path: ProjectPath
    old: Side | None
    new: Side | None
    stage: ProjectPath | None = None


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that goes because the change takes its last file, and its permission bits."""

    path: ProjectPath
    mode: Mode


@dataclass(frozen=True, slots=True)
class Journal:
    """A change as a whole.

    Attributes:
        id: counts the changes of a project.
        command: what was asked for, as a user types it.
        time: when, ISO 8601 in UTC.
        moves: its files, in the order of their turns.
        folders: the folders to make, outer ones first.
        emptied: the folders to remove, inner ones first.
        undoes: the change that this one takes back; None for any other.
        format: the journal's format.
    """

    id: Annotated[int, Field(ge=1)]
    command: Annotated[str, AfterValidator(_printable)]
    time: Annotated[str, AfterValidator(_time)]
    moves: tuple[Move, ...]
    folders: tuple[ProjectPath, ...] = ()
    emptied: tuple[Folder, ...] = ()
    undoes: int | None = None
    format: Literal[1] = 1

    @property
    def stages(self) -> tuple[str, ...]:
        """The folders of staged files on other filesystems."""
        return tuple(dict.fromkeys(move.stage for move in self.moves if move.stage))

    def to_json(self) -> bytes:
        """The journal's file."""
        return _adapter().dump_json(self, indent=1)


@cache
def _adapter() -> TypeAdapter[Journal]:
    return TypeAdapter(Journal)


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
            raise TreeError("is a symbolic link, or behind one", place=Place(move.path))
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
        journal = _adapter().validate_json((folder / JOURNAL_FILE).read_bytes(), strict=True)
        _require_own_paths(journal, int(folder.name))
    except OSError as error:
        raise _damaged(shown, error.strerror or str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise _damaged(shown, f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")) from error
    except ValueError as error:
        raise _damaged(shown, str(error)) from error
    return Entry(root, journal)


def _require_own_paths(journal: Journal, number: int) -> None:
    """A journal is a file like any other: whatever wrote it, it moves nothing that mesh would not have moved."""
    if journal.id != number:
        raise ValueError(f"its id is {journal.id}")
    touched = [*(move.path for move in journal.moves), *journal.folders, *(folder.path for folder in journal.emptied)]
    for path in touched:
        if f"{path}/".lower().startswith(f"{LOCAL}/"):
            raise ValueError(f"{path!r} is mesh's own")
    for stage in journal.stages:
        if not stage.rpartition("/")[2].startswith(STAGE_PREFIX):
            raise ValueError(f"{stage!r} is no folder of staged files")


def _damaged(path: str, reason: str) -> JournalError:
    return JournalError(
        f"is not a journal that mesh wrote ({reason})",
        place=Place(path),
        remedy="Look at the files beside it for what you still need, then remove the folder.",
    )
