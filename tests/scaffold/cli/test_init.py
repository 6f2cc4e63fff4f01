from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Mesh


def test_an_app_is_made_and_the_next_steps_are_said(mesh: Mesh, tmp_path: Path) -> None:
    done = mesh(tmp_path, "init", "my app", "--name", "My app")
    assert done.returncode == 0, done.stderr
    assert "create  app/models.py\n" in done.stdout
    assert "\nNext:\n  cd 'my app'\n  mesh db migrate " in done.stdout
    assert 'name = "My app"' in (tmp_path / "my app/mesh.toml").read_text()
    assert [path.name for path in (tmp_path / "my app/.mesh/local").iterdir()] == ["undo"]


def test_a_second_run_changes_nothing(mesh: Mesh, app: Path, files_of: object) -> None:
    before = files_of(app)  # type: ignore[operator]
    done = mesh(app, "init", ".", "--name", "my-app")
    assert (done.returncode, done.stdout) == (0, "notice: this app is made already\nNothing to do.\n")
    assert files_of(app) == before  # type: ignore[operator]


def test_a_file_that_is_in_the_way_stops_everything_with_exit_code_1(mesh: Mesh, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/mesh.toml").write_text("mine")
    done = mesh(tmp_path, "init", "app")
    assert done.returncode == 1
    assert done.stderr == (
        "error: mesh.toml: exists with other content; nothing was written\n"
        "  Rename, move or delete the file, or choose: --on-conflict keep, overwrite, merge or markers.\n"
    )
    assert [path.name for path in (tmp_path / "app").iterdir()] == ["mesh.toml"]


def test_a_dry_run_shows_a_diff_and_writes_nothing(mesh: Mesh, tmp_path: Path) -> None:
    done = mesh(tmp_path, "init", "app", "--dry-run")
    assert done.returncode == 0
    assert done.stdout.startswith("diff --git a/.gitignore b/.gitignore\nnew file mode 100644\n")
    assert done.stderr.endswith("files would change; nothing was written.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_machine_reads_the_plan_as_json(mesh: Mesh, tmp_path: Path) -> None:
    done = mesh(tmp_path, "init", "app", "--dry-run", "--json")
    plan = json.loads(done.stdout)
    assert (plan["format"], plan["command"], plan["applied"]) == (1, "init", False)
    assert {"mesh.toml", "app/models.py"} <= {change["path"] for change in plan["changes"]}


def test_a_file_instead_of_a_folder_is_bad_input(mesh: Mesh, tmp_path: Path) -> None:
    (tmp_path / "app").write_text("mine")
    done = mesh(tmp_path, "init", "app")
    assert done.returncode == 2
    assert done.stderr == "error: app: is a file, a folder was expected\n  Choose another folder.\n"


def test_a_folder_whose_name_no_app_can_have_needs_a_name(mesh: Mesh, tmp_path: Path) -> None:
    done = mesh(tmp_path, "init", "_app")
    assert done.returncode == 2
    assert "error: '_app' cannot be the name of an app\n" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(5)
def test_a_folder_in_which_none_can_be_made_is_an_error_and_no_wait(mesh: Mesh, tmp_path: Path) -> None:
    done = mesh(tmp_path, "init", "/proc/mesh-app")
    assert done.returncode == 2
    assert done.stderr == ("error: /proc/mesh-app: cannot be made\n  Choose a folder in which files can be made.\n")


@pytest.mark.timeout(5)
def test_a_link_that_leads_nowhere_instead_of_the_locks_folder_is_an_error_and_no_wait(
    mesh: Mesh, tmp_path: Path
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/.mesh").symlink_to("nowhere")
    done = mesh(tmp_path, "init", "app")
    assert done.returncode == 2
    assert f"{tmp_path}/app/.mesh: is a symbolic link that leads nowhere\n  Remove the link, or " in done.stderr


@pytest.mark.parametrize("nothing", ["", " "])
def test_an_empty_folder_is_not_the_one_where_the_user_is(mesh: Mesh, tmp_path: Path, nothing: str) -> None:
    done = mesh(tmp_path, "init", nothing)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: the folder is empty\n  Name one: mesh init my-app; this one is '.'\n"
    assert list(tmp_path.iterdir()) == []


def test_the_root_folder_is_said_to_have_no_name(mesh: Mesh, tmp_path: Path) -> None:
    done = mesh(tmp_path, "init", "/", "--dry-run")
    assert done.returncode == 2
    assert done.stderr == (
        "error: /: the root folder has no name for the app\n  Choose another folder, or name the app: --name 'My app'\n"
    )
