"""Files in which conflicts of a merge wait: they are told once, and judged as if both sides of each were kept."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place, Problem
from mesh_scaffold.markers import marked_line, unmarked
from mesh_scaffold.record import FOLDER

if TYPE_CHECKING:
    from mesh_scaffold.tree import Base, Stored

RESOLVE = "Keep what is right between the markers, and delete them; nothing else is said of the file until then."


class Unmarked:
    """A project's files as they are once both sides of each conflict are kept, on the lines that they have now.

    Attributes:
        lines: the line of the first conflict in each file that was read and has one.
    """

    def __init__(self, base: Base) -> None:
        self._base = base
        self.lines: dict[str, int] = {}

    def canonical(self, path: str) -> str:
        """The path with symbolic links resolved."""
        return self._base.canonical(path)

    def list(self, folder: str) -> list[str]:
        """The files directly in `folder`."""
        return self._base.list(folder)

    def obstacle(self, path: str) -> str | None:
        """The file that stands where `path` needs a folder."""
        return self._base.obstacle(path)

    def read(self, path: str) -> Stored | None:
        """The file without markers; None when nothing is there. A record is left as it is: its reader tells."""
        stored = self._base.read(path)
        if stored is None or path.startswith(f"{FOLDER}/"):
            return stored
        return replace(stored, content=self.seen(path, stored.content))

    def seen(self, path: str, content: bytes) -> bytes:
        """A file's content without markers; where they were is remembered."""
        if b"<<<<<<<" not in content:
            return content
        text = content.decode("utf-8", "surrogateescape")
        line = marked_line(text)
        if line is None or (path.endswith(".py") and _is_python(text)):
            return content  # they are a part of a text, in a test of merges perhaps
        self.lines[path] = line
        sides = [unmarked(text, *kept) for kept in (("ours", "theirs"), ("ours",), ("theirs",))]
        found = next((side for side in sides if _is_python(side)), sides[0]) if path.endswith(".py") else sides[0]
        return found.encode("utf-8", "surrogateescape")


def finding(path: str, line: int, of: str | None = None) -> Problem:
    """What is said of a file with markers: one of a type's own, or one that types share."""
    message = "has conflict markers"
    return Problem(f"{of}: {message}" if of else message, Place(path, line), RESOLVE)


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True
