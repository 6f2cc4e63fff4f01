"""Every call that changes the disk, and nothing else: what a transaction does can be counted, logged and made to fail.

A call either happens or raises OSError. Nothing here follows a symbolic link in the last part of a path.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS}
"""How filesystems say that a second name of a file is not to be had."""

NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS}
"""How filesystems say that folders are not synced there, which have no need of it."""


class Files(Protocol):
    """The calls that change files."""

    def make_folder(self, path: Path) -> None:
        """Make one folder; its parent is there."""

    def remove_folder(self, path: Path) -> None:
        """Remove one empty folder."""

    def set_mode(self, path: Path, mode: int) -> None:
        """Give a folder exactly these permission bits."""

    def write_new(self, path: Path, content: bytes, mode: int) -> None:
        """Write a file that must not exist, with exactly these permission bits, and sync its content."""

    def keep(self, source: Path, path: Path) -> None:
        """Make `path`, which must not exist, a second name of `source`, or a synced copy where links are not had."""

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

    def set_mode(self, path: Path, mode: int) -> None:
        """Change the permission bits."""
        path.chmod(mode)

    def write_new(self, path: Path, content: bytes, mode: int) -> None:
        """Write and sync a new file."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)

    def keep(self, source: Path, path: Path) -> None:
        """Link, or copy with the permission bits."""
        try:
            os.link(source, path, follow_symlinks=False)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            self.write_new(path, source.read_bytes(), stat.S_IMODE(source.stat().st_mode))

    def replace(self, source: Path, path: Path) -> None:
        """Rename."""
        source.replace(path)

    def remove(self, path: Path) -> None:
        """Unlink."""
        path.unlink()

    def sync_folder(self, path: Path) -> None:
        """Sync the folder; some filesystems cannot, and what may not be read cannot be opened for it."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except PermissionError:
            return
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in NO_SYNC:
                raise
        finally:
            os.close(descriptor)

    def open_lock(self, path: Path) -> int:
        """Open or make, for the user alone."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)

    def sign_lock(self, descriptor: int, content: bytes) -> None:
        """Replace the content."""
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, content, 0)


def write_output(path: Path, content: bytes, files: Files) -> None:
    """Write a file that a user asked for, over what is there: all of it, or nothing.

    Raises:
        OSError: it cannot be written; what was there is there.
    """
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        files.write_new(staged, content, 0o644)
        files.replace(staged, path)
    except OSError:
        with contextlib.suppress(OSError):
            files.remove(staged)
        raise
