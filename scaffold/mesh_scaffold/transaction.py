"""Moves staged files into place, and takes every move back when one fails."""

from __future__ import annotations

import contextlib
import stat
import uuid
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place, Problem
from mesh_scaffold.base import Stored, folders_of
from mesh_scaffold.lock import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mesh_scaffold.files import Files
    from mesh_scaffold.tree import Change

STAGE = f"{LOCAL}/stage"
RECORDS = ".mesh/record/"
DESCRIPTOR = "/plugin.toml"


class ChangedMeanwhileError(Exception):
    """Somebody saved a file between the first check and its turn."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(frozen=True, slots=True)
class _Move:
    """A change with its staged files: `new` is what will stand there, `old` what stood there."""

    change: Change
    path: Path
    new: Path
    old: Path


class Transaction:
    """One plan on its way to the disk: `stage`, then `commit` and `clean`, or `roll_back`."""

    def __init__(self, root: Path, files: Files) -> None:
        self._root = root
        self._files = files
        self._id = uuid.uuid4().hex[:12]
        self._moves: list[_Move] = []
        self._taking_back: list[Callable[[], Problem | None]] = []
        self._stages: dict[int, Path] = {}

    def stage(self, changes: Sequence[Change]) -> None:
        """Write the new contents and keep the old ones, each on the filesystem of its target."""
        for number, change in enumerate(sorted(changes, key=_turn)):
            path = self._root / change.path
            folder = self._stage_beside(path)
            move = _Move(change, path, folder / f"{number}.new", folder / f"{number}.old")
            self._moves.append(move)
            if change.before is not None:
                self._files.keep(path, move.old)
            if change.after is not None:
                self._files.write_new(move.new, change.after.content, change.after.mode)

    def commit(self) -> None:
        """Move every file into place: new ones, shared ones, deletions, descriptors, and the record last."""
        for move in self._moves:
            self._make_folders(move.change.path)
        for move in self._moves:
            self._verify(move)
            self._taking_back.append(partial(self._take_back, move))
            if move.change.after is None:
                self._files.remove(move.path)
            else:
                self._files.replace(move.new, move.path)
        for folder in dict.fromkeys(move.path.parent for move in self._moves):
            self._files.sync_folder(folder)

    def clean(self) -> None:
        """Remove what was staged. What cannot be removed is litter in `.mesh/local`, and no reason to fail."""
        for move in self._moves:
            for staged in (move.new, move.old):
                with contextlib.suppress(OSError):
                    self._files.remove(staged)
        for folder in self._stages.values():
            for made in (folder, folder.parent) if folder.parent.name == "stage" else (folder,):
                with contextlib.suppress(OSError):
                    self._files.remove_folder(made)

    def roll_back(self) -> list[Problem]:
        """Take back what was done, the last thing first; returns what could not be."""
        left = [problem for take_back in reversed(self._taking_back) if (problem := take_back())]
        if not left:  # else the staged files are the only copies of what stood there
            self.clean()
        return left

    def _stage_beside(self, path: Path) -> Path:
        """A folder for staged files on the filesystem of `path`: that of `.mesh/local` where it is the same."""
        local = self._root / LOCAL
        existing = next(folder for folder in path.parents if folder.exists())
        device = existing.stat().st_dev
        if device not in self._stages:
            here = local.stat().st_dev == device
            folder = self._root / STAGE / self._id if here else existing / f".mesh-stage-{self._id}"
            self._stages[device] = folder
            if here and not folder.parent.exists():
                self._files.make_folder(folder.parent)
            self._files.make_folder(folder)
        return self._stages[device]

    def _make_folders(self, path: str) -> None:
        for folder in (self._root / parent for parent in folders_of(path)):
            if not folder.exists():
                self._files.make_folder(folder)
                self._taking_back.append(partial(self._take_back_folder, folder))

    def _verify(self, move: _Move) -> None:
        found, before = _stored(move.path), move.change.before
        if (found and found.content) != (before and before.content):
            raise ChangedMeanwhileError(move.change.path)

    def _take_back(self, move: _Move) -> Problem | None:
        change = move.change
        remedy = f"The old content is in {move.old}." if change.before else "Remove the file."
        try:
            found = _stored(move.path)
            if found == change.before:
                return None
            if found != change.after:
                return Problem("was changed while mesh took its own change back, and was left alone",
                               Place(change.path), remedy)  # fmt: skip
            if change.before is None:
                self._files.remove(move.path)
            else:
                self._files.replace(move.old, move.path)
        except OSError as error:
            return Problem(f"could not be taken back: {error.strerror or error}", Place(change.path), remedy)
        return None

    def _take_back_folder(self, folder: Path) -> Problem | None:
        try:
            self._files.remove_folder(folder)
        except OSError as error:
            return Problem(f"could not be removed again: {error.strerror or error}", Place(str(folder)))
        return None


def _stored(path: Path) -> Stored | None:
    try:
        return Stored(path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
    except FileNotFoundError:
        return None


def _turn(change: Change) -> tuple[int, str]:
    """New files first, for nobody knows of them yet; what makes them known later; the record when all is true."""
    if change.path.startswith(RECORDS):
        return (4, change.path)
    if change.path.endswith(DESCRIPTOR):
        return (3, change.path)
    if change.after is None:
        return (2, change.path)
    return (0 if change.before is None else 1, change.path)
