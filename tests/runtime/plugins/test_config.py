"""What a project sets for a plug-in is read against the plug-in's descriptor, and secrets are never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from mesh_descriptors.project import read_project
from mesh_runtime.plugins import GivenConfig, PluginFolder, Registry, config_of, load_plugins

if TYPE_CHECKING:
    from conftest import Project

FIELDS = """
[config.limit]
type = "int"
default = 10
help = "How many at most."
[config.tags]
type = "list[string]"
[config.token]
type = "secret"
required = true
"""


def load(project: Project, table: str, **environ: str) -> Registry:
    project.write("mesh.toml", f'[project]\nname = "test"\n{table}')
    given = GivenConfig.of_project(project.path, read_project(project.path), environ)
    return load_plugins([PluginFolder(project.path / "plugins", boundary=project.path)], config=given)


def test_values_are_given_defaulted_or_none_and_secrets_come_from_the_environment(project: Project) -> None:
    project.plugin("poll", more=FIELDS)
    registry = load(project, '[plugins.poll]\ntoken = "env:POLL_TOKEN"\n', POLL_TOKEN="hunter2")
    assert registry.problems == ()
    config = registry.plugins[0].config
    assert (config["limit"], config["tags"]) == (10, None)
    assert config["token"].get_secret_value() == "hunter2"
    assert "hunter2" not in repr(registry.plugins[0])


def test_a_module_reads_its_config_at_import(project: Project) -> None:
    code = "from mesh_runtime.plugins import config_of\nCONFIG = config_of(__name__)\n"
    project.plugin("poll", code, more='[config.limit]\ntype = "int"\n')
    registry = load(project, "[plugins.poll]\nlimit = 3\n")
    assert registry.plugins[0].modules[0].CONFIG["limit"] == 3


def test_config_of_says_who_may_call_it() -> None:
    with pytest.raises(LookupError, match="inside one"):
        config_of(__name__)


def test_a_secret_may_have_its_reference_as_default(project: Project) -> None:
    project.plugin("poll", more='[config.token]\ntype = "secret"\ndefault = "env:POLL_TOKEN"\n')
    assert load(project, "").plugins[0].config["token"] is None
    assert load(project, "", POLL_TOKEN="x").plugins[0].config["token"] == SecretStr("x")


@pytest.mark.parametrize(
    ("table", "place", "says"),
    [
        ("", "mesh.toml, field plugins.poll.token", "a required value is missing"),
        ('[plugins.poll]\ntoken = "env:NO"\n', "mesh.toml:4, field plugins.poll.token", "variable NO is not set"),
        ('[plugins.poll]\ntoken = "hunter2"\n', "mesh.toml:4, field plugins.poll.token", "env:NAME"),
        (
            '[plugins.poll]\ntoken = "env:POLL_TOKEN"\nlimit = "hunter2"\n',
            "mesh.toml:5, field plugins.poll.limit",
            "expected int, found a string",
        ),
        (
            '[plugins.poll]\ntoken = "env:POLL_TOKEN"\nlimits = 1\n',
            "mesh.toml:5, field plugins.poll.limits",
            "unknown key; the plug-in's config declares limit, tags, token",
        ),
        ("[plugins.pol]\n", "mesh.toml:3, field plugins.pol", "there is no plug-in 'pol'"),
    ],
)
def test_a_wrong_value_is_told_with_its_line_and_never_repeated(
    project: Project, table: str, place: str, says: str
) -> None:
    project.plugin("poll", more=FIELDS)
    problems = load(project, table, POLL_TOKEN="x").problems
    assert any(str(one.problem.place) == place and says in one.problem.message for one in problems)
    assert all("hunter2" not in str(one) for one in problems)


def test_the_help_of_a_field_is_part_of_the_remedy(project: Project) -> None:
    project.plugin("poll", more=FIELDS)
    problems = load(project, "[plugins.poll]\nlimit = 1.5\n", POLL_TOKEN="x").problems
    assert any("How many at most." in (one.problem.remedy or "") for one in problems)
