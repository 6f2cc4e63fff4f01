"""Merging a type's own files by what they say, where lines alone do not tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from mesh_scaffold.merge import Merge


@runtime_checkable
class Merging(Protocol):
    """A target that knows the language of the files that it generates."""

    def merged(self, path: str, base: str, ours: str, theirs: str) -> Merge:
        """The merge of a file's texts; `ours` and `theirs` were made from `base`."""
