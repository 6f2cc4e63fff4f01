from __future__ import annotations

import pytest

from mesh_scaffold.testing import assert_creates, assert_patch, assert_unchanged, project, spec


def test_a_spec_is_read_from_its_text() -> None:
    assert spec("kind: post-type\nname: poll\nfields: {a: {type: int}}\n").path == "specs/poll.yaml"


def test_what_a_step_made_is_asserted_file_by_file() -> None:
    tree = project({"a.py": "one\r\ntwo\r\n", "b.py": "same\n"})
    tree.write("a.py", "one\r\n2\r\n")
    tree.write("c.py", "new\n")
    assert_creates(tree, "c.py", "new\n")
    assert_patch(tree, "a.py", "  one\n-two\n+2\n")
    assert_unchanged(tree, "b.py")


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda tree: assert_creates(tree, "b.py"), "b.py was not written; the tree changed a.py"),
        (lambda tree: assert_creates(tree, "a.py"), "a.py was there before"),
        (lambda tree: assert_patch(tree, "b.py", "+x"), "b.py was not changed; the tree changed a.py"),
        (lambda tree: assert_patch(tree, "a.py", "+x"), "the changed lines of a.py are others"),
        (lambda tree: assert_unchanged(tree), "changed: a.py"),
        (lambda tree: assert_unchanged(tree, "b.py", "a.py"), "changed: a.py"),
    ],
)
def test_what_is_not_so_fails(check: object, message: str) -> None:
    tree = project({"a.py": "1\n", "b.py": "2\n"})
    tree.write("a.py", "x\n")
    with pytest.raises(AssertionError, match=message):
        check(tree)  # type: ignore[operator]
