"""What a change to the project does, written down before it begins: enough to finish it, take it back, or undo it.

Every change has a numbered folder `.mesh/local/undo/<id>/` with the journal, the files as they were (`<n>.old`) and,
until they are in place, the files as they will be (`<n>.new`). The journal never changes once it is written; the name
of one empty file beside it, the mark, says how far the change came.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from mesh_descriptors.errors import MeshError, Place
from mesh_scaffold.base import TreeError, checked_path
from mesh_scaffold.lock import LOCAL

UNDO = f"{LOCAL}/undo"
JOURNAL_FILE = "journal.json"
STAGE_PREFIX = ".mesh-stage-"
"""How folders are called that hold staged files on another filesystem than that of `.mesh/local`."""


class JournalError(MeshError):
    """A journal under `.mesh/local/undo` is not what mesh wrote."""


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


def parsed(content: bytes, number: int, shown: str) -> Journal:
    """The journal of the change `number`, called `shown` in messages.

    Raises:
        JournalError: it is damaged, of another format, or names a path that no journal may name.
    """
    try:
        journal = _adapter().validate_json(content, strict=True)
        _require_own_paths(journal, number)
    except ValidationError as error:
        first = error.errors()[0]
        raise damaged(shown, f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")) from error
    except ValueError as error:
        raise damaged(shown, str(error)) from error
    return journal


@cache
def _adapter() -> TypeAdapter[Journal]:
    return TypeAdapter(Journal)


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


def damaged(path: str, reason: str) -> JournalError:
    """What is said about a journal that cannot be read."""
    return JournalError(
        f"is not a journal that mesh wrote ({reason})",
        place=Place(path),
        remedy="Look at the files beside it for what you still need, then remove the folder.",
    )
