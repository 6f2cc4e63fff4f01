r"""The vocabulary of tests of steps: a project in memory, and what a step made of it.

A test reads as before and after:

    tree = project({"app/models.py": BEFORE})
    step.change(tree, None, spec, ())
    assert_patch(tree, "app/models.py", "+    POLL = \"POLL\"")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_scaffold.diff import line_changes
from mesh_scaffold.spec.read import read_spec
from mesh_scaffold.tree import Change, Memory, Tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_scaffold.spec.model import PostTypeSpec


def project(files: Mapping[str, bytes | str]) -> Tree:
    """A tree over `files`, by path; text is UTF-8 with the line endings it has."""
    return Tree(Memory(files))


def spec(text: str, name: str = "poll") -> PostTypeSpec:
    """The spec that `text` says, as if it were read from `specs/<name>.yaml`."""
    return read_spec(text.encode("utf-8"), f"specs/{name}.yaml")


def assert_creates(tree: Tree, path: str, content: bytes | str | None = None) -> None:
    """`path` is new in the tree, and holds `content` where that is given."""
    change = _change(tree, path)
    assert change is not None and change.after is not None, f"{path} was not written; {_written(tree)}"  # noqa: PT018  one fact
    assert change.before is None, f"{path} was there before"
    if content is not None:
        expected = content.encode("utf-8") if isinstance(content, str) else content
        assert change.after.content == expected


def assert_patch(tree: Tree, path: str, patch: str) -> None:
    """The lines that differ in `path` are those of `patch`: `-` and the old line, `+` and the new, in order.

    Lines of `patch` that begin with neither, and empty ones, are for the reader and not compared.
    """
    change = _change(tree, path)
    assert change is not None, f"{path} was not changed; {_written(tree)}"
    expected = [line for line in patch.splitlines() if line.startswith(("+", "-"))]
    assert line_changes(change) == expected, f"the changed lines of {path} are others"


def assert_unchanged(tree: Tree, *paths: str) -> None:
    """None of `paths` differs from the base; without paths, no file does."""
    changed = [change.path for change in tree.changes() if not paths or change.path in paths]
    assert not changed, f"changed: {', '.join(changed)}"


def _change(tree: Tree, path: str) -> Change | None:
    return next((change for change in tree.changes() if change.path == path), None)


def _written(tree: Tree) -> str:
    return f"the tree changed {', '.join(change.path for change in tree.changes()) or 'nothing'}"
