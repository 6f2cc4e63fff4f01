"""An app whose team formats its code in its own way."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scaffold.cli.conftest import Mesh

RUFF = [sys.executable, "-m", "ruff", "format", "--line-length", "79"]
NEW = ("new", "post-type", "poll", "--field", "question:string", "--field", "options:list[string]")


def set_format(app: Path, command: list[str]) -> None:
    """Name the formatter of Python files in `mesh.toml`."""
    said = ", ".join(f"'{part}'" for part in command)
    with (app / "mesh.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[format]\n'.py' = [{said}]\n")


@pytest.fixture
def narrow_app(app: Path) -> Path:
    """An app in lines of 79 characters."""
    set_format(app, [*RUFF, "--stdin-filename", "{path}", "-"])
    subprocess.run([*RUFF, "."], cwd=app, check=True, capture_output=True)
    return app


def test_a_new_type_is_written_as_the_formatter_lays_it_out(mesh: Mesh, narrow_app: Path) -> None:
    done = mesh(narrow_app, *NEW)
    assert done.returncode == 0, done.stderr
    checked = subprocess.run([*RUFF, "--check", "."], cwd=narrow_app, check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    again = mesh(narrow_app, *NEW)
    assert (again.returncode, "Nothing to do." in again.stdout) == (0, True)


def test_a_failing_formatter_ends_the_command_and_nothing_is_written(mesh: Mesh, app: Path, files_of: object) -> None:
    set_format(app, [sys.executable, "-c", 'import sys; sys.exit("cannot format this")'])
    before = files_of(app)  # type: ignore[operator]
    done = mesh(app, *NEW)
    assert done.returncode == 2
    assert "cannot format this" in done.stderr
    assert 'mesh.toml, field format.".py"' in done.stderr
    assert files_of(app) == before  # type: ignore[operator]


def field_added(app: Path) -> None:
    """Write one more field into the spec."""
    spec = app / "specs" / "poll.yaml"
    spec.write_text(
        spec.read_text() + "  closes_at: {type: datetime, required: false, help: When nobody votes any more}\n"
    )


def test_a_formatter_over_the_app_is_no_conflict_when_a_field_is_added(mesh: Mesh, app: Path) -> None:
    assert mesh(app, *NEW).returncode == 0
    subprocess.run([*RUFF, "."], cwd=app, check=True, capture_output=True)
    field_added(app)
    done = mesh(app, "update", "poll", "--on-conflict", "abort")
    assert done.returncode == 0, done.stderr
    assert mesh(app, "check").returncode == 0
    assert "poll_closes_at" in (app / "app" / "validators" / "poll.py").read_text()
    assert mesh(app, "remove", "poll").returncode == 0
    assert not (app / "app" / "validators" / "poll.py").exists()


def test_what_is_added_is_laid_out_by_the_formatter_too(mesh: Mesh, narrow_app: Path) -> None:
    assert mesh(narrow_app, *NEW).returncode == 0
    field_added(narrow_app)
    done = mesh(narrow_app, "update", "poll", "--on-conflict", "abort")
    assert done.returncode == 0, done.stderr
    checked = subprocess.run([*RUFF, "--check", "."], cwd=narrow_app, check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    assert mesh(narrow_app, "update", "poll", "--check").returncode == 0


@pytest.mark.parametrize("command", ["[]", "'ruff format -'", '["a\\u0000b"]', '[""]', "[1]"])
def test_a_formatter_that_is_no_command_is_named_with_its_line(mesh: Mesh, app: Path, command: str) -> None:
    with (app / "mesh.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[format]\n'.py' = {command}\n")
    done = mesh(app, *NEW)
    assert done.returncode == 2
    assert "error: mesh.toml:52, field format..py: " in done.stderr
    assert 'write the program and its arguments as a list of texts: ["ruff", "format", "-"]' in done.stderr
