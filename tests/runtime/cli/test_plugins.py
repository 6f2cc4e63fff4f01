"""`mesh plugins` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

BASE = 'kind = "{kind}"\ntype = "{name}"\nversion = "1.2"\nlabel = "A {name}"\n'


def write_plugin(project: Path, name: str, code: str = "", *, kind: str = "post-type", more: str = "") -> None:
    folder = project / "plugins" / name
    folder.mkdir(parents=True)
    (folder / "plugin.toml").write_text(BASE.format(kind=kind, name=name) + f'entry = ["main"]\n{more}')
    (folder / "main.py").write_text(code)


def mesh(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mesh_cli", "plugins", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "mesh.toml").write_text('[project]\nname = "test"\n')
    return tmp_path


def test_list_shows_what_loads_and_points_to_check(project: Path) -> None:
    write_plugin(project, "poll")
    write_plugin(project, "bad", "1 / 0\n")
    done = mesh(project, "list")
    assert done.returncode == 0
    assert "poll" in done.stdout
    assert "A poll" in done.stdout
    assert "plugins/poll" in done.stdout
    assert "bad" not in done.stdout
    assert "1 problem: mesh plugins check" in done.stderr


def test_check_of_sound_plugins_is_0(project: Path) -> None:
    write_plugin(project, "poll")
    done = mesh(project, "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "loaded" in done.stdout


def test_check_tells_each_problem_with_its_place_and_is_1(project: Path) -> None:
    write_plugin(project, "poll")
    write_plugin(project, "bad", "x = 1\n1 / 0\n")
    write_plugin(project, "worse", "import sys\nsys.exit(0)\n")
    done = mesh(project, "check")
    assert done.returncode == 1
    assert "plugins/bad/main.py:2: cannot be imported: ZeroDivisionError: division by zero" in done.stdout
    assert "plugins/worse/main.py:2: cannot be imported: it exits the process" in done.stdout
    assert "2 problems" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_json_has_folders_plugins_and_problems_and_no_value_of_a_secret(project: Path) -> None:
    more = '[config.token]\ntype = "secret"\nrequired = true\ndefault = "env:PATH"\n'
    write_plugin(project, "poll", kind="jobs", more=more)
    write_plugin(project, "bad", "x = (\n")
    done = mesh(project, "check", "--json")
    report = json.loads(done.stdout)
    (poll,) = (plugin for plugin in report["plugins"] if not plugin["first_party"])
    assert done.returncode == 1
    assert (poll["name"], poll["kind"], poll["version"], poll["entry"]) == ("poll", "jobs", "1.2", ["main"])
    assert poll["config"] == [{"name": "token", "type": "secret", "required": True}]
    assert "/usr/bin" not in done.stdout
    assert report["problems"][0]["place"] == {"path": "plugins/bad/main.py", "line": 1}
    assert json.loads(mesh(project, "list", "--json").stdout) == report


def test_a_project_elsewhere_is_named(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    write_plugin(project, "poll")
    done = mesh(tmp_path_factory.mktemp("elsewhere"), "list", "--project", str(project))
    assert "A poll" in done.stdout


def test_without_a_project_it_says_what_to_do(tmp_path: Path) -> None:
    done = mesh(tmp_path, "list")
    assert done.returncode == 2
    assert "no mesh.toml here or in a folder above" in done.stderr


def test_a_broken_project_file_is_told_with_its_line(project: Path) -> None:
    (project / "mesh.toml").write_text('[project]\nname = "x"\n[paths]\nplugins = ["../outside"]\n')
    done = mesh(project, "check")
    assert done.returncode == 2
    assert "mesh.toml:4" in done.stderr
    assert "stays inside the project" in done.stderr
