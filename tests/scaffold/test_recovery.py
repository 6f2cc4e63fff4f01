from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mesh_scaffold.apply import apply, changing
from mesh_scaffold.files import DiskFiles
from mesh_scaffold.journal import JournalError
from mesh_scaffold.lock import locked
from mesh_scaffold.plan import Plan
from mesh_scaffold.recovery import recover, unfinished
from mesh_scaffold.tree import Disk, Tree

if TYPE_CHECKING:
    from pathlib import Path


def interrupt(root: Path, moves: int) -> None:
    """Edit the files a, b, c and d, and be killed after so many of them are in place."""
    tree = Tree(Disk(root))
    for name in "abcd":
        (root / name).write_text("old")
        tree.write(name, "new")
    plan = Plan.of(tree, "update poll")
    apply(plan, root)
    entry = root / ".mesh/local/undo/1"
    (entry / "done").rename(entry / "committed")
    for number, name in enumerate("abcd"):
        if number >= moves:
            (root / name).rename(entry / f"{number}.new")
            (root / name).write_text("old")


def texts(root: Path) -> list[str]:
    return [(root / name).read_text() for name in "abcd"]


def recovered(root: Path) -> str:
    (said,) = recover(root, DiskFiles())
    return str(said)


def test_a_file_edited_after_it_was_put_in_place_is_left_and_listed_and_the_rest_finished(tmp_path: Path) -> None:
    interrupt(tmp_path, 2)
    (tmp_path / "a").write_text("new, and mine")
    said = recovered(tmp_path)
    assert said.splitlines()[1:] == ["  a: was changed since, and was left alone"]
    assert "is finished now" in said
    assert texts(tmp_path) == ["new, and mine", "new", "new", "new"]


def test_a_file_edited_before_its_turn_takes_the_change_back(tmp_path: Path) -> None:
    interrupt(tmp_path, 2)
    (tmp_path / "c").write_text("old, and mine")
    said = recovered(tmp_path)
    assert "is taken back now\n  c: was changed while mesh took its own change back, and was left alone" in said
    kept = tmp_path / ".mesh/local/undo/1/2.old"
    assert f"The old content is in {kept}." in said
    assert kept.read_text() == "old"
    assert texts(tmp_path) == ["old", "old", "old, and mine", "old"]
    assert recover(tmp_path, DiskFiles()) == ()


def test_a_folder_or_a_link_in_place_of_a_file_is_nobodys_to_touch(tmp_path: Path) -> None:
    root, outside = tmp_path / "project", tmp_path / "outside"
    root.mkdir()
    outside.write_text("old")
    interrupt(root, 1)
    (root / "c").unlink()
    (root / "c").symlink_to(outside)
    (root / "d").unlink()
    (root / "d").mkdir()
    said = recovered(root)
    assert "  d: was changed" in said
    assert "  c: was changed" in said
    assert outside.read_text() == "old"
    assert (root / "a").read_text() == "old"


def test_a_change_whose_staged_files_are_damaged_is_taken_back(tmp_path: Path) -> None:
    interrupt(tmp_path, 2)
    (tmp_path / ".mesh/local/undo/1/3.new").write_text("damaged")
    assert "is taken back now" in recovered(tmp_path)
    assert texts(tmp_path) == ["old"] * 4


def test_a_change_that_is_in_place_already_is_finished_whatever_was_edited_since(tmp_path: Path) -> None:
    interrupt(tmp_path, 4)
    (tmp_path / "d").write_text("mine")
    assert "is finished now" in recovered(tmp_path)
    assert texts(tmp_path) == ["new", "new", "new", "mine"]


def test_what_is_unfinished_is_reported_without_touching_it_and_not_while_somebody_works(tmp_path: Path) -> None:
    interrupt(tmp_path, 2)
    (line,) = unfinished(tmp_path)
    assert line.startswith("mesh update poll of 20")
    assert line.endswith("; the next command that changes the project finishes it, takes it back or discards it first")
    with locked(tmp_path, "new", DiskFiles()):
        assert unfinished(tmp_path) == ()
    assert texts(tmp_path) == ["new", "new", "old", "old"]
    with changing(tmp_path, "new", tell=lambda _: None):
        assert texts(tmp_path) == ["new"] * 4
    assert unfinished(tmp_path) == ()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ({"format": 2}, "format: Input should be 1"),
        ({"id": 7}, "its id is 7"),
        ({"command": "new \x1b[2J"}, "holds characters that control a terminal"),
        ({"time": "yesterday"}, "time: Value error, Invalid isoformat string"),
        ({"moves": [{"number": 0, "path": "../a", "old": None, "new": None}]}, "is no path inside the project"),
        ({"moves": [{"number": 0, "path": ".git/hooks/x", "old": None, "new": None}]}, "is git's own"),
        ({"moves": [{"number": 0, "path": ".mesh/LOCAL/lock", "old": None, "new": None}]}, "is mesh's own"),
        ({"folders": ["/etc"]}, "is no path inside the project"),
        ({"emptied": [{"path": "..", "mode": 0}]}, "is no path inside the project"),
        (
            {"moves": [{"number": 0, "path": "a", "old": None, "new": None, "stage": "app"}]},
            "no folder of staged files",
        ),
    ],
)
def test_a_journal_that_mesh_did_not_write_moves_nothing(
    tmp_path: Path, damage: dict[str, object], reason: str
) -> None:
    interrupt(tmp_path, 2)
    path = tmp_path / ".mesh/local/undo/1/journal.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **damage}))
    with pytest.raises(JournalError) as caught:
        recover(tmp_path, DiskFiles())
    assert str(caught.value).startswith(".mesh/local/undo/1/journal.json: is not a journal that mesh wrote (")
    assert reason in str(caught.value)
    assert "then remove the folder." in str(caught.value)
    assert texts(tmp_path) == ["new", "new", "old", "old"]


def test_a_journal_whose_folders_lead_elsewhere_moves_nothing(tmp_path: Path) -> None:
    root, outside = tmp_path / "project", tmp_path / "outside"
    (outside / "empty").mkdir(parents=True)
    root.mkdir()
    interrupt(root, 2)
    (root / "app").symlink_to(outside)
    path = root / ".mesh/local/undo/1/journal.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "emptied": [{"path": "app/empty", "mode": 493}]}))
    with pytest.raises(JournalError, match="'app/empty' has become a symbolic link"):
        recover(root, DiskFiles())
    assert (outside / "empty").is_dir()


def test_a_torn_journal_is_discarded_silently(tmp_path: Path) -> None:
    interrupt(tmp_path, 0)
    entry = tmp_path / ".mesh/local/undo/1"
    (entry / "committed").unlink()
    (entry / "journal.json").write_bytes((entry / "journal.json").read_bytes()[:40])
    assert recover(tmp_path, DiskFiles()) == ()
    assert not (tmp_path / ".mesh/local/undo").exists()
    assert texts(tmp_path) == ["old"] * 4
