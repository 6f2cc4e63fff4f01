"""Hostile and odd folders: nothing outside of the project is read, and no name breaks the others."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mesh_runtime.plugins import PluginFolder, load_plugins

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Project

DESCRIPTOR = 'kind = "jobs"\ntype = "x"\nversion = "1"\nlabel = "L"\nentry = ["main"]\n'


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "plugin.toml").write_text(DESCRIPTOR)
    (folder / "main.py").write_text("raise RuntimeError('code from outside ran')\n")
    return folder


@pytest.mark.parametrize("name", ["my-plugin", "1st", "class", "p\u043ell", "a b", "a.b", "new\nline", "x;y"])
def test_a_folder_that_is_no_identifier_is_refused_and_the_others_load(project: Project, name: str) -> None:
    project.plugin("good")
    project.write(f"plugins/{name}/plugin.toml", DESCRIPTOR)
    registry = project.load()
    assert [plugin.name for plugin in registry.plugins] == ["good"]
    assert "must be a Python identifier" in registry.problems[0].problem.message
    assert "Rename the folder" in (registry.problems[0].problem.remedy or "")


def test_a_name_that_is_no_text_is_refused_printably(project: Project) -> None:
    project.plugin("good")
    os.mkdir(os.fsencode(project.path / "plugins") + b"/\xff\xfe")  # noqa: PTH102  a name of bytes
    registry = project.load()
    assert [plugin.name for plugin in registry.plugins] == ["good"]
    str(registry.problems[0]).encode("utf-8")


@pytest.mark.parametrize("name", [".hidden", "_off", "__pycache__"])
def test_hidden_folders_caches_and_those_switched_off_are_no_plugins(project: Project, name: str) -> None:
    project.write(f"plugins/{name}/plugin.toml", DESCRIPTOR)
    project.write(f"plugins/{name}/main.py", "raise RuntimeError\n")
    project.write("plugins/README.md", "a file")
    registry = project.load()
    assert (registry.plugins, registry.problems) == ((), ())


def test_what_a_branch_switch_leaves_behind_is_no_plugin(project: Project) -> None:
    project.write("plugins/gone/__pycache__/main.cpython-311.pyc", b"")
    registry = project.load()
    assert (registry.plugins, registry.problems) == ((), ())


def test_a_plugin_that_is_a_link_out_of_the_project_is_refused(project: Project, outside: Path) -> None:
    project.plugin("good")
    (project.path / "plugins" / "evil").symlink_to(outside)
    registry = project.load()
    assert [plugin.name for plugin in registry.plugins] == ["good"]
    assert str(registry.problems[0].problem.place) == "plugins/evil"
    assert "leaves the project" in registry.problems[0].problem.message


def test_a_module_that_is_a_link_out_of_the_project_is_refused(project: Project, outside: Path) -> None:
    folder = project.plugin("evil", "")
    (folder / "main.py").unlink()
    (folder / "main.py").symlink_to(outside / "main.py")
    (problem,) = project.load().problems
    assert str(problem.problem.place) == "plugins/evil/main.py"
    assert "leaves the project" in problem.problem.message


def test_a_plugin_folder_that_is_a_link_out_of_the_project_is_refused(project: Project, outside: Path) -> None:
    (project.path / "plugins").symlink_to(outside.parent)
    registry = project.load()
    assert registry.plugins == ()
    assert "leaves the project" in registry.problems[0].problem.message


def test_a_link_inside_the_project_is_followed(project: Project) -> None:
    project.plugin("poll", "OK = True\n", folder="shared")
    (project.path / "plugins").mkdir()
    (project.path / "plugins" / "poll").symlink_to(project.path / "shared" / "poll")
    registry = project.load()
    assert registry.problems == ()
    assert registry.plugins[0].modules[0].OK


def test_links_in_a_circle_end(project: Project) -> None:
    folder = project.plugin("poll")
    (folder / "again").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    assert [plugin.name for plugin in project.load().plugins] == ["poll"]


def test_a_descriptor_that_is_a_pipe_does_not_hang(project: Project) -> None:
    folder = project.plugin("poll")
    (folder / "plugin.toml").unlink()
    os.mkfifo(folder / "plugin.toml")
    assert "no regular file" in project.load().problems[0].problem.message


def test_a_file_in_place_of_the_folder_is_told(project: Project) -> None:
    project.write("plugins", "not a folder")
    assert "is no folder" in project.load().problems[0].problem.message


def test_a_plugin_folder_inside_another_is_not_taken_for_a_plugin(project: Project) -> None:
    project.plugin("poll")
    project.plugin("quiz", folder="plugins/more")
    folders = [PluginFolder(project.path / name, boundary=project.path) for name in ("plugins", "plugins/more")]
    registry = load_plugins(folders)
    assert [plugin.name for plugin in registry.plugins] == ["poll", "quiz"]
    assert registry.problems == ()
