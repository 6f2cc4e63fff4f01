"""Loading plug-ins that work: where their modules live, and what of the process they leave alone."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_descriptors.project import read_project
from mesh_runtime.plugins import first_party_folder, load_plugins, plugin_folders

if TYPE_CHECKING:
    import pytest

    from conftest import Project


@dataclass(frozen=True)
class Marker:
    """What a plug-in might offer."""

    name: str


def test_a_plugin_is_found_by_kind_and_type(project: Project) -> None:
    project.plugin("poll", "ANSWER = 42\n")
    registry = project.load()
    found = registry.by_type("post-type", "poll")
    assert registry.problems == ()
    assert found is not None
    assert found.modules[0].ANSWER == 42
    assert registry.by_type("node-type", "poll") is None
    assert registry.of_kind("post-type") == (found,)


def test_a_plugin_without_code_is_a_plugin(project: Project) -> None:
    project.plugin("poll")
    assert [plugin.modules for plugin in project.load().plugins] == [()]


def test_modules_of_a_plugin_import_each_other_relatively(project: Project) -> None:
    folder = project.plugin("poll", "from . import base\nfrom .inner.deep import DEEP\nVALUE = base.VALUE\n")
    (folder / "base.py").write_text("VALUE = 1\n")
    project.write("plugins/poll/inner/__init__.py", "")
    project.write("plugins/poll/inner/deep.py", "from ..base import VALUE\nDEEP = VALUE + 1\n")
    (module,) = project.load().plugins[0].modules
    assert (module.VALUE, module.DEEP) == (1, 2)


def test_the_folder_may_be_a_package_with_code_of_its_own(project: Project) -> None:
    project.plugin("poll", "from . import SHARED\n")
    project.write("plugins/poll/__init__.py", "SHARED = 7\n")
    assert project.load().plugins[0].modules[0].SHARED == 7


def test_entry_modules_load_in_the_order_of_the_descriptor(project: Project) -> None:
    project.plugin("poll", more='entry = ["zebra", "ant"]\n')
    for name in ("zebra", "ant"):
        project.write(f"plugins/poll/{name}.py", "")
    names = [module.__name__.rpartition(".")[2] for module in project.load().plugins[0].modules]
    assert names == ["zebra", "ant"]


def test_plugins_neither_shadow_nor_are_shadowed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("mine.py", "OWNER = 'project'\n")
    monkeypatch.syspath_prepend(project.path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    project.plugin(
        "json", "import json\nimport mine\nfrom .mine import OWNER\nTOP = mine.OWNER\nDUMPED = json.dumps(1)\n"
    )
    project.write("plugins/json/mine.py", "OWNER = 'plugin'\n")
    project.write("plugins/json/typing.py", "raise RuntimeError('never imported')\n")
    (module,) = project.load().plugins[0].modules
    assert (module.TOP, module.OWNER, module.DUMPED) == ("project", "plugin", "1")
    assert "json" not in {name.rpartition(".")[2] for name in vars(sys.modules["mesh_plugins"])}


def test_loading_changes_neither_sys_path_nor_the_folder(project: Project) -> None:
    folder = project.plugin("poll", "from .other import X\n")
    (folder / "other.py").write_text("X = 1\n")
    path, files = list(sys.path), sorted(folder.rglob("*"))
    project.load()
    assert sys.path == path
    assert sorted(folder.rglob("*")) == files


def test_a_module_is_compiled_from_its_source_however_fast_it_changes(project: Project) -> None:
    folder = project.plugin("poll", "VALUE = 0\n")
    for value in range(5):
        (folder / "main.py").write_text(f"VALUE = {value}\n")  # same size, same second
        (module,) = project.load().plugins[0].modules
        assert {"VALUE": value}.items() <= vars(module).items()


def test_plugins_come_in_the_order_of_their_folders_then_by_name(project: Project) -> None:
    project.plugin("zebra", folder="first")
    project.plugin("bear", folder="second")
    project.plugin("ant", folder="second")
    assert [plugin.name for plugin in project.load("first", "second").plugins] == ["zebra", "ant", "bear"]


def test_instances_finds_each_object_of_a_class_once(project: Project) -> None:
    project.plugin("poll", more='entry = ["a", "b"]\n')
    source = "import test_loader_marker as m\nONE = m.Marker('one')\nAGAIN = ONE\nOTHER = 3\n"
    sys.modules["test_loader_marker"] = sys.modules[__name__]
    project.write("plugins/poll/a.py", source)
    project.write("plugins/poll/b.py", "from .a import ONE\n")
    registry = project.load()
    del sys.modules["test_loader_marker"]
    assert registry.problems == ()
    assert registry.instances(Marker) == (Marker("one"),)


def test_plain_paths_are_folders_too(project: Project) -> None:
    project.plugin("poll")
    assert [plugin.name for plugin in load_plugins([project.path / "plugins"]).plugins] == ["poll"]


def test_a_missing_folder_has_no_plugins_and_no_problem(project: Project) -> None:
    registry = project.load("nowhere")
    assert (registry.plugins, registry.problems) == ((), ())


def test_a_project_has_its_own_folders_in_order_then_the_first_party_one(project: Project) -> None:
    project.write("mesh.toml", '[project]\nname = "x"\n[paths]\nplugins = ["b", "a", "b"]\n')
    folders = plugin_folders(project.path, read_project(project.path))
    shipped = first_party_folder()
    assert shipped is not None
    assert [folder.path for folder in folders] == [project.path / "b", project.path / "a", shipped]
    assert [folder.first_party for folder in folders] == [False, False, True]


def test_every_first_party_plugin_loads() -> None:
    shipped = first_party_folder()
    assert shipped is not None
    assert load_plugins([shipped]).problems == ()
