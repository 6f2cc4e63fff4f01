from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mesh_scaffold.apply import apply
from mesh_scaffold.generate.init import AppNameError, TemplateError, plan_init
from mesh_scaffold.generate.new import ConflictError
from mesh_scaffold.record import read_record
from mesh_scaffold.tree import Disk, Memory, Stored, Tree

if TYPE_CHECKING:
    from pathlib import Path

QUESTIONS = '_subdirectory: project\n_templates_suffix: .jinja\nproject_name: {type: str}\n_tasks: ["touch ran"]\n'


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """A small app template, with what installing one leaves beside it."""
    project = tmp_path / "templates/app/project"
    (project / "app/__pycache__").mkdir(parents=True)
    (project.parent / "copier.yml").write_text(QUESTIONS)
    (project / "mesh.toml.jinja").write_text('[project]\nname = "{{ project_name }}"\n')
    (project / "run.sh.jinja").write_text("#!/bin/sh\n")
    (project / "run.sh.jinja").chmod(0o777)
    (project / "app/__init__.py.jinja").write_bytes(b"")
    (project / "app/__pycache__/x.pyc").write_bytes(b"\0")
    (project / ".gitignore.jinja").write_text("/.mesh/local/\n")
    return tmp_path / "templates"


def test_the_template_enters_the_tree_and_is_recorded(templates: Path) -> None:
    tree = Tree(Memory({}))
    plan = plan_init(tree, "My app", templates)
    assert [change.path for change in plan.creates] == [
        ".gitignore", ".mesh/.gitattributes", ".mesh/record/app.json", "app/__init__.py", "mesh.toml", "run.sh",
    ]  # fmt: skip
    assert tree.read("mesh.toml") == b'[project]\nname = "My app"\n'
    assert {change.path: change.after for change in plan.changes}["run.sh"] == Stored(b"#!/bin/sh\n", 0o755)
    record = read_record(tree, "app", "app")
    assert record is not None
    assert record.spec == {"project_name": "My app"}
    assert [file.path for file in record.files] == [".gitignore", "app/__init__.py", "mesh.toml", "run.sh"]


def test_a_second_run_changes_nothing(templates: Path, tmp_path: Path) -> None:
    root = tmp_path / "app"
    apply(plan_init(Tree(Disk(root)), "My app", templates), root)
    (root / "mesh.toml").write_text("mine")
    again = plan_init(Tree(Disk(root)), "My app", templates)
    assert (again.changes, again.notices) == ((), ("this app is made already",))


def test_an_app_of_another_name_is_not_made_over_one_that_is_there(templates: Path, tmp_path: Path) -> None:
    root = tmp_path / "app"
    apply(plan_init(Tree(Disk(root)), "My app", templates), root)
    with pytest.raises(ConflictError) as caught:
        plan_init(Tree(Disk(root)), "Other", templates)
    assert str(caught.value) == (
        "mesh.toml: this app is there already and is called 'My app'\n"
        "  Choose another folder; to rename the app, edit mesh.toml."
    )
    assert caught.value.exit_code == 1


def test_files_that_are_in_the_way_are_all_listed(templates: Path) -> None:
    tree = Tree(Memory({"mesh.toml": "mine", "run.sh": "mine", "README.md": "mine", "app/__init__.py": ""}))
    with pytest.raises(ConflictError) as caught:
        plan_init(tree, "My app", templates)
    remedy = "Rename, move or delete the file, or choose: --on-conflict keep, overwrite, merge or markers."
    assert str(caught.value) == (
        f"mesh.toml: exists with other content; nothing was written\n  {remedy}\n"
        f"run.sh: exists with other content; nothing was written\n  {remedy}"
    )


def test_files_of_the_user_that_are_in_nobodys_way_stay(templates: Path) -> None:
    plan = plan_init(Tree(Memory({"README.md": "mine", ".envrc": "mine", "app/__init__.py": ""})), "My app", templates)
    assert not {"README.md", ".envrc", "app/__init__.py"} & {change.path for change in plan.changes}


@pytest.mark.parametrize("name", ["", " app", "app ", "-app", 'a"b', "a\nb", "a" * 64, "../app", "ápp", "{{ 1 }}"])
def test_a_name_that_no_app_can_have_is_refused(templates: Path, name: str) -> None:
    with pytest.raises(AppNameError) as caught:
        plan_init(Tree(Memory({})), name, templates)
    assert str(caught.value) == (
        f"{name!r} cannot be the name of an app\n"
        "  Take 1 to 63 letters, digits, spaces, '.', '-' or '_', a letter or digit first: --name 'My app'"
    )


@pytest.mark.parametrize("name", ["a", "My app", "app.v2", "a-b_c", "a" * 63])
def test_other_names_are_taken(templates: Path, name: str) -> None:
    tree = Tree(Memory({}))
    plan_init(tree, name, templates)
    assert tree.read_text("mesh.toml") == f'[project]\nname = "{name}"\n'


def test_settings_of_the_users_own_copier_play_no_part(
    templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.yml").write_text(json.dumps({"defaults": {"project_name": "x"}, "trust": ["/"]}))
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(tmp_path / "settings.yml"))
    monkeypatch.setenv("PATH", "")
    tree = Tree(Memory({}))
    plan_init(tree, "My app", templates)
    assert tree.read("mesh.toml") == b'[project]\nname = "My app"\n'
    assert not tree.exists("ran")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Copier leaves a folder's scan open
def test_a_template_that_does_not_render_is_named(templates: Path) -> None:
    (templates / "app/project/bad.jinja").write_text("{% if %}")
    with pytest.raises(TemplateError, match=r"templates/app: the app template cannot be rendered"):
        plan_init(Tree(Memory({})), "My app", templates)


def test_the_app_that_mesh_ships_is_made() -> None:
    tree = Tree(Memory({}))
    paths = [change.path for change in plan_init(tree, "My app").changes]
    assert {"mesh.toml", "app/models.py", "app/actions.py", "app/feed.py", ".gitignore"} <= set(paths)
    assert not [path for path in paths if path.endswith((".jinja", ".pyc"))]
