"""What became of the files of a project: of a tree that steps changed, or of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from mesh_scaffold.diff import line_changes
from mesh_scaffold.plan import Plan
from mesh_scaffold.spec.read import read_spec
from mesh_scaffold.tree import Change, Memory, Stored, Tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_scaffold.spec.model import PostTypeSpec

Changed: TypeAlias = Tree | Plan
"""Something that says which files differ, and how."""


def project(files: Mapping[str, bytes | str | Stored]) -> Tree:
    """A tree over `files`, by path; text is UTF-8 with the line endings it has."""
    return Tree(Memory(files))


def spec(text: str, name: str = "poll") -> PostTypeSpec:
    """The spec that `text` says, as if it were read from `specs/<name>.yaml`."""
    return read_spec(text.encode("utf-8"), f"specs/{name}.yaml")


def assert_creates(changed: Changed, path: str, content: bytes | str | None = None) -> None:
    """`path` is new, and holds `content` where that is given."""
    change = _change(changed, path)
    assert change is not None and change.after is not None, f"{path} was not written; {_written(changed)}"  # noqa: PT018  one fact
    assert change.before is None, f"{path} was there before"
    if content is not None:
        expected = content.encode("utf-8") if isinstance(content, str) else content
        assert change.after.content == expected


def assert_deletes(changed: Changed, *paths: str) -> None:
    """Every one of `paths` was there and goes."""
    for path in paths:
        change = _change(changed, path)
        assert change is not None, f"{path} stays as it is; {_written(changed)}"
        assert change.after is None, f"{path} was written"


def assert_patch(changed: Changed, path: str, patch: str) -> None:
    """The lines that differ in `path` are those of `patch`: `-` and the old line, `+` and the new, in order.

    Lines of `patch` that begin with neither, and empty ones, are for the reader and not compared.
    """
    change = _change(changed, path)
    assert change is not None, f"{path} was not changed; {_written(changed)}"
    expected = [line for line in patch.splitlines() if line.startswith(("+", "-"))]
    assert line_changes(change) == expected, f"the changed lines of {path} are others"


def assert_unchanged(changed: Changed, *paths: str) -> None:
    """None of `paths` differs from the base; without paths, no file does."""
    found = [change.path for change in _changes(changed) if not paths or change.path in paths]
    assert not found, f"changed: {', '.join(found)}"


def after(files: Mapping[str, Stored], changed: Changed) -> dict[str, Stored]:
    """`files` as they are once the changes are made."""
    left = dict(files)
    for change in _changes(changed):
        if change.after is None:
            left.pop(change.path, None)
        else:
            left[change.path] = change.after
    return left


def _changes(changed: Changed) -> Sequence[Change]:
    return changed.changes if isinstance(changed, Plan) else changed.changes()


def _change(changed: Changed, path: str) -> Change | None:
    return next((change for change in _changes(changed) if change.path == path), None)


def _written(changed: Changed) -> str:
    kind = "plan" if isinstance(changed, Plan) else "tree"
    return f"the {kind} changed {', '.join(change.path for change in _changes(changed)) or 'nothing'}"
