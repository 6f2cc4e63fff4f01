"""Edits of the app's shared files in a tree: done, and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place
from mesh_scaffold.steps import Blocked, Fragment, Holds, Made, Missing, Unchanged, Unknown
from mesh_scaffold.targets.python.edits import Refused, decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_scaffold.steps import Outcome, Verdict
    from mesh_scaffold.targets.python.edits import Edit, Source
    from mesh_scaffold.tree import Tree


def read_source(tree: Tree, file: str) -> Source | Refused:
    """The Python file in the tree."""
    source = tree.parsed(file, decode)
    if source is None:
        return Refused("there is no such file", "Write it, or correct its place in mesh.toml: [targets.python].")
    return source


def ensure(tree: Tree, file: str, step: str, edits: Sequence[Edit]) -> Outcome:
    """Make every edit in the file, or none; what was there already is reported as found."""
    source = read_source(tree, file)
    if isinstance(source, Refused):
        return blocked(file, source)
    fragments = []
    for edit in edits:
        result = edit.ensure(source)
        if isinstance(result, Refused):
            return blocked(file, _as_on_disk(tree, file, edit) or result)
        source, made = result.source, result.insertion
        origin: Fragment = Fragment(
            step, file, made.syntax_path, made.text, made.before, made.after, "made" if made.made else "found"
        )
        fragments.append(origin)
    if all(fragment.origin == "found" for fragment in fragments):
        return Unchanged(tuple(fragments))
    tree.write(file, source.to_bytes())
    return Made(tuple(fragments))


def _as_on_disk(tree: Tree, file: str, edit: Edit) -> Refused | None:
    """The refusal with the line that the user sees, where earlier steps have added lines above it."""
    before = next((change.before for change in tree.changes() if change.path == file), None)
    source = decode(before.content) if before else None
    if source is None or isinstance(source, Refused):
        return None
    result = edit.ensure(source)
    return result if isinstance(result, Refused) else None


def judge(tree: Tree, file: str, edits: Sequence[Edit]) -> Verdict:
    """Whether every edit is there; the first that is missing is named with the code to write."""
    source = read_source(tree, file)
    if isinstance(source, Refused):
        return unknown(file, source)
    first = None
    for edit in edits:
        place = edit.locate(source)
        if isinstance(place, Refused):
            return unknown(file, place)
        if place is None:
            return Missing(Place(file, edit.home(source)), f"Add `{edit.wanted}` to {edit.owner}.")
        first = first or Place(file, source.line_of(place.start))
    return Holds(first)


def blocked(file: str, refused: Refused) -> Blocked:
    """What a refused edit is to the engine."""
    return Blocked(refused.message, Place(file, refused.line), refused.remedy)


def unknown(file: str, refused: Refused) -> Unknown:
    """What a refused look is to `mesh check`."""
    return Unknown(refused.message, Place(file, refused.line), refused.remedy)
