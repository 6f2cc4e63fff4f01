from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh_scaffold.diff import line_changes, unified_diff
from mesh_scaffold.plan import Plan
from mesh_scaffold.tree import Change, Memory, Stored, Tree

if TYPE_CHECKING:
    from pathlib import Path


def change(before: bytes | None, after: bytes | None, path: str = "a.txt") -> Change:
    old, new = (None if content is None else Stored(content, 0o644) for content in (before, after))
    return Change(path, old, new)


def test_an_edit_reads_as_git_shows_it() -> None:
    assert unified_diff(change(b"one\ntwo\nthree\n", b"one\n2\nthree\n")) == (
        "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"
    )


def test_a_new_file_and_a_deleted_one_have_no_other_side() -> None:
    assert unified_diff(change(None, b"one\n")) == (
        "diff --git a/a.txt b/a.txt\nnew file mode 100644\n--- /dev/null\n+++ b/a.txt\n@@ -0,0 +1 @@\n+one\n"
    )
    assert "deleted file mode 100644\n--- a/a.txt\n+++ /dev/null\n" in unified_diff(change(b"one\n", None))


def test_a_missing_newline_at_the_end_is_marked() -> None:
    assert unified_diff(change(b"one", b"two")).endswith(
        "-one\n\\ No newline at end of file\n+two\n\\ No newline at end of file\n"
    )


def test_a_mode_is_shown_and_equal_sides_are_not() -> None:
    script = Change("run.sh", Stored(b"x\n", 0o644), Stored(b"x\n", 0o755))
    assert unified_diff(script) == "diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n"
    assert unified_diff(change(b"x", b"x")) == ""


@pytest.mark.parametrize("content", [b"a\0b", b"\xff\xfe"])
def test_what_is_no_text_is_only_said_to_differ(content: bytes) -> None:
    assert unified_diff(change(content, b"x")) == (
        "diff --git a/a.txt b/a.txt\nBinary files a/a.txt and b/a.txt differ\n"
    )


def test_lines_that_look_like_a_header_are_lines() -> None:
    assert line_changes(change(b"-- a\n++ b\n@@ c\n", b"-- d\n")) == ["--- a", "-++ b", "-@@ c", "+-- d"]


def git_apply(folder: Path, diff: str) -> None:
    subprocess.run(["git", "apply", "--whitespace=nowarn"], cwd=folder, input=diff.encode(), check=True)


LINES = st.text(st.sampled_from("ab \t\r\n-+@\\é\x0c\u2028"), max_size=30)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, LINES)
def test_git_applies_every_edit_byte_for_byte(tmp_path: Path, before: str, after: str) -> None:
    if before == after:
        return
    (tmp_path / "a b.txt").write_bytes(before.encode())
    git_apply(tmp_path, unified_diff(change(before.encode(), after.encode(), "a b.txt")))
    assert (tmp_path / "a b.txt").read_bytes() == after.encode()


def test_git_applies_a_plan_of_new_edited_deleted_and_empty_files(tmp_path: Path) -> None:
    files = {"edit.py": b"a\r\n\tb", "gone.py": b"x\n", "keep.py": b""}
    for path, content in files.items():
        (tmp_path / path).write_bytes(content)
    tree = Tree(Memory(files))
    tree.write("edit.py", b"a\r\n\tc")
    tree.delete("gone.py")
    tree.write("new/deep.py", "1\n")
    tree.write("new/empty.py", "")
    git_apply(tmp_path, Plan.of(tree, "new").diff())
    found = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"edit.py": b"a\r\n\tc", "keep.py": b"", "new/deep.py": b"1\n", "new/empty.py": b""}
