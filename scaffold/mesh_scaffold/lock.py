"""The lock of a project: one command changes it at a time, from its first read to its last write."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_descriptors.errors import MeshError, Place
from mesh_scaffold.base import Disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mesh_scaffold.files import Files

LOCAL = ".mesh/local"
LOCK_FILE = f"{LOCAL}/lock"
PATIENCE = 10.0
"""Seconds to wait for another command."""
TRIES = 25
"""How often in a row a folder of the lock may vanish while another command removes its own; half a second of it."""


class LockedError(MeshError):
    """Another mesh command is changing the project."""


class NoLockError(MeshError):
    """The lock's folder cannot be made where the project is to be."""


@contextlib.contextmanager
def locked(root: Path, command: str, files: Files, *, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of the project at `root` while the body runs; folders made for it go again when they are empty.

    The lock is the kernel's (`flock`), so it goes with the process that holds it, however that ends.

    Raises:
        LockedError: somebody held it for longer than `patience` seconds.
        NoLockError: its folder cannot be made.
    """
    made: list[Path] = []
    try:
        Disk(root).canonical(LOCK_FILE)  # a link that leads out of the project must not move the lock out of it
        descriptor = _acquired(root, files, made, time.monotonic() + patience)
        try:
            files.sign_lock(descriptor, _signature(command))
            yield
        finally:
            # Unlinked while it is held; who waits for it sees that the name is gone and takes a new one.
            with contextlib.suppress(OSError):  # a file without a holder locks nothing
                files.remove(root / LOCK_FILE)
            os.close(descriptor)
    finally:
        for folder in reversed(list(dict.fromkeys(made))):
            with contextlib.suppress(OSError):  # something else is in there by now
                files.remove_folder(folder)


def is_held(root: Path) -> bool:
    """Whether a command is changing the project now."""
    try:
        descriptor = os.open(root / LOCK_FILE, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _folders(root: Path) -> list[Path]:
    missing = [folder for folder in (root, *root.parents) if not folder.exists()]
    return [*reversed(missing), root / ".mesh", root / LOCAL]


def _acquired(root: Path, files: Files, made: list[Path], deadline: float) -> int:
    """The descriptor of the locked file; folders that were made for it go into `made`."""
    while True:
        descriptor = _opened(root, files, made)
        if _is_locked(descriptor) and _is_current(descriptor, root / LOCK_FILE):
            return descriptor
        holder = _holder(descriptor)
        os.close(descriptor)
        if time.monotonic() > deadline:
            remedy = "Run the command again when that one has ended."
            raise LockedError(f"the project is locked by {holder}", place=Place(LOCK_FILE), remedy=remedy)
        time.sleep(0.02)


def _opened(root: Path, files: Files, made: list[Path]) -> int:
    """The lock's file, open; tried again when its last holder removes the folder just now."""
    for _ in range(TRIES - 1):
        with contextlib.suppress(FileNotFoundError):
            return _made(root, files, made)
        time.sleep(0.02)
    try:
        return _made(root, files, made)
    except FileNotFoundError as error:
        raise _unmakable(root, error) from error


def _made(root: Path, files: Files, made: list[Path]) -> int:
    for folder in _folders(root):
        with contextlib.suppress(FileExistsError):
            files.make_folder(folder)
            made.append(folder)
            files.sync_folder(folder.parent)
    return files.open_lock(root / LOCK_FILE)


def _unmakable(root: Path, error: FileNotFoundError) -> NoLockError:
    broken = next((folder for folder in (root / ".mesh", root / LOCAL) if folder.is_symlink()), None)
    if broken is not None:
        remedy = "Remove the link, or make the folder that it leads to."
        return NoLockError("is a symbolic link that leads nowhere", place=Place(str(broken)), remedy=remedy)
    remedy = "Choose a folder in which files can be made."
    return NoLockError("cannot be made", place=Place(str(error.filename or root)), remedy=remedy)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_current(descriptor: int, path: Path) -> bool:
    """Whether the locked file still has its name: its last holder removed it when it was done."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _signature(command: str) -> bytes:
    holder = {"command": command, "pid": os.getpid(), "host": socket.gethostname(), "since": _now()}
    return json.dumps(holder).encode("utf-8")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        return f"mesh {holder['command']} (process {holder['pid']} on {holder['host']}, since {holder['since']})"
    except (ValueError, KeyError, TypeError):
        return "another mesh command"
