from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mesh_scaffold.apply import KEPT, apply
from mesh_scaffold.generate.conflicts import ConflictError, aborting
from mesh_scaffold.generate.undo import UndoError, plan_undo
from mesh_scaffold.history import history
from mesh_scaffold.plan import Plan
from mesh_scaffold.tree import Disk, Tree

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_scaffold.generate.conflicts import Choice


def change(root: Path, command: str, **files: bytes | None) -> None:
    """Write or delete files: `app__models` is app/models."""
    tree = Tree(Disk(root))
    for name, content in files.items():
        path = name.replace("__", "/")
        if content is None:
            tree.delete(path)
        else:
            tree.write(path, content)
    apply(Plan.of(tree, command), root)


def undo(root: Path, number: int | None = None, choice: Choice = "abort") -> Plan:
    plan = plan_undo(Tree(Disk(root)), root, number, lambda _: choice, "sql/migrations")
    apply(plan, root)
    return plan


def contents(root: Path) -> dict[str, bytes | None]:
    """Files by path, and folders."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(root.rglob("*"))
        if ".mesh" not in path.parts
    }


def statuses(root: Path) -> list[str]:
    return [past.status for past in history(root)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with two changes behind it: one made it, one edits, creates, deletes and changes a mode."""
    change(tmp_path, "init", shared=b"1\n2\n3\n4\n5\n", gone=b"gone", app__old__only=b"only")
    (tmp_path / "tool").write_bytes(b"tool")
    tree = Tree(Disk(tmp_path))
    tree.write("shared", b"1\ntwo\n3\n4\n5\n")
    tree.write("plugins/poll/plugin.toml", b"x = 1\n")
    tree.delete("gone")
    tree.delete("app/old/only")
    tree.write("tool", b"tool", mode=0o755)
    apply(Plan.of(tree, "new post-type poll"), tmp_path)
    return tmp_path


BEFORE = {"app": None, "app/old": None, "app/old/only": b"only", "gone": b"gone", "shared": b"1\n2\n3\n4\n5\n",
          "tool": b"tool"}  # fmt: skip
AFTER = {"plugins": None, "plugins/poll": None, "plugins/poll/plugin.toml": b"x = 1\n",
         "shared": b"1\ntwo\n3\n4\n5\n", "tool": b"tool"}  # fmt: skip


def test_an_undo_restores_every_file_mode_and_folder_and_is_undone_in_turn(root: Path) -> None:
    assert contents(root) == AFTER
    plan = undo(root)
    assert (plan.command, plan.undoes) == ("undo 2", 2)
    assert contents(root) == BEFORE
    assert (root / "tool").stat().st_mode & 0o777 == 0o644
    assert statuses(root) == ["done", "undone", "done"]
    undo(root, 3)
    assert contents(root) == AFTER
    assert (root / "tool").stat().st_mode & 0o777 == 0o755
    assert statuses(root) == ["done", "done", "undone", "done"]


def test_undo_after_undo_goes_further_back(root: Path) -> None:
    change(root, "new post-type quiz", shared=b"1\ntwo\n3\n4\nfive\n")
    assert [undo(root).undoes for _ in range(3)] == [3, 2, 1]
    assert contents(root) == {"tool": b"tool"}
    with pytest.raises(UndoError, match="there is nothing to undo\n  mesh log lists what mesh did here"):
        undo(root)


def test_an_undone_change_is_not_undone_twice(root: Path) -> None:
    undo(root)
    plan = undo(root, 2)
    assert (plan.changes, plan.notices) == ((), ("2 is undone already, by 3; to bring it back: mesh undo 3",))


def test_the_change_that_made_the_project_is_undone_by_its_number_only(tmp_path: Path) -> None:
    tree = Tree(Disk(tmp_path))
    tree.write("mesh.toml", "")
    apply(Plan.of(tree, "init"), tmp_path)
    with pytest.raises(UndoError, match="to take back mesh init itself, name its ID"):
        undo(tmp_path)
    undo(tmp_path, 1)
    assert contents(tmp_path) == {}


def test_a_file_that_was_edited_since_is_listed_and_nothing_is_written(root: Path) -> None:
    (root / "shared").write_bytes(b"1\ntwo\n3\n4\nmine\n")
    (root / "plugins/poll/plugin.toml").write_bytes(b"mine")
    (root / "gone").write_bytes(b"mine again")
    before = contents(root)
    with pytest.raises(ConflictError) as caught:
        undo(root)
    assert sorted(str(problem) for problem in caught.value.problems) == [
        "gone:1: was changed since; nothing was written\n"
        "  Save your edits elsewhere, or choose: --on-conflict keep, overwrite, merge or markers.",
        "plugins/poll/plugin.toml: was changed since; nothing was written\n"
        "  Save your edits elsewhere, or choose: --on-conflict keep or overwrite.",
        "shared: was changed since; nothing was written\n"
        "  Save your edits elsewhere, or choose: --on-conflict keep, overwrite, merge or markers.",
    ]
    assert caught.value.exit_code == 1
    assert contents(root) == before


