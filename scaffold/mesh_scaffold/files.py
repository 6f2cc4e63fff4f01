"""Every call that changes the disk, and nothing else: what a transaction does can be counted, logged and made to fail.

A call either happens or raises OSError. Nothing here follows a symbolic link in the last part of a path.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class Files(Protocol):
    """The calls that change files."""

    def make_folder(self, path: Path) -> None:
        """Make one folder; its parent is there."""

    def remove_folder(self, path: Path) -> None:
        """Remove one empty folder."""

    def write_new(self, path: Path, content: bytes, mode: int) -> None:
        """Write a file that must not exist, with exactly these permission bits, and sync it."""

    def keep(self, source: Path, path: Path) -> None:
        """Make `path`, which must not exist, a second name of the file `source`, or a copy where links are not had."""

    def replace(self, source: Path, path: Path) -> None:
        """Move a file over `path` in one instant; both are on one filesystem."""

    def remove(self, path: Path) -> None:
        """Remove a file."""

    def sync_folder(self, path: Path) -> None:
        """Make the names in a folder last through a loss of power."""

    def open_lock(self, path: Path) -> int:
        """Open a lock's file, made where it is missing; returns the descriptor."""

    def sign_lock(self, descriptor: int, content: bytes) -> None:
        """Say in a lock's file who holds it."""


class DiskFiles:
    """The real calls."""

    def make_folder(self, path: Path) -> None:
        """Make one folder."""
        path.mkdir()

    def remove_folder(self, path: Path) -> None:
        """Remove one empty folder."""
        path.rmdir()

    def write_new(self, path: Path, content: bytes, mode: int) -> None:
        """Write and sync a new file."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)

    def keep(self, source: Path, path: Path) -> None:
        """Link, or copy with mode and times."""
        try:
            os.link(source, path, follow_symlinks=False)
        except OSError:
            shutil.copy2(source, path, follow_symlinks=False)

    def replace(self, source: Path, path: Path) -> None:
        """Rename."""
        source.replace(path)

    def remove(self, path: Path) -> None:
        """Unlink."""
        path.unlink()

    def sync_folder(self, path: Path) -> None:
        """Sync the folder; some filesystems cannot, and have no need to."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with contextlib.suppress(OSError):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def open_lock(self, path: Path) -> int:
        """Open or make, for the user alone."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)

    def sign_lock(self, descriptor: int, content: bytes) -> None:
        """Replace the content."""
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, content, 0)
