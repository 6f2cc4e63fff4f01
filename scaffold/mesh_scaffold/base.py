"""What lies under the overlay: a project's folder on disk, or files in memory; and which paths are a project's own."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mesh_descriptors.errors import MeshError, Place

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_MODE = 0o644
"""The permission bits of a new file."""
OTHER_FILE = "Move or rename it, and put a file in its place; or name another file."
GIVE_RIGHTS = "Give yourself the right to read it (chmod u+r), and look whether the disk answers."


class TreeError(MeshError):
    """A path leaves the project, or cannot be read or written as what it is."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A regular file as its base holds it."""

    content: bytes
    mode: int


class Base(Protocol):
    """What lies under the overlay. Paths are canonical: they passed `canonical`."""

    def canonical(self, path: str) -> str:
        """The path with symbolic links resolved, relative to the project.

        Raises:
            TreeError: it leads out of the project.
        """

    def read(self, path: str) -> Stored | None:
        """The regular file at `path`; None when nothing is there.

        Raises:
            TreeError: something else than a readable regular file is there.
        """

    def list(self, folder: str) -> list[str]:
        """The paths of the files directly in `folder`, in any order; empty when there is no such folder."""

    def obstacle(self, path: str) -> str | None:
        """The file that stands where `path` needs a folder; None when nothing is in the way."""


def digest(content: bytes) -> str:
    """The sha256 of `content` in hexadecimal: how hashes of files are written everywhere."""
    return hashlib.sha256(content).hexdigest()


def checked_path(path: str) -> str:
    """`path` when it is a plain POSIX path that stays inside the project.

    Raises:
        TreeError: it is empty, absolute, has `.` or `..` parts, or characters that no path of a project has.
    """
    parts = path.split("/")
    if not path or any(part in {"", ".", ".."} for part in parts) or "\\" in path or not path.isprintable():
        raise TreeError(
            f"{path!r} is no path inside the project", remedy="Write it relative to the project, without '..'."
        )
    if ".git" in (part.lower() for part in parts):
        raise TreeError(f"{path!r} is git's own", remedy="Name a file outside of .git.")
    return path


def folders_of(path: str) -> list[str]:
    """The folders above `path`, outermost first: `a`, `a/b` for `a/b/c`."""
    parts = path.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))]


class Memory:
    """Files in memory, for tests of steps and for plans that are only shown."""

    def __init__(self, files: Mapping[str, bytes | str | Stored]) -> None:
        self._files = {checked_path(path): _stored(content) for path, content in files.items()}

    def canonical(self, path: str) -> str:
        """The path itself: there are no links in memory."""
        return path

    def read(self, path: str) -> Stored | None:
        """The file; None when there is none."""
        if path not in self._files and any(known.startswith(f"{path}/") for known in self._files):
            raise TreeError("is a folder, a file was expected", place=Place(path), remedy=OTHER_FILE)
        return self._files.get(path)

    def list(self, folder: str) -> list[str]:
        """The files directly in `folder`."""
        return [path for path in self._files if path.rpartition("/")[0] == folder]

    def obstacle(self, path: str) -> str | None:
        """The file that stands where `path` needs a folder."""
        return next((folder for folder in folders_of(path) if folder in self._files), None)


def _stored(content: bytes | str | Stored) -> Stored:
    if isinstance(content, Stored):
        return content
    return Stored(content.encode("utf-8") if isinstance(content, str) else content, DEFAULT_MODE)


class Disk:
    """The files of the folder `root`, which may be still to be made. Nothing is ever written."""

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.realpath(root))

    def canonical(self, path: str) -> str:
        """The path with symbolic links resolved."""
        real = os.path.realpath(self._root / path)
        inside = os.path.relpath(real, self._root)
        if inside == ".." or inside.startswith("../"):
            raise TreeError(
                f"leads out of the project, to {real}",
                place=Place(path),
                remedy="Replace the symbolic link by a file or folder of the project.",
            )
        return Path(inside).as_posix()

    def read(self, path: str) -> Stored | None:
        """The regular file at `path`; None when nothing is there."""
        file = self._root / path
        try:
            status = file.lstat()
            if not stat.S_ISREG(status.st_mode):
                problem = f"is a {_kind(status.st_mode)}, a file was expected"
                raise TreeError(problem, place=Place(path), remedy=OTHER_FILE)
            return Stored(file.read_bytes(), stat.S_IMODE(status.st_mode))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise TreeError(f"cannot be read: {error.strerror}", place=Place(path), remedy=GIVE_RIGHTS) from error

    def list(self, folder: str) -> list[str]:
        """The files directly in `folder`, links to files inside the project included."""
        try:
            with os.scandir(self._root / folder) as entries:
                names = [entry.name for entry in entries if entry.is_file()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            problem = f"cannot be listed: {error.strerror}"
            raise TreeError(problem, place=Place(folder), remedy=GIVE_RIGHTS) from error
        return [f"{folder}/{name}" for name in names if name.isprintable()]

    def obstacle(self, path: str) -> str | None:
        """The file that stands where `path` needs a folder."""
        folders = ((folder, self._root / folder) for folder in folders_of(path))
        return next((folder for folder, found in folders if found.exists() and not found.is_dir()), None)


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "folder"
    return "symbolic link that leads in a circle" if stat.S_ISLNK(mode) else "special file"
