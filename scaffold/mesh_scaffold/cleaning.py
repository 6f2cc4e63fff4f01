"""Says how far a change came, and removes what is of no use any more; after a kill, the next change goes on."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mesh_scaffold.entry import Mark, mark_of
from mesh_scaffold.journal import JOURNAL_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_scaffold.entry import Entry
    from mesh_scaffold.files import Files


def set_mark(folder: Path, mark: Mark, files: Files) -> None:
    """Say how far the change came, so that it lasts; its folder was synced before."""
    present = mark_of(folder)
    if present is mark:
        return
    if present is None:
        files.write_new(folder / mark, b"", 0o600)
    else:
        files.replace(folder / present, folder / mark)
    files.sync_folder(folder)


def discard(folder: Path, entry: Entry | None, files: Files) -> None:
    """Remove a change's folders. What cannot be removed is litter in `.mesh/local`, and the next change tries again.

    Args:
        folder: the change's own.
        entry: its journal, which says where else files are staged; None where it was never written in full.
        files: the calls that change the disk.
    """
    if mark_of(folder) is not None:
        set_mark(folder, Mark.DISCARDED, files)
    if entry is not None:
        remove_stages(entry, files)
        if is_staged_elsewhere(entry):
            return  # without the journal, nobody would know of those
    last = (JOURNAL_FILE, *Mark)  # a change that is half removed must still be known as one
    with contextlib.suppress(OSError):
        for path in sorted(folder.iterdir(), key=lambda path: last.index(path.name) + 1 if path.name in last else 0):
            remove_quietly(path, files)
    for path in (folder, folder.parent):
        with contextlib.suppress(OSError):
            if not any(path.iterdir()):
                files.remove_folder(path)


def remove_stages(entry: Entry, files: Files) -> None:
    """Remove what is staged on other filesystems, as far as that can be done."""
    staged = [path for move in entry.journal.moves if move.stage for path in (entry.new(move), entry.old(move))]
    for path in staged:
        remove_quietly(path, files)
    for stage in entry.journal.stages:
        with contextlib.suppress(OSError):  # somebody put a file there
            if (entry.root / stage).exists():
                files.remove_folder(entry.root / stage)


def is_staged_elsewhere(entry: Entry) -> bool:
    """Whether there still are folders of staged files on other filesystems."""
    return any((entry.root / stage).exists() for stage in entry.journal.stages)


def remove_quietly(path: Path, files: Files) -> None:
    """Remove a file; one that cannot be removed is litter, and no reason to fail."""
    with contextlib.suppress(OSError):
        if path.is_file() or path.is_symlink():
            files.remove(path)
