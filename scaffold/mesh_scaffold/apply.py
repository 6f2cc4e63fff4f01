"""Writes a plan to the disk as one transaction: all of it, or nothing, also after a kill or a loss of power.

What is to be done is written down first; new contents are written and synced on their targets' filesystem; then each
file is moved into place in one instant: new files, shared ones, deletions, descriptors, and the record last. Any error
on the way takes back what was done, and a file that somebody changed since the plan was made stops everything. What a
killed command left is brought to an end by the next one. The old files are kept for `mesh undo`.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_cli.console import warn
from mesh_descriptors.errors import MeshError, Place, Problem
from mesh_scaffold.cleaning import discard
from mesh_scaffold.entry import Mark, folders, mark_of
from mesh_scaffold.files import DiskFiles
from mesh_scaffold.journal import UNDO
from mesh_scaffold.lock import locked
from mesh_scaffold.recovery import recover
from mesh_scaffold.staging import drafted, in_turn
from mesh_scaffold.transaction import ChangedMeanwhileError, Transaction
from mesh_scaffold.tree import Disk, TreeError, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mesh_scaffold.files import Files
    from mesh_scaffold.plan import Plan

KEPT = 50
"""How many changes are kept for `mesh undo`."""


class MovedBaseError(MeshError):
    """Files changed after the plan was made. Nothing was written."""

    exit_code = 1


class ApplyError(MeshError):
    """The disk refused a write, and everything is as it was before; or says what could not be taken back."""


@contextlib.contextmanager
def changing(
    root: Path, command: str, files: Files | None = None, *, tell: Callable[[str], None] = warn
) -> Iterator[Callable[[Plan], None]]:
    """Hold the project's lock from the first read on; the body makes a plan and gives it to what this yields.

    What an interrupted command left is recovered before the body runs.

    Args:
        root: the project's folder; one that is still to be made is made, and goes again when nothing is written.
        command: what others read who wait for the lock.
        files: the calls that change the disk.
        tell: what is called with a line for the user about each change that was recovered.

    Raises:
        LockedError: another command is changing the project.
        MovedBaseError: a file that the plan rests on is not what it was; nothing was written.
        ApplyError: a call failed; everything was taken back, or what was not is named.
        RecoveryError: what an interrupted command left could not be brought to an end.
    """
    calls = files or DiskFiles()
    try:
        with locked(root, command, calls):
            Disk(root).canonical(UNDO)  # a link that leads out of the project must not move what is kept out of it
            for recovered in recover(root, calls):
                tell(str(recovered))
            yield lambda plan: _write(plan, root, calls)
    except OSError as error:
        raise ApplyError(problems=[_refusal(error, root)]) from error


def apply(plan: Plan, root: Path, files: Files | None = None) -> None:
    """Make the project at `root` what `plan` says; see `changing`."""
    if plan.changes:
        with changing(root, plan.command, files) as commit:
            commit(plan)


def _write(plan: Plan, root: Path, files: Files) -> None:
    _verify(plan, root)
    if not plan.changes:
        return
    transaction = Transaction(drafted(plan, root), files)
    try:
        transaction.stage(in_turn(plan.changes))
        transaction.forward()
    except BaseException as error:
        left = transaction.back(all_moves=False)
        _explain(error, root, [*left.failures, *left.others])
        raise
    _prune(root, files)


def _explain(error: BaseException, root: Path, left: Sequence[Problem]) -> None:
    """Raise what the user is to read about `error`, where it is one of the expected."""
    if isinstance(error, ChangedMeanwhileError):
        raise MovedBaseError(problems=[_moved(error.path), *left]) from error
    if isinstance(error, OSError):
        raise ApplyError(problems=[_refusal(error, root, taken_back=not left), *left]) from error


def _prune(root: Path, files: Files) -> None:
    """Forget the oldest changes; a failure is no reason to fail."""
    ended = [folder for folder in folders(root) if mark_of(folder) in {Mark.DONE, Mark.TAKEN_BACK}]
    for folder in ended[:-KEPT]:
        with contextlib.suppress(OSError):
            discard(folder, None, files)


def _verify(plan: Plan, root: Path) -> None:
    disk = Disk(root)
    moved = []
    for path, expected in plan.hashes.items():
        if disk.canonical(path) != path:
            raise TreeError("has become a symbolic link", place=Place(path), remedy="Run the command again.")
        stored = disk.read(path)
        if (digest(stored.content) if stored else None) != expected:
            moved.append(_moved(path))
    if moved:
        raise MovedBaseError(problems=moved)


def _moved(path: str) -> Problem:
    return Problem("was changed after the plan was made; nothing was written", Place(path), "Run the command again.")


def _refusal(error: OSError, root: Path, *, taken_back: bool = True) -> Problem:
    name = error.filename2 or error.filename
    place = Place(_shown(Path(name), root)) if isinstance(name, str | Path) else None
    cure = "Free space or correct the permissions, then run the command again."
    state = "Nothing was written." if taken_back else "What could not be taken back follows."
    return Problem(f"cannot be written: {error.strerror or error}", place, f"{state} {cure}")


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
