"""What is wrong, where, and what to do: messages that no other test asks for, where they are made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mesh_descriptors.project import ProjectFile
from mesh_scaffold.files import DiskFiles
from mesh_scaffold.generate.adopt import NotInCodeError, plan_adopt
from mesh_scaffold.generate.init import TemplateError, plan_init
from mesh_scaffold.lock import LOCK_FILE, LockedError, locked
from mesh_scaffold.plan import Plan
from mesh_scaffold.render.literals import UnsafeTextError, py, sql, toml
from mesh_scaffold.tree import Disk, Memory, Tree, TreeError
from mesh_scaffold.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROJECT = ProjectFile.model_validate({"project": {"name": "Test"}})


class Unadoptable:
    """A target that knows its types and nothing of specs."""

    name = "plain"

    def types(self, tree: Tree, kind: str) -> tuple[str, ...]:
        del tree, kind
        return ("poll",)


def test_a_file_or_folder_that_the_disk_does_not_give_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.py").write_text("")
    monkeypatch.setattr("pathlib.Path.read_bytes", fail)
    with pytest.raises(TreeError) as caught:
        Disk(tmp_path).read("a.py")
    assert str(caught.value) == (
        "a.py: cannot be read: Permission denied\n"
        "  Give yourself the right to read it (chmod u+r), and look whether the disk answers."
    )
    monkeypatch.setattr("os.scandir", fail)
    with pytest.raises(TreeError) as caught:
        Disk(tmp_path).list("app")
    assert str(caught.value).startswith("app: cannot be listed: Permission denied\n  Give yourself the right")
    assert caught.value.exit_code == 2


def test_a_project_that_somebody_changes_is_locked(tmp_path: Path) -> None:
    (tmp_path / ".mesh").mkdir()
    with locked(tmp_path, "new post-type poll", DiskFiles()), pytest.raises(LockedError) as caught:
        locked(tmp_path, "new post-type quiz", DiskFiles(), patience=0.01).__enter__()
    assert str(caught.value).startswith(f"{LOCK_FILE}: the project is locked by mesh new post-type poll (process ")
    assert str(caught.value).endswith("\n  Run the command again when that one has ended.")
    assert f"process {os.getpid()} " in str(caught.value)


def test_a_target_may_be_unable_to_adopt() -> None:
    with pytest.raises(NotInCodeError) as caught:
        plan_adopt(Tree(Memory({})), Unadoptable(), PROJECT, "poll")  # type: ignore[arg-type]
    assert str(caught.value) == (
        "mesh.toml, field project.target: types of the target plain cannot be adopted\n"
        "  Write its spec by hand, as docs/spec.md says."
    )


def test_a_broken_app_template_is_named(tmp_path: Path) -> None:
    project = tmp_path / "templates/app/project"
    project.mkdir(parents=True)
    (project.parent / "copier.yml").write_text("_subdirectory: [\n")
    with pytest.raises(TemplateError) as caught:
        plan_init(Tree(Memory({})), "My app", tmp_path / "templates")
    assert str(caught.value).startswith(f"{tmp_path}/templates/app: the app template cannot be rendered: ")
    assert str(caught.value).endswith("\n  Reinstall mesh-scaffold; with a template of your own, correct it.")


@pytest.mark.parametrize(
    ("literal", "value", "message"),
    [
        (py, object(), "object has no Python literal"),
        (sql, object(), "object has no SQL literal"),
        (toml, object(), "object has no TOML value"),
        (py, float("nan"), "nan is no literal in any generated language"),
        (sql, "a\0", "PostgreSQL text cannot hold a NUL character"),
    ],
)
def test_a_template_that_writes_what_has_no_literal_is_told(
    literal: Callable[[object], str], value: object, message: str
) -> None:
    with pytest.raises(UnsafeTextError, match=message):
        literal(value)


def test_migrations_that_fail_are_named_with_their_folder_and_the_way_around(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "mesh.toml").write_text('[project]\nname = "Test"\n')
    tree = Tree(Disk(tmp_path))
    tree.write("sql/migrations/20260101000000_a.sql", "ALTER TABLE nobody ADD COLUMN a text;\n")
    environ = {"PATH": os.environ["PATH"], "DATABASE_URL": database_url}
    (problem,) = verify(tree, Plan.of(tree, "test"), "all", tmp_path, PROJECT, environ).problems
    assert str(problem).startswith("sql/migrations: the migrations fail on a throw-away database: sql/migrations/2026")
    assert str(problem).endswith("\n  Nothing was written. --verify required leaves this out.")
