"""An in-memory overlay on a project: steps read and write only here, and nothing reaches the disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from mesh_descriptors.errors import Place
from mesh_scaffold.base import DEFAULT_MODE, Base, Disk, Memory, Stored, TreeError, checked_path, digest, folders_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Parsed = TypeVar("Parsed")

__all__ = ["Base", "Change", "Disk", "Memory", "Stored", "Tree", "TreeError", "digest"]


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


class Tree:
    """Files as they will be: those of the base, under what was written and deleted since.

    Every path is POSIX and relative to the project's root; one that leads out of it raises `TreeError`. A symbolic
    link that stays inside stands for the file it points to.
    """

    def __init__(self, base: Base) -> None:
        self._base = base
        self._seen: dict[str, Stored | None] = {}
        self._overlay: dict[str, Stored | None] = {}
        self._paths: dict[str, str] = {}
        self._listed: dict[str, list[str]] = {}
        self._parsed: dict[tuple[str, Callable[[bytes], Any]], tuple[bytes, Any]] = {}

    def fork(self) -> Tree:
        """A tree that holds the same now, and goes its own way from here."""
        fork = Tree(self._base)
        fork._seen, fork._overlay = dict(self._seen), dict(self._overlay)
        fork._paths, fork._listed, fork._parsed = self._paths, self._listed, self._parsed  # they hold over this base
        return fork

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

    def parsed(self, path: str, parse: Callable[[bytes], Parsed]) -> Parsed | None:
        """What `parse` makes of the file; None when there is no such file.

        A file is parsed once while its content stays what it is, however many look at it, so what `parse` returns
        must never be changed.
        """
        content = self.read(path)
        if content is None:
            return None
        key = self._canonical(path), parse
        known = self._parsed.get(key)
        if known is None or known[0] != content:
            known = self._parsed[key] = content, parse(content)
        found: Parsed = known[1]
        return found

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

    def move(self, path: str, to: str) -> None:
        """Make the file be called `to`, with the mode that it has; nothing happens when it does not exist."""
        if stored := self._stored(self._canonical(path)):
            self.delete(path)
            self.write(to, stored.content, stored.mode)

    def list(self, folder: str, suffix: str = "") -> list[str]:
        """The sorted paths of the files directly in `folder` whose names end in `suffix`."""
        folder = self._canonical(folder)
        if folder not in self._listed:
            self._listed[folder] = self._base.list(folder)
        paths = set(self._listed[folder]) | {path for path, stored in self._overlay.items() if stored is not None}
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
        if path not in self._paths:
            self._paths[path] = checked_path(self._base.canonical(checked_path(path)))
        return self._paths[path]

    def _stored(self, path: str) -> Stored | None:
        if path in self._overlay:
            return self._overlay[path]
        if path not in self._seen:
            self._seen[path] = self._base.read(path)
        return self._seen[path]

    def _refuse_file_as_folder(self, path: str) -> None:
        written = (folder for folder in folders_of(path) if self._overlay.get(folder) is not None)
        if obstacle := next(written, None) or self._base.obstacle(path):
            raise TreeError("is a file where a folder is needed", place=Place(obstacle), remedy="Rename the file.")
