"""Lays out a change before it begins: the turns of its files, where each is staged, which folders come and go."""

from __future__ import annotations

import stat
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_scaffold.base import digest, folders_of
from mesh_scaffold.entry import Entry
from mesh_scaffold.entry import folders as change_folders
from mesh_scaffold.journal import STAGE_PREFIX, Folder, Journal, Move, Side
from mesh_scaffold.lock import LOCAL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mesh_scaffold.base import Stored
    from mesh_scaffold.plan import Plan
    from mesh_scaffold.tree import Change

RECORDS = ".mesh/record/"
DESCRIPTOR = "/plugin.toml"


def drafted(plan: Plan, root: Path) -> Entry:
    """The change that `plan` asks for, as it would be written down; the disk is only looked at."""
    changes = in_turn(plan.changes)
    stages = _Stages(root)
    moves = tuple(
        Move(number, change.path, _side(change.before), _side(change.after), stages.beside(root / change.path))
        for number, change in enumerate(changes)
    )
    journal = Journal(
        id=max((int(folder.name) for folder in change_folders(root)), default=0) + 1,
        command="".join(letter if letter.isprintable() else "?" for letter in plan.command),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        moves=moves,
        folders=tuple(_missing_folders(changes, root)),
        emptied=tuple(_emptied_folders(changes, root)),
        undoes=plan.undoes,
    )
    return Entry(root, journal)


def in_turn(changes: Sequence[Change]) -> list[Change]:
    """The changes in the order in which they happen."""
    return sorted(changes, key=_turn)


def _turn(change: Change) -> tuple[int, str]:
    """New files first, for nobody knows of them yet; what makes them known later; the record when all is true."""
    if change.path.startswith(RECORDS):
        return (4, change.path)
    if change.path.endswith(DESCRIPTOR):
        return (3, change.path)
    if change.after is None:
        return (2, change.path)
    return (0 if change.before is None else 1, change.path)


def _side(stored: Stored | None) -> Side | None:
    return Side(digest(stored.content), stored.mode) if stored else None


def device_of(path: Path) -> int:
    """The filesystem that holds this file or folder."""
    return path.stat().st_dev


class _Stages:
    """The folders of staged files on the filesystems that are not the one of `.mesh/local`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._by_device: dict[int, str | None] = {device_of(root / LOCAL): None}

    def beside(self, path: Path) -> str | None:
        """The folder, relative to the project, for a file at `path`; None for the change's own."""
        existing = next(folder for folder in path.parents if folder.exists())
        device = device_of(existing)
        if device not in self._by_device:
            top = self._top(existing, device)
            folder = top / f"{STAGE_PREFIX}{uuid.uuid4().hex[:12]}"
            self._by_device[device] = folder.relative_to(self._root).as_posix()
        return self._by_device[device]

    def _top(self, folder: Path, device: int) -> Path:
        """The outermost folder of the filesystem, which no change removes."""
        while folder != self._root and device_of(folder.parent) == device:
            folder = folder.parent
        return folder


def _missing_folders(changes: Sequence[Change], root: Path) -> list[str]:
    """The folders that are still to be made, outer ones first."""
    wanted = {folder for change in changes if change.after for folder in folders_of(change.path)}
    return [folder for folder in sorted(wanted) if not (root / folder).exists()]


def _emptied_folders(changes: Sequence[Change], root: Path) -> list[Folder]:
    """The folders that hold nothing but what is deleted, inner ones first."""
    gone = {change.path for change in changes if change.after is None}
    filled = {folder for change in changes if change.after for folder in folders_of(change.path)}
    found = []
    for folder in sorted({above for path in gone for above in folders_of(path)} - filled, reverse=True):
        path = root / folder
        if path.is_dir() and all(f"{folder}/{entry.name}" in gone for entry in path.iterdir()):
            gone.add(folder)
            found.append(Folder(folder, stat.S_IMODE(path.stat().st_mode)))
    return found
