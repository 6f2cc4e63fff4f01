from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_scaffold.tree import Disk, Memory, Stored, Tree, TreeError

if TYPE_CHECKING:
    from pathlib import Path


def hash_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(params=["memory", "disk"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    """One project on both bases: every test of behaviour runs on each."""
    files = {"app/models.py": b"a\r\n\tb ", "app/x.txt": b"x", "sql/1.sql": b"", "bad.py": b"ok\n\xff"}
    if request.param == "memory":
        return Tree(Memory(files))
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
        (tmp_path / path).chmod(0o644)
    return Tree(Disk(tmp_path))


def test_what_was_written_is_read_back_over_what_is_there(tree: Tree) -> None:
    tree.write("app/models.py", "ä\r\n")
    tree.write("app/new/deep.py", b"\x00")
    assert tree.read("app/models.py") == "ä\r\n".encode()
    assert tree.read_text("app/models.py") == "ä\r\n"
    assert tree.read("app/new/deep.py") == b"\x00"
    assert tree.read("absent") is None
    assert tree.read_text("absent") is None
    assert (tree.exists("app/x.txt"), tree.exists("absent")) == (True, False)


def test_line_endings_are_untouched(tree: Tree) -> None:
    assert tree.read_text("app/models.py") == "a\r\n\tb "


def test_text_that_is_not_utf8_is_named_with_its_line(tree: Tree) -> None:
    with pytest.raises(TreeError, match=r"bad\.py:2: is not UTF-8 text\n  Save the file as UTF-8\."):
        tree.read_text("bad.py")


def test_files_of_a_folder_are_listed_with_what_was_written_and_without_what_was_deleted(tree: Tree) -> None:
    tree.write("app/b.py", "")
    tree.write("app/deep/c.py", "")
    tree.delete("app/x.txt")
    assert tree.list("app") == ["app/b.py", "app/models.py"]
    assert tree.list("app", ".py") == ["app/b.py", "app/models.py"]
    assert tree.list("app/deep") == ["app/deep/c.py"]
    assert tree.list("nowhere") == []


def test_only_what_differs_is_a_change(tree: Tree) -> None:
    tree.write("app/x.txt", "x")
    tree.write("sql/1.sql", "now")
    tree.write("new.py", "1")
    tree.write("gone.py", "1")
    tree.delete("gone.py")
    tree.delete("app/models.py")
    tree.delete("never there")
    changes = [(change.path, change.before, change.after) for change in tree.changes()]
    assert changes == [
        ("app/models.py", Stored(b"a\r\n\tb ", 0o644), None),
        ("new.py", None, Stored(b"1", 0o644)),
        ("sql/1.sql", Stored(b"", 0o644), Stored(b"now", 0o644)),
    ]


def test_every_base_file_that_was_read_or_written_has_its_hash(tree: Tree) -> None:
    tree.read("app/x.txt")
    tree.exists("absent")
    tree.write("sql/1.sql", "now")
    assert tree.hashes() == {"absent": None, "app/x.txt": hash_of(b"x"), "sql/1.sql": hash_of(b"")}


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "app/../../x", "app/./x", "app//x", "app/", "a\\b", "a\0b", "a\nb", ".git/config",
     "app/.GIT/hooks/x", "\u202eyp.x"],
)  # fmt: skip
def test_a_path_that_is_no_plain_path_of_the_project_is_refused_by_every_call(tree: Tree, path: str) -> None:
    for call in (tree.read, tree.read_text, tree.exists, tree.delete, tree.list, lambda path: tree.write(path, "")):
        with pytest.raises(TreeError) as caught:
            call(path)
        assert caught.value.exit_code == 2
        assert caught.value.problems[0].remedy
    assert tree.changes() == ()


def test_a_file_where_a_folder_is_needed_is_named(tree: Tree) -> None:
    for path in ("app/x.txt/deep.py", "app/x.txt/very/deep.py"):
        with pytest.raises(TreeError, match=r"app/x\.txt: is a file where a folder is needed\n  Rename the file\."):
            tree.write(path, "")
    tree.write("new", "")
    with pytest.raises(TreeError, match="new: is a file where a folder is needed"):
        tree.write("new/x", "")


def test_a_folder_where_a_file_is_expected_is_named(tree: Tree) -> None:
    with pytest.raises(TreeError, match="app: is a folder, a file was expected"):
        tree.write("app", "")


def test_modes_are_kept_and_new_files_are_readable(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_bytes(b"")
    (tmp_path / "run.sh").chmod(0o755)
    tree = Tree(Disk(tmp_path))
    tree.write("run.sh", "exit\n")
    tree.write("new.py", "")
    tree.write("new.sh", "", mode=0o700)
    assert [change.after and change.after.mode for change in tree.changes()] == [0o644, 0o700, 0o755]


def test_a_link_inside_the_project_stands_for_the_file_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a.py").write_bytes(b"a")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "b.py").symlink_to(tmp_path / "real/a.py")
    tree = Tree(Disk(tmp_path))
    tree.write("link/a.py", "1")
    assert tree.read("b.py") == b"1"
    tree.write("b.py", "2")
    assert [change.path for change in tree.changes()] == ["real/a.py"]


@pytest.mark.parametrize("target", ["../outside", "/etc", ".."])
def test_a_link_out_of_the_project_is_refused(tmp_path: Path, target: str) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.py").write_bytes(b"secret")
    (root / "link").symlink_to(target)
    (root / "a.py").symlink_to("link/a.py")
    tree = Tree(Disk(root))
    for path in ("link/a.py", "link/new/deep.py", "a.py"):
        for call in (tree.read, lambda path: tree.write(path, "")):
            with pytest.raises(TreeError, match="leads out of the project, to /") as caught:
                call(path)
            assert "Replace the symbolic link" in str(caught.value)


def test_a_link_that_leads_in_a_circle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(TreeError, match="symbolic link that leads in a circle"):
        Tree(Disk(tmp_path)).read("a")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TreeError, match="pipe: is a special file, a file was expected"):
        Tree(Disk(tmp_path)).read("pipe")


def test_a_project_that_is_reached_through_a_link_is_itself(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a.py").write_bytes(b"a")
    (tmp_path / "link").symlink_to("real")
    assert Tree(Disk(tmp_path / "link")).read("a.py") == b"a"


def test_a_folder_still_to_be_made_is_an_empty_project(tmp_path: Path) -> None:
    tree = Tree(Disk(tmp_path / "new/app"))
    assert tree.list("app") == []
    tree.write("app/a.py", "")
    assert [change.path for change in tree.changes()] == ["app/a.py"]
    assert list(tmp_path.iterdir()) == []


@given(st.text(max_size=20))
def test_no_path_leaves_the_project(path: str) -> None:
    tree = Tree(Memory({}))
    try:
        tree.write(path, "")
    except TreeError:
        return
    (change,) = tree.changes()
    assert not change.path.startswith("/")
    assert not {"..", ".", ""} & set(change.path.split("/"))


def test_a_file_is_parsed_once_for_each_content_it_has_in_every_fork(tree: Tree) -> None:
    asked: list[bytes] = []

    def length(content: bytes) -> int:
        asked.append(content)
        return len(content)

    assert tree.parsed("absent", length) is None
    assert [tree.parsed("app/x.txt", length), tree.fork().parsed("app/x.txt", length)] == [1, 1]
    assert asked == [b"x"]
    fork = tree.fork()
    fork.write("app/x.txt", "xyz")
    assert [fork.parsed("app/x.txt", length), tree.parsed("app/x.txt", length)] == [3, 1]
    fork.delete("app/x.txt")
    assert fork.parsed("app/x.txt", length) is None
