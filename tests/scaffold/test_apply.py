from __future__ import annotations

import errno
import os
import stat
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_scaffold.apply import ApplyError, MovedBaseError, apply, changing
from mesh_scaffold.files import DiskFiles
from mesh_scaffold.lock import LockedError, locked
from mesh_scaffold.plan import Plan
from mesh_scaffold.tree import Disk, Tree, TreeError

CRLF = b"\tone\r\n\ttwo  \r\nno newline at the end"


def snapshot(root: Path) -> dict[str, tuple[str, int, bytes]]:
    """Kind, mode and content of everything under `root` except `.mesh/local`, folders included."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if name.startswith(".mesh/local"):
            continue
        status = path.lstat()
        kind = "link" if path.is_symlink() else "folder" if path.is_dir() else "file"
        content = str(path.readlink()).encode() if kind == "link" else path.read_bytes() if kind == "file" else b""
        found[name] = (kind, stat.S_IMODE(status.st_mode) if kind != "link" else 0, content)
    return found


def make_project(root: Path) -> Tree:
    """A project with a script, a CRLF file, a link and a file that goes; and a tree that changes all of them."""
    (root / "app").mkdir(parents=True)
    (root / ".mesh").mkdir()
    (root / "app/models.py").write_bytes(CRLF)
    (root / "run.sh").write_bytes(b"#!/bin/sh\n")
    (root / "run.sh").chmod(0o750)
    (root / "old.txt").write_bytes(b"old")
    (root / "link.py").symlink_to("app/models.py")
    tree = Tree(Disk(root))
    tree.write("link.py", CRLF.replace(b"two", b"2"))
    tree.write("run.sh", b"#!/bin/sh\nexit 1\n")
    tree.delete("old.txt")
    tree.write("plugins/poll/plugin.toml", "x = 1\n")
    tree.write("app/validators/poll.py", "x = 1\n", mode=0o600)
    tree.write(".mesh/record/post-type.poll.json", "{}\n")
    return tree


def test_a_plan_is_written_with_modes_links_and_line_ends_kept(tmp_path: Path) -> None:
    tree = make_project(tmp_path)
    apply(Plan.of(tree, "new"), tmp_path)
    assert (tmp_path / "link.py").is_symlink()
    assert (tmp_path / "app/models.py").read_bytes() == b"\tone\r\n\t2  \r\nno newline at the end"
    assert stat.S_IMODE((tmp_path / "run.sh").stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / "app/validators/poll.py").stat().st_mode) == 0o600
    assert not (tmp_path / "old.txt").exists()
    assert sorted(path.name for path in (tmp_path / ".mesh").iterdir()) == ["local", "record"]


def test_new_files_come_first_then_shared_ones_deletions_descriptors_and_the_record_last(tmp_path: Path) -> None:
    tree = make_project(tmp_path)
    files = DiskFiles()
    moved: list[str] = []
    replace = files.replace
    files.replace = lambda source, path: (moved.append(path.name), replace(source, path))[1]  # type: ignore[method-assign]
    apply(Plan.of(tree, "new"), tmp_path, files)
    assert moved == ["poll.py", "models.py", "run.sh", "plugin.toml", "post-type.poll.json", "done"]


def test_a_file_that_changed_after_the_plan_stops_everything(tmp_path: Path) -> None:
    plan = Plan.of(make_project(tmp_path), "new")
    (tmp_path / "run.sh").write_bytes(b"mine\n")
    (tmp_path / "app/validators").mkdir()
    (tmp_path / "app/validators/poll.py").write_bytes(b"mine too\n")
    before = snapshot(tmp_path)
    with pytest.raises(MovedBaseError) as caught:
        apply(plan, tmp_path)
    assert str(caught.value) == (
        "app/validators/poll.py: was changed after the plan was made; nothing was written\n  Run the command again.\n"
        "run.sh: was changed after the plan was made; nothing was written\n  Run the command again."
    )
    assert caught.value.exit_code == 1
    assert snapshot(tmp_path) == before


def test_a_file_that_somebody_saves_meanwhile_takes_everything_back(tmp_path: Path) -> None:
    plan = Plan.of(make_project(tmp_path), "new")
    before = snapshot(tmp_path)
    files = DiskFiles()
    write_new = files.write_new

    def save_meanwhile(path: Path, content: bytes, mode: int) -> None:
        (tmp_path / "run.sh").write_bytes(b"mine\n")
        write_new(path, content, mode)

    files.write_new = save_meanwhile  # type: ignore[method-assign]
    with pytest.raises(MovedBaseError, match=r"run\.sh: was changed"):
        apply(plan, tmp_path, files)
    after = snapshot(tmp_path)
    assert after.pop("run.sh")[2] == b"mine\n"
    before.pop("run.sh")
    assert after == before


def test_a_mode_that_somebody_changes_meanwhile_takes_everything_back(tmp_path: Path) -> None:
    plan = Plan.of(make_project(tmp_path), "new")
    (tmp_path / "run.sh").chmod(0o700)
    before = snapshot(tmp_path)
    with pytest.raises(MovedBaseError, match=r"run\.sh: was changed"):
        apply(plan, tmp_path)
    assert snapshot(tmp_path) == before


def test_a_folder_that_became_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    root, outside = tmp_path / "project", tmp_path / "outside"
    outside.mkdir()
    plan = Plan.of(make_project(root), "new")
    (root / "plugins").symlink_to(outside)
    with pytest.raises(TreeError, match="leads out of the project"):
        apply(plan, root)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("folder", [".mesh/local", ".mesh/local/undo"])
def test_a_local_folder_that_leads_out_of_the_project_is_refused(tmp_path: Path, folder: str) -> None:
    root, outside = tmp_path / "project", tmp_path / "outside"
    outside.mkdir()
    plan = Plan.of(make_project(root), "new")
    (root / folder).parent.mkdir(exist_ok=True)
    (root / folder).symlink_to(outside)
    with pytest.raises(TreeError, match="leads out of the project"):
        apply(plan, root)
    assert list(outside.iterdir()) == []


def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    plan = Plan.of(make_project(tmp_path), "new")
    (tmp_path / "app").chmod(0o500)
    with pytest.raises(ApplyError, match="Permission denied"):
        apply(plan, tmp_path)


def test_who_finds_the_project_locked_is_told_by_whom(tmp_path: Path) -> None:
    files = DiskFiles()
    with locked(tmp_path, "new post-type poll", files):
        with pytest.raises(LockedError) as caught, locked(tmp_path, "check", files, patience=0.05):
            pytest.fail("two held the lock")
        assert f"locked by mesh new post-type poll (process {os.getpid()} on " in str(caught.value)
        assert "Run the command again when that one has ended." in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_who_waits_for_the_lock_gets_it_and_never_two_at_once(tmp_path: Path) -> None:
    inside = threading.Lock()
    finished: list[int] = []

    def work(number: int) -> None:
        for _ in range(5):
            with locked(tmp_path, f"worker {number}", DiskFiles()):
                assert inside.acquire(blocking=False)
                inside.release()
        finished.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(finished) == [0, 1, 2, 3]


def test_a_body_that_raises_leaves_nothing_behind(tmp_path: Path) -> None:
    root = tmp_path / "new"
    with pytest.raises(KeyError), changing(root, "init"):
        raise KeyError("from the body")
    assert not root.exists()


def test_what_somebody_saves_during_a_rollback_is_left_alone_and_named(tmp_path: Path) -> None:
    plan = Plan.of(make_project(tmp_path), "new")
    files = DiskFiles()

    def save_and_fail(path: Path) -> None:
        if path.name != "app":
            return
        (tmp_path / "run.sh").write_bytes(b"mine\n")
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    files.sync_folder = save_and_fail  # type: ignore[method-assign]
    with pytest.raises(ApplyError) as caught:
        apply(plan, tmp_path, files)
    assert "run.sh: was changed while mesh took its own change back, and was left alone" in str(caught.value)
    assert (tmp_path / "run.sh").read_bytes() == b"mine\n"
    assert (tmp_path / "app/models.py").read_bytes() == CRLF
    assert [path.read_bytes() for path in tmp_path.glob(".mesh/local/undo/1/*.old")].count(b"#!/bin/sh\n") == 1


def test_a_call_that_fails_during_a_rollback_names_what_is_left(tmp_path: Path) -> None:
    plan = Plan.of(make_project(tmp_path), "new")
    files = DiskFiles()
    replace = files.replace

    def refuse(*paths: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(paths[-1]))

    def replace_until_the_descriptor(source: Path, path: Path) -> None:
        if path.name == "plugin.toml":
            files.replace = refuse  # type: ignore[method-assign]
        files.replace(source, path) if path.name == "plugin.toml" else replace(source, path)

    files.replace = replace_until_the_descriptor  # type: ignore[method-assign]
    with pytest.raises(ApplyError) as caught:
        apply(plan, tmp_path, files)
    named = [problem.place.path for problem in caught.value.problems if problem.place]
    assert named == ["plugins/poll/plugin.toml", "old.txt", "run.sh", "app/models.py"]
    for problem in caught.value.problems[1:]:
        assert "could not be taken back" in problem.message
        assert "The old content is in " in str(problem.remedy)


PATHS = st.sampled_from(["a", "b", "c/d", "c/e", "f/g/h"])
CONTENTS = st.dictionaries(PATHS, st.binary(max_size=3))


@settings(max_examples=40, deadline=None)
@given(CONTENTS, CONTENTS, st.sets(PATHS))
def test_after_an_apply_the_disk_is_the_tree(before: dict[str, bytes], new: dict[str, bytes], gone: set[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for path, content in before.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        tree = Tree(Disk(root))
        for path in gone:
            tree.delete(path)
        for path, content in new.items():
            tree.write(path, content)
        apply(Plan.of(tree, "new"), root)
        found = {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file() and "local" not in path.parts
        }
        assert found == {
            path: content for path, content in {**before, **new}.items() if path in new or path not in gone
        }
