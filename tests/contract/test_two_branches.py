"""Two branches add a type each; git merges them, and the app is as if one had added both."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mesh_runtime.testing import fresh_database

from .changing_app import mesh, migrated

if TYPE_CHECKING:
    from pathlib import Path

POLL = ("question:string", "day:date", "options:list[string]", "link:url?")
RECIPE = ("title:string", "price:decimal", "at:datetime", "cook:ref[user]?")
IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.autocrlf=false")
BOTH_SIDES = "app/** merge=union\n"
"""How a person settles two lines that were added at one place of a list: both stay."""


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    done = subprocess.run(
        ["git", *IDENTITY, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def added(folder: Path, name: str, fields: tuple[str, ...]) -> None:
    git(folder, "checkout", "-q", "-b", f"with_{name}", "main")
    arguments = [part for field in fields for part in ("--field", field)]
    code, printed, errors = mesh(folder, "new", "post-type", name, *arguments)
    assert code == 0, printed + errors
    git(folder, "add", ".")
    git(folder, "commit", "-qm", f"Add {name}")


@pytest.fixture(scope="module")
def branches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app with a branch for each type, none of them merged; not to be changed."""
    folder = tmp_path_factory.mktemp("branches")
    assert mesh(folder, "init", "app")[0] == 0
    app = folder / "app"
    git(app, "init", "-q", "-b", "main")
    git(app, "add", ".")
    git(app, "commit", "-qm", "Begin")
    added(app, "poll", POLL)
    added(app, "recipe", RECIPE)
    return app


@pytest.fixture(params=["poll", "recipe"])
def merged(branches: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The branch of one type, into which the other's was merged; both sides stay where they meet in code."""
    app = shutil.copytree(branches, tmp_path / "app", symlinks=True)
    (app / ".git/info/attributes").write_text(BOTH_SIDES)
    ours = request.param
    theirs = "recipe" if ours == "poll" else "poll"
    git(app, "checkout", "-q", f"with_{ours}")
    git(app, "merge", "-q", f"with_{theirs}")
    return app


def test_git_merges_records_migrations_and_specs_by_itself(branches: Path, tmp_path: Path) -> None:
    app = shutil.copytree(branches, tmp_path / "app", symlinks=True)
    git(app, "checkout", "-q", "with_poll")
    git(app, "merge", "-q", "with_recipe", check=False)
    conflicts = git(app, "diff", "--name-only", "--diff-filter=U").split()
    assert conflicts
    assert [path for path in conflicts if not path.startswith("app/")] == []
    assert {path for path in conflicts if "poll" in path or "recipe" in path} == set()


def test_check_is_clean_and_nothing_is_left_to_update(merged: Path) -> None:
    code, printed, errors = mesh(merged, "check")
    assert code == 0, printed + errors
    assert "notice" not in printed
    code, printed, errors = mesh(merged, "update", "--all", "--check")
    assert code == 0, printed + errors


def test_each_type_can_still_be_taken_out(merged: Path) -> None:
    for name, other in (("poll", "recipe"), ("recipe", "poll")):
        code, printed, errors = mesh(merged, "remove", name)
        assert code == 0, printed + errors
        assert other not in git(merged, "diff", "--unified=0", "--", "app", "plugins", "specs", "tests")
        git(merged, "checkout", "-q", "--", ".")
        git(merged, "clean", "-qfd")


def test_a_database_that_had_one_branch_takes_the_other(
    mesh_server: str, merged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fresh_database(mesh_server) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        tip = git(merged, "rev-parse", "HEAD").strip()
        git(merged, "checkout", "-q", "HEAD^1")
        migrated(merged, url)
        git(merged, "checkout", "-q", tip)
        migrated(merged, url)
        code, printed, errors = mesh(merged, "check", "--database")
        assert code == 0, printed + errors


def test_the_tests_of_what_both_branches_changed_pass(merged: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MESH_ENV"))}
    files = [f"tests/test_{name}.py" for name in ("app", "feed", "poll", "recipe")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, cwd=merged, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
