"""A running process picks up what changes, keeps what worked, and never sees half a registry."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mesh_descriptors.project import read_project
from mesh_runtime.plugins import PluginSource, Registry
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    from conftest import Project


def source_of(project: Project, **environ: str) -> PluginSource:
    return PluginSource(project.path, read_project(project.path), interval=0, environ=environ)


def value(registry: Registry, type_: str = "poll") -> object:
    plugin = registry.by_type("post-type", type_)
    return plugin.modules[0].VALUE if plugin else None


def own_names(registry: Registry) -> list[str]:
    return [plugin.name for plugin in registry.plugins if not plugin.first_party]


def test_nothing_changed_gives_the_same_registry(project: Project) -> None:
    project.plugin("poll", "VALUE = 1\n")
    source = source_of(project)
    assert source.refresh() is source.registry is source.refresh()


def test_a_new_plugin_is_picked_up_and_a_removed_one_goes(project: Project) -> None:
    source = source_of(project)
    assert own_names(source.registry) == []
    folder = project.plugin("poll", "VALUE = 1\n")
    assert own_names(source.refresh()) == ["poll"]
    shutil.rmtree(folder)
    assert own_names(source.refresh()) == []
    assert not [name for name in sys.modules if name.endswith(".poll.main")]


@pytest.mark.parametrize("file", ["main.py", "inner/deep.py", "plugin.toml", "notes.txt"])
def test_a_change_of_any_file_loads_the_plugin_anew(project: Project, file: str) -> None:
    folder = project.plugin("poll", "from .inner.deep import VALUE\n")
    project.write("plugins/poll/inner/deep.py", "VALUE = 1\n")
    project.write("plugins/poll/notes.txt", "")
    project.plugin("other", "VALUE = 1\n")
    source = source_of(project)
    before, kept = source.registry.by_type("post-type", "poll"), source.registry.by_type("post-type", "other")
    with (folder / file).open("a") as opened:
        opened.write("\n# changed\n")
    after = source.refresh()
    assert after.by_type("post-type", "poll") is not before
    assert after.by_type("post-type", "other") is kept


def test_a_change_that_keeps_size_and_second_is_seen(project: Project) -> None:
    folder = project.plugin("poll", "VALUE = 1\n")
    source = source_of(project)
    (folder / "main.py").write_text("VALUE = 2\n")
    assert value(source.refresh()) == 2


def test_the_former_versions_modules_are_dropped(project: Project) -> None:
    folder = project.plugin("poll", "VALUE = 1\n")
    source = source_of(project)
    old = source.registry.plugins[0].package
    (folder / "main.py").write_text("VALUE = 22\n")
    new = source.refresh().plugins[0].package
    assert old != new
    assert [name for name in sys.modules if name.endswith(".poll.main")] == [f"{new}.main"]


@pytest.mark.parametrize("breakage", ["code", "descriptor", "no descriptor", "claim", "config"])
def test_a_broken_change_keeps_the_last_good_version_until_it_is_mended(project: Project, breakage: str) -> None:
    folder = project.plugin("poll", "VALUE = 1\n")
    source = source_of(project)
    descriptor = (folder / "plugin.toml").read_text()
    match breakage:
        case "code":
            (folder / "main.py").write_text("VALUE = \n")
        case "descriptor":
            (folder / "plugin.toml").write_text("kind = \n")
        case "no descriptor":
            (folder / "plugin.toml").unlink()
        case "claim":
            project.plugin("rival", "VALUE = 9\n", type_="poll")
        case "config":
            (folder / "plugin.toml").write_text(f'{descriptor}[config.a]\ntype = "int"\nrequired = true\n')
    broken = source.refresh()
    assert value(broken) == 1
    assert [problem.kept for problem in broken.problems if problem.plugin == "poll"] == [True]
    assert "last good version stays" in str(broken.problems[0])
    assert source.refresh() is broken

    shutil.rmtree(project.path / "plugins" / "rival", ignore_errors=True)
    (folder / "plugin.toml").write_text(descriptor)
    (folder / "main.py").write_text("VALUE = 2\n")
    assert value(source.refresh()) == 2
    assert source.registry.problems == ()


def test_a_working_plugin_takes_the_type_of_one_that_broke(project: Project) -> None:
    folder = project.plugin("poll", "VALUE = 1\n")
    project.plugin("other", "VALUE = 2\n")
    source = source_of(project)
    (folder / "plugin.toml").write_text("kind = \n")
    project.plugin("other", "VALUE = 3\n", type_="poll")
    registry = source.refresh()
    assert (own_names(registry), value(registry)) == (["other"], 3)


def test_a_change_of_the_config_loads_the_plugin_anew(project: Project) -> None:
    code = "from mesh_runtime.plugins import config_of\nVALUE = config_of(__name__)['n']\n"
    project.plugin("poll", code, more='[config.n]\ntype = "int"\ndefault = 1\n')
    source = source_of(project)
    assert value(source.registry) == 1
    project.write("mesh.toml", '[project]\nname = "test"\n[plugins.poll]\nn = 2\n')
    assert value(source.refresh()) == 2


def test_a_broken_project_file_is_told_and_what_worked_stays(project: Project) -> None:
    project.plugin("poll", "VALUE = 1\n")
    source = source_of(project)
    project.write("mesh.toml", "[project\n")
    registry = source.refresh()
    assert value(registry) == 1
    assert str(registry.problems[0].problem.place) == "mesh.toml:1"
    project.write("mesh.toml", '[project]\nname = "test"\n')
    assert source.refresh().problems == ()


def test_a_new_folder_of_plugins_is_picked_up(project: Project) -> None:
    project.plugin("poll", "VALUE = 1\n", folder="more")
    source = source_of(project)
    project.write("mesh.toml", '[project]\nname = "test"\n[paths]\nplugins = ["plugins", "more"]\n')
    assert value(source.refresh()) == 1


def test_a_look_is_taken_once_per_interval(project: Project) -> None:
    source = PluginSource(project.path, read_project(project.path), interval=0.3)
    project.plugin("poll", "VALUE = 1\n")
    assert value(source.refresh()) is None
    time.sleep(0.35)
    assert value(source.refresh()) == 1


def test_production_never_looks_again(project: Project) -> None:
    settings = Settings(project.path, read_project(project.path))
    source = PluginSource.of(replace(settings, development=False), interval=0)
    in_development = PluginSource.of(settings, interval=0)
    project.plugin("poll", "VALUE = 1\n")
    assert value(source.refresh()) is None
    assert value(in_development.refresh()) == 1


def test_threads_get_a_whole_registry_while_another_one_loads(project: Project) -> None:
    """Two plug-ins always change together; nobody may see a registry in which one of them is missing."""
    slow = "import time\ntime.sleep(0.02)\n"
    for name in ("poll", "quiz"):
        project.plugin(name, f"{slow}VALUE = 0\n")
    source = source_of(project)
    stop, seen, errors = threading.Event(), set[tuple[object, object]](), list[BaseException]()

    def read() -> None:
        try:
            while not stop.is_set():
                registry = source.refresh()
                seen.add((value(registry, "poll"), value(registry, "quiz")))
        except BaseException as error:  # noqa: BLE001  reported below, in the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(1, 6):
        for name in ("poll", "quiz"):
            file = project.write(f"plugins/{name}/next", f"{slow}VALUE = {number}\n")
            os.replace(file, project.path / "plugins" / name / "main.py")  # noqa: PTH105  the system call that is meant
        deadline = time.monotonic() + 10
        while (number, number) not in seen and time.monotonic() < deadline:
            time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert all(None not in pair for pair in seen)
    assert (5, 5) in seen
    own = [name for name in sys.modules if name.startswith("mesh_plugins.") and name.endswith(".main")]
    assert len(own) == 2


def test_changes_and_new_problems_are_logged_once(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    folder = project.plugin("poll", "VALUE = 1\n")
    source = source_of(project)
    caplog.clear()
    with caplog.at_level(logging.INFO, "mesh.plugins"):
        (folder / "main.py").write_text("VALUE = \n")
        source.refresh()
        (folder / "notes.txt").write_text("another change, the same problem\n")
        source.refresh()
        (folder / "main.py").write_text("VALUE = 3\n")
        source.refresh()
        shutil.rmtree(folder)
        source.refresh()
    first, *others = [record.getMessage() for record in caplog.records]
    assert first.startswith("plug-in problem: plugins/poll/main.py:1: cannot be imported: SyntaxError")
    assert others == ["plug-in poll reloaded", "plug-in poll removed"]
