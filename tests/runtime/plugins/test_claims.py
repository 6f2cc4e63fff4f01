"""Of two plug-ins that claim one kind and type, neither loads; a first-party one is replaced on purpose only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_runtime.plugins import PluginFolder, Registry, load_plugins
from mesh_runtime.plugins.folders import scan

if TYPE_CHECKING:
    from conftest import Project


def load_with_first_party(project: Project) -> Registry:
    shipped = PluginFolder(project.path / "shipped", first_party=True)
    return load_plugins([PluginFolder(project.path / "plugins", boundary=project.path), shipped])


def test_two_that_claim_one_type_are_both_refused_and_name_each_other(project: Project) -> None:
    for name in ("first", "second"):
        project.plugin(name, "raise RuntimeError('never imported')\n", type_="poll")
    project.plugin("other")
    registry = project.load()
    assert [plugin.name for plugin in registry.plugins] == ["other"]
    assert [str(problem.problem.place) for problem in registry.problems] == [
        "plugins/first/plugin.toml:2, field type",
        "plugins/second/plugin.toml:2, field type",
    ]
    assert "claimed by plugins/second/plugin.toml" in registry.problems[0].problem.message


def test_three_that_claim_one_type_are_all_refused(project: Project) -> None:
    for name in ("a", "b", "c"):
        project.plugin(name, type_="poll")
    assert len(project.load().problems) == 3


def test_one_type_of_two_kinds_is_no_conflict(project: Project) -> None:
    project.plugin("card", type_="poll")
    project.plugin("node", type_="poll", kind="node-type")
    registry = project.load()
    assert (len(registry.plugins), registry.problems) == (2, ())


def test_a_first_party_plugin_is_not_replaced_by_accident(project: Project) -> None:
    project.plugin("mine", kind="node-type", type_="spotify")
    project.plugin("spotify", kind="node-type", folder="shipped")
    registry = load_with_first_party(project)
    assert registry.plugins == ()
    assert all("replaces_first_party = true" in (problem.problem.remedy or "") for problem in registry.problems)


def test_a_first_party_plugin_is_replaced_on_purpose(project: Project) -> None:
    project.plugin("mine", kind="node-type", type_="spotify", more="replaces_first_party = true\n")
    project.plugin("spotify", kind="node-type", folder="shipped")
    registry = load_with_first_party(project)
    assert registry.problems == ()
    assert [(plugin.name, plugin.first_party) for plugin in registry.plugins] == [("mine", False)]


def test_two_that_replace_the_same_first_party_plugin_are_refused(project: Project) -> None:
    for name in ("one", "two"):
        project.plugin(name, kind="node-type", type_="spotify", more="replaces_first_party = true\n")
    project.plugin("spotify", kind="node-type", folder="shipped")
    registry = load_with_first_party(project)
    assert [problem.plugin for problem in registry.problems] == ["one", "two"]
    assert registry.plugins == ()


def test_two_folders_of_one_name_are_refused(project: Project) -> None:
    project.plugin("poll", type_="poll", folder="a")
    project.plugin("poll", type_="quiz", folder="b")
    registry = project.load("a", "b")
    assert registry.plugins == ()
    assert "another plug-in has this folder's name: b/poll/plugin.toml" in registry.problems[0].problem.message


def test_a_first_party_plugin_of_the_same_folder_name_is_no_conflict(project: Project) -> None:
    project.plugin("spotify")
    project.plugin("spotify", kind="node-type", folder="shipped")
    registry = load_with_first_party(project)
    assert (len(registry.plugins), registry.problems) == (2, ())


def test_a_rival_whose_file_has_gone_since_the_scan_is_named_without_the_line(project: Project) -> None:
    folder = project.plugin("first", type_="poll")
    (candidate,) = scan([PluginFolder(project.path / "plugins", boundary=project.path)]).candidates
    (folder / "plugin.toml").unlink()
    assert str(candidate.place("type")) == "plugins/first/plugin.toml, field type"
