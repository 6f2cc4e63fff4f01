"""Which of a validator's bounds the database holds too: a spec that is read from code says no more than both do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_scaffold.spec.read import read_document
from mesh_scaffold.targets.postgres.constraints import constraints_of
from mesh_scaffold.targets.postgres.stated import is_stated, stated_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.tree import Tree

_GROUPS = (("min", "max"), ("min_length", "max_length"), ("pattern",), ("min_items", "max_items"))
"""The bounds that one constraint holds together."""
_ESSENTIAL = frozenset({"type", "required", "column", "values"})


@dataclass(frozen=True, slots=True)
class Bounds:
    """The constraints that the migrations make of a type's columns.

    Attributes:
        tree: the project.
        project: its `mesh.toml`.
        name: the type.
    """

    tree: Tree
    project: ProjectFile
    name: str

    def left_out(self, key: str, keys: dict[str, Any]) -> Iterator[str]:
        """Take out of `keys`, what a spec says of a field, all that no constraint holds; in words, what it was."""
        missing = self._missing(key, _essential(keys))
        for group in _GROUPS:
            found = {each: keys[each] for each in group if each in keys}
            if found and self._missing(key, _essential(keys) | found) - missing:
                for each in found:
                    yield f"{each}={keys.pop(each)!r}"
        if self._missing(key, _essential(keys) | {"required": False}):
            yield _simplified(keys)
        if self._missing(key, _essential(keys)):
            keys["required"] = False
            yield "that it is required"

    def _missing(self, key: str, said: dict[str, Any]) -> set[str]:
        """The constraints that a spec of this one field would ask for, and that are not there."""
        document = {"kind": "post-type", "name": self.name, "fields": {key: said}}
        path = f"{self.project.paths.specs}/{self.name}.yaml"
        posts, migrations = self.project.posts, self.project.paths.migrations
        names = stated_names(self.tree, migrations, posts.table)
        return {
            each.name
            for each in constraints_of(read_document(document, path, tuple(self.project.refs)), posts)
            if each.name not in names and not is_stated(self.tree, migrations, posts.table, each.condition)
        }


def _essential(keys: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in keys.items() if name in _ESSENTIAL}


def _simplified(keys: dict[str, Any]) -> str:
    """Make a list any JSON, or an enum any text; what it was, in words."""
    said = f"{keys['type']} of {keys.pop('values')}" if "values" in keys else str(keys["type"])
    keys["type"] = "json" if str(keys["type"]).startswith("list[") else "string"
    bounds = [name for group in _GROUPS for name in group if name in keys]
    return ", ".join([said, *(f"{name}={keys.pop(name)!r}" for name in bounds)])
