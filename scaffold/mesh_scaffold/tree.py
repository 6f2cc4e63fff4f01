"""An in-memory overlay on a project: steps read and write only here, and nothing reaches the disk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mesh_descriptors.errors import MeshError, Place

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_MODE = 0o644


class TreeError(MeshError):
    """A path leaves the project, or cannot be read or written as what it is."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A regular file as its base holds it."""

    content: bytes
    mode: int


@dataclass(frozen=True, slots=True)
class Change:
    """One file that differs from its base; a side is None where the file does not exist.

    Attributes:
        path: POSIX, relative to the project; never a symbolic link.
        before: content and mode in the base.
        after: content and mode that are wanted.
    """

    path: str
    before: Stored | None
    after: Stored | None


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


class Tree:
    """Files as they will be: those of the base, under what was written and deleted since.

    Every path is POSIX and relative to the project's root; one that leads out of it raises `TreeError`. A symbolic
    link that stays inside stands for the file it points to.
    """

    def __init__(self, base: Base) -> None:
        self._base = base
        self._seen: dict[str, Stored | None] = {}
        self._overlay: dict[str, Stored | None] = {}

    def read(self, path: str) -> bytes | None:
        """The file's content; None when there is no such file."""
        stored = self._stored(self._canonical(path))
        return stored.content if stored else None

    def read_text(self, path: str) -> str | None:
        """The file's content as UTF-8 text with its line endings untouched; None when there is no such file.

        Raises:
            TreeError: the file is not UTF-8.
        """
        content = self.read(path)
        try:
            return None if content is None else content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1 if content else None
            raise TreeError("is not UTF-8 text", place=Place(path, line), remedy="Save the file as UTF-8.") from error

    def exists(self, path: str) -> bool:
        """Whether a file is there."""
        return self._stored(self._canonical(path)) is not None

    def write(self, path: str, content: bytes | str, mode: int | None = None) -> None:
        """Make the file hold `content` (text as UTF-8, its line endings untouched).

        Args:
            path: where.
            content: all of it.
            mode: permission bits; None keeps those of the file that is there, else 0o644.
        """
        path = self._canonical(path)
        self._refuse_file_as_folder(path)
        stored = self._stored(path)
        data = content.encode("utf-8") if isinstance(content, str) else content
        wanted = mode if mode is not None else (stored.mode if stored else DEFAULT_MODE)
        self._overlay[path] = Stored(data, wanted)

    def delete(self, path: str) -> None:
        """Make the file not exist; nothing happens when it does not."""
        path = self._canonical(path)
        if self._stored(path) is not None:
            self._overlay[path] = None

    def list(self, folder: str, suffix: str = "") -> list[str]:
        """The sorted paths of the files directly in `folder` whose names end in `suffix`."""
        folder = self._canonical(folder)
        paths = set(self._base.list(folder)) | {path for path, stored in self._overlay.items() if stored is not None}
        gone = {path for path, stored in self._overlay.items() if stored is None}
        return sorted(path for path in paths - gone if path.rpartition("/")[0] == folder and path.endswith(suffix))

    def changes(self) -> tuple[Change, ...]:
        """The files that differ from the base, by path."""
        found = (Change(path, self._seen[path], stored) for path, stored in sorted(self._overlay.items()))
        return tuple(change for change in found if change.before != change.after)

    def hashes(self) -> Mapping[str, str | None]:
        """The sha256 of every base file that was read or written, by path; None for one that was not there."""
        return {path: digest(stored.content) if stored else None for path, stored in sorted(self._seen.items())}

    def _canonical(self, path: str) -> str:
        return checked_path(self._base.canonical(checked_path(path)))

    def _stored(self, path: str) -> Stored | None:
        if path in self._overlay:
            return self._overlay[path]
        if path not in self._seen:
            self._seen[path] = self._base.read(path)
        return self._seen[path]

    def _refuse_file_as_folder(self, path: str) -> None:
        folders = path.split("/")[:-1]
        for length in range(1, len(folders) + 1):
            if self._overlay.get("/".join(folders[:length])) is not None:
                raise TreeError("is a file, and a folder is needed there", place=Place("/".join(folders[:length])))