def test_an_edit_elsewhere_in_the_file_stays_whatever_is_chosen(root: Path) -> None:
    (root / "shared").write_bytes(b"1\ntwo\n3\n4\nmine\n")
    choices: tuple[Choice, ...] = ("keep", "overwrite", "merge", "markers")
    for choice in choices:
        undo(root, 2, choice)
        assert contents(root) == {**BEFORE, "shared": b"1\n2\n3\n4\nmine\n"}
        undo(root, history(root)[-1].id)
        assert contents(root) == {**AFTER, "shared": b"1\ntwo\n3\n4\nmine\n"}


def test_an_edit_in_the_way_is_kept_or_overwritten_as_chosen(root: Path) -> None:
    mine = {**AFTER, "shared": b"1\nmine\n3\n4\n5\n", "plugins/poll/plugin.toml": b"mine"}
    (root / "shared").write_bytes(b"1\nmine\n3\n4\n5\n")
    (root / "plugins/poll/plugin.toml").write_bytes(b"mine")
    with pytest.raises(ConflictError):
        undo(root, choice="merge")
    plan = undo(root, choice="keep")
    assert plan.notices == ("plugins/poll/plugin.toml was changed since, and is left as it is",)
    assert contents(root) == {**BEFORE, **{path: mine[path] for path in mine if path not in {"tool"}}}
    undo(root, 3)
    assert contents(root) == mine
    undo(root, 2, choice="overwrite")
    assert contents(root) == BEFORE
    undo(root, 5)
    assert contents(root) == mine  # what was overwritten is not lost either


def test_edits_of_the_same_lines_get_markers_and_are_listed(root: Path) -> None:
    (root / "shared").write_bytes(b"1\nmine\n3\n4\n5\n")
    plan = undo(root, choice="markers")
    assert [str(problem.place) for problem in plan.conflicts] == ["shared:2"]
    assert b"<<<<<<<" in (root / "shared").read_bytes()


def test_a_change_is_undone_around_a_later_one_or_after_it(root: Path) -> None:
    change(root, "new post-type quiz", shared=b"1\ntwo\n3\n4\nfive\n")
    with pytest.raises(ConflictError, match=r"Undo that first: mesh undo 3 \(mesh new post-type quiz\), or choose"):
        undo(root, 2)
    undo(root, 2, choice="merge")
    assert (root / "shared").read_bytes() == b"1\n2\n3\n4\nfive\n"


def test_a_file_that_somebody_deleted_or_restored_already_is_no_conflict(root: Path) -> None:
    (root / "plugins/poll/plugin.toml").unlink()
    (root / "gone").write_bytes(b"gone")
    undo(root)
    assert (root / "gone").read_bytes() == b"gone"
    assert (root / "shared").read_bytes() == b"1\n2\n3\n4\n5\n"


def test_an_edited_file_that_was_deleted_since_is_listed(root: Path) -> None:
    (root / "shared").unlink()
    with pytest.raises(ConflictError, match="shared: was deleted since; nothing was written"):
        undo(root)
    undo(root, choice="overwrite")
    assert (root / "shared").read_bytes() == b"1\n2\n3\n4\n5\n"


def test_a_kept_copy_that_is_damaged_is_never_written(root: Path) -> None:
    journal = json.loads((root / ".mesh/local/undo/2/journal.json").read_bytes())
    (number,) = [move["number"] for move in journal["moves"] if move["path"] == "shared"]
    (root / f".mesh/local/undo/2/{number}.old").write_bytes(b"damaged")
    with pytest.raises(UndoError) as caught:
        undo(root)
    assert str(caught.value) == (
        f"shared: is not kept as it was before the change\n"
        f"  .mesh/local/undo/2/{number}.old is missing or damaged; restore the file from git."
    )
    assert contents(root) == AFTER


def test_a_migration_that_goes_is_a_warning(root: Path) -> None:
    change(root, "new post-type quiz", sql__migrations__1_quiz=b"SELECT 1;")
    plan = undo(root)
    assert plan.warnings == (
        "sql/migrations/1_quiz: where mesh db migrate has run since change 3, the database keeps what it made",
    )


@pytest.mark.parametrize(
    ("number", "message"), [(9, "there is no change 9\n  mesh log lists the changes"), (2, "is damaged")]
)
def test_a_change_that_is_not_there_or_damaged_is_named(root: Path, number: int, message: str) -> None:
    (root / ".mesh/local/undo/2/journal.json").write_text("{}")
    with pytest.raises(UndoError, match=message) as caught:
        undo(root, number)
    assert caught.value.exit_code == 2


def test_only_the_last_changes_are_kept(tmp_path: Path) -> None:
    for number in range(KEPT + 3):
        change(tmp_path, f"change {number}", file=str(number).encode())
    assert [past.id for past in history(tmp_path)] == list(range(4, KEPT + 4))
    assert len(list((tmp_path / ".mesh/local/undo").iterdir())) == KEPT


def test_nothing_aborts_where_nothing_was_edited(root: Path) -> None:
    plan = plan_undo(Tree(Disk(root)), root, None, aborting, "sql/migrations")
    assert len(plan.changes) == 5
