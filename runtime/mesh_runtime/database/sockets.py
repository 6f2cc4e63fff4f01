"""The short private folder that holds a server's socket: a socket's whole path must fit in some hundred bytes."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place
from mesh_runtime.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 5432
_FILE = f".s.PGSQL.{PORT}"
_LONGEST_PATH = 103
"""macOS's limit without the closing zero byte; Linux's is 107."""
_LONGEST_BASE = _LONGEST_PATH - len(f"/0123456789abcdef/{_FILE}")


class SocketFolderError(DatabaseError):
    """There is no folder of the user's own for the server's socket."""


def socket_folder(data: Path) -> Path:
    """The folder for the socket of the server on `data`; made when it is missing, private to the user.

    Raises:
        SocketFolderError: somebody else holds each place where it could be.
    """
    name = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:16]
    refusals = []
    for base in _bases():
        try:
            return _private(_private(base) / name)
        except OSError as error:
            refusals.append(f"{base}: {error.strerror}")
    raise SocketFolderError(
        "there is no private folder for the database's socket: " + "; ".join(refusals),
        place=Place(str(data)),
        remedy="Remove what is there, or set XDG_RUNTIME_DIR to a short path of your own.",
    )


def socket_file(folder: Path) -> Path:
    """The socket in `folder`, as PostgreSQL names it."""
    return folder / _FILE


def clear_socket_folder(folder: Path) -> None:
    """Take away what a killed server may have left in its folder."""
    for name in (_FILE, f"{_FILE}.lock"):
        (folder / name).unlink(missing_ok=True)


def remove_socket_folder(folder: Path) -> None:
    """Take away the folder of a server that is gone."""
    clear_socket_folder(folder)
    try:
        folder.rmdir()
    except OSError:
        return  # gone already, or something else is in it


def _bases() -> Iterator[Path]:
    """Where the folder may be: the session's runtime folder when it is usable, else one in /tmp."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    # PostgreSQL reads a list of folders, with commas and quotes; a path with only these characters needs no quoting.
    if re.fullmatch(r"/[\w./@-]+", runtime, re.ASCII) and len(f"{runtime}/mesh") <= _LONGEST_BASE:
        yield Path(runtime) / "mesh"
    yield Path(f"/tmp/mesh-{os.geteuid()}")  # noqa: S108  its owner and mode are verified before it is used


def _private(folder: Path) -> Path:
    """`folder`, made if it is missing; OSError unless it is a real folder of the user's own, entered by nobody else."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(1, "is not a folder of your own", str(folder))
    if found.st_mode & 0o077:
        folder.chmod(0o700)
    return folder
