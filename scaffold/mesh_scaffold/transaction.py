"""Moves staged files into place, and back; a kill or a loss of power at any point leaves what recovery can go on from.

The order of what is synced is what makes it so: the journal before anything is staged, the staged files and their
folders before the mark, the mark before the first move, and all moves before the mark changes again.
"""

from __future__ import annotations

import contextlib
import errno
import stat
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place, Problem
from mesh_scaffold.base import Disk
from mesh_scaffold.cleaning import discard, is_staged_elsewhere, remove_quietly, remove_stages, set_mark
from mesh_scaffold.entry import Entry, Mark, State, mark_of
from mesh_scaffold.journal import JOURNAL_FILE, UNDO, Folder, Move
from mesh_scaffold.lock import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mesh_scaffold.files import Files
    from mesh_scaffold.tree import Change

STAYS = {errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY}
"""How the system says that a folder is in use: somebody put a file there, or it is where a filesystem begins."""


class ChangedMeanwhileError(Exception):
    """Somebody saved a file between the first check and its turn."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(frozen=True, slots=True)
class Left:
    """What a way back left: files that somebody saved meanwhile, and calls that failed."""

    others: tuple[Problem, ...] = ()
    failures: tuple[Problem, ...] = ()


class Transaction:
    """One change on its way: `stage`, `forward`, `finish`; or `back`, which recovery may call on what another began."""

    def __init__(self, entry: Entry, files: Files) -> None:
        self._entry = entry
        self._journal = entry.journal
        self._files = files
        self._moved: list[Move] = []
        self._made: list[str] = []

    def stage(self, changes: Sequence[Change]) -> None:
        """Write the journal, keep the old files, write the new ones, and set the mark: from now on it will be done.

        Args:
            changes: those of the journal's moves, in the same order.
        """
        self._open_folder()
        for stage in self._journal.stages:
            self._files.make_folder(self._entry.root / stage)
            self._files.sync_folder((self._entry.root / stage).parent)
        for move, change in zip(self._journal.moves, changes, strict=True):
            self._stage_move(move, change)
        for folder in self._stage_folders():
            self._files.sync_folder(folder)
        set_mark(self._entry.folder, Mark.COMMITTED, self._files)

    def forward(self) -> None:
        """Move every file into place.

        Raises:
            ChangedMeanwhileError: a file is not what it was when it was staged.
        """
        for folder in self._journal.folders:
            self._make_folder(folder)
        for move in self._journal.moves:
            if not self._entry.is_untouched(move):
                raise ChangedMeanwhileError(move.path)
            self._put(move)
        self.finish()

    def resume(self) -> list[str]:
        """Go on with what another began; returns the files that somebody saved since, which are left alone."""
        states = [(move, self._entry.state(move)) for move in self._journal.moves]
        if any(state is State.OLD for _, state in states):
            for folder in self._journal.folders:
                self._make_folder(folder)
        for move, state in states:
            if state is State.OLD:
                self._put(move)
        self.finish()
        return [move.path for move, state in states if state is State.OTHER]

    def finish(self) -> None:
        """Remove folders that are empty now, make everything last, and say so in the mark."""
        for folder in self._journal.emptied:
            self._remove_folder(self._entry.root / folder.path)
        self._sync_targets()
        set_mark(self._entry.folder, Mark.IN_PLACE if self._journal.stages else Mark.DONE, self._files)
        self.clean()

    def clean(self) -> None:
        """Remove what was staged and is of no use any more. A failure is no reason to fail: the next change cleans."""
        for move in self._journal.moves:
            remove_quietly(self._entry.new(move), self._files)
        remove_stages(self._entry, self._files)
        with contextlib.suppress(OSError):
            if not is_staged_elsewhere(self._entry):
                set_mark(self._entry.folder, Mark.DONE, self._files)

    def back(self, *, all_moves: bool) -> Left:
        """Take back what was done, the last thing first, and discard the change where nothing is left.

        Args:
            all_moves: whether to look at every file, for another process moved them; else only at one's own moves.
        """
        if mark_of(self._entry.folder) is None:
            discard(self._entry.folder, self._entry, self._files)
            return Left()
        with contextlib.suppress(OSError):  # a disk that refuses this may still take the files
            set_mark(self._entry.folder, Mark.TAKING_BACK, self._files)
        failures = self._restore_folders()
        others: list[Problem] = []
        for move in reversed(self._journal.moves if all_moves else self._moved):
            self._take_back(move, others, failures)
        for folder in reversed(self._journal.folders if all_moves else self._made):
            self._attempt(partial(self._remove_folder, self._entry.root / folder), folder, failures)
        self._attempt(self._sync_targets, UNDO, failures)
        if not failures:
            self._attempt(partial(self._close, others), UNDO, failures)
        return Left(tuple(others), tuple(failures))

    def _open_folder(self) -> None:
        root, undo, folder = self._entry.root, self._entry.root / UNDO, self._entry.folder
        if not undo.exists():
            self._files.make_folder(undo)
            for above in (root / LOCAL, (root / LOCAL).parent, root):
                self._files.sync_folder(above)
        self._files.make_folder(folder)
        self._files.write_new(folder / JOURNAL_FILE, self._journal.to_json(), 0o600)
        self._files.sync_folder(folder)
        self._files.sync_folder(undo)

    def _stage_move(self, move: Move, change: Change) -> None:
        if change.before is not None:
            self._files.keep(self._entry.path(move), self._entry.old(move))
            if move.stage:
                self._files.keep(self._entry.path(move), self._entry.kept(move))
        if change.after is not None:
            self._files.write_new(self._entry.new(move), change.after.content, change.after.mode)
        if change.before is not None and change.after is not None:
            self._files.write_new(self._entry.after(move), change.after.content, 0o600)

    def _stage_folders(self) -> list[Path]:
        return [self._entry.folder, *(self._entry.root / stage for stage in self._journal.stages)]

    def _make_folder(self, folder: str) -> None:
        if Disk(self._entry.root).canonical(folder) != folder:
            raise ChangedMeanwhileError(folder)
        if not (self._entry.root / folder).exists():
            self._made.append(folder)
            self._files.make_folder(self._entry.root / folder)

    def _remove_folder(self, folder: Path) -> None:
        """Remove it where it is empty: what somebody put there stays."""
        if not folder.is_dir() or any(folder.iterdir()):
            return
        try:
            self._files.remove_folder(folder)
        except OSError as error:
            if error.errno not in STAYS:
                raise

    def _put(self, move: Move) -> None:
        self._moved.append(move)
        if move.new is None:
            self._files.remove(self._entry.path(move))
        else:
            self._files.replace(self._entry.new(move), self._entry.path(move))

    def _sync_targets(self) -> None:
        touched = [move.path for move in self._journal.moves]
        touched += [*self._journal.folders, *(folder.path for folder in self._journal.emptied)]
        for folder in dict.fromkeys((self._entry.root / path).parent for path in touched):
            if folder.is_dir():
                self._files.sync_folder(folder)

    def _restore_folders(self) -> list[Problem]:
        failures: list[Problem] = []
        for folder in reversed(self._journal.emptied):
            self._attempt(partial(self._restore_folder, folder), folder.path, failures)
        return failures

    def _restore_folder(self, folder: Folder) -> None:
        path = self._entry.root / folder.path
        if not path.exists():
            self._files.make_folder(path)
        if stat.S_IMODE(path.stat().st_mode) != folder.mode:
            self._files.set_mode(path, folder.mode)

    def _take_back(self, move: Move, others: list[Problem], failures: list[Problem]) -> None:
        state = self._entry.state(move)
        remedy = f"The old content is in {self._entry.kept(move)}." if move.old else "Remove the file."
        if state is State.OTHER:
            message = "was changed while mesh took its own change back, and was left alone"
            others.append(Problem(message, Place(move.path), remedy))
        elif state is State.NEW:
            self._attempt(partial(self._put_back, move), move.path, failures, remedy)

    def _put_back(self, move: Move) -> None:
        if move.old is None:
            self._files.remove(self._entry.path(move))
        else:
            self._files.replace(self._entry.old(move), self._entry.path(move))

    def _attempt(self, call: Callable[[], None], path: str, failures: list[Problem], remedy: str | None = None) -> None:
        try:
            call()
        except OSError as error:
            failures.append(Problem(f"could not be taken back: {error.strerror or error}", Place(path), remedy))

    def _close(self, others: list[Problem]) -> None:
        if others:  # the kept files are the only copies of what stood there
            remove_stages(self._entry, self._files)
            set_mark(self._entry.folder, Mark.TAKEN_BACK, self._files)
        else:
            discard(self._entry.folder, self._entry, self._files)
