"""What `plugin.toml` may say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mesh_descriptors.documents import DocumentError, read_toml
from mesh_descriptors.plugin import ConfigField, PluginDescriptor, PluginSchedule

if TYPE_CHECKING:
    from conftest import Project

PAGE = Path(__file__).parents[3] / "docs" / "plugins.md"
BASE = 'kind = "post-type"\ntype = "poll"\nversion = "1.0.0"\nlabel = "Poll"\n'


def read(project: Project, text: str) -> PluginDescriptor:
    return read_toml(project.write("plugin.toml", text), PluginDescriptor, shown_as="plugin.toml")


def test_a_descriptor_needs_kind_type_version_and_label_only(project: Project) -> None:
    descriptor = read(project, BASE)
    assert (descriptor.kind, descriptor.type, descriptor.version, descriptor.label) == (
        "post-type",
        "poll",
        "1.0.0",
        "Poll",
    )
    assert (descriptor.icon, descriptor.entry, descriptor.config) == (None, (), {})


@pytest.mark.parametrize(
    ("line", "place", "says"),
    [
        ('colour = "red"', "plugin.toml:5, field colour", "unknown key"),
        ('entry = ["../evil"]', "plugin.toml:5, field entry.0", "no module name"),
        ('entry = ["main.py"]', "plugin.toml:5, field entry.0", "without path or .py"),
        ('entry = ["class"]', "plugin.toml:5, field entry.0", "no module name"),
        ('entry = ["__init__"]', "plugin.toml:5, field entry.0", "no module name"),
        ('entry = ["a.b"]', "plugin.toml:5, field entry.0", "no module name"),
        ('entry = ["p\u043ell"]', "plugin.toml:5, field entry.0", "no module name"),
        ('entry = "main"', "plugin.toml:5, field entry", "valid tuple"),
        ('[config.Token]\ntype = "string"', "plugin.toml:5, field config.Token", "is not a name of small letters"),
        (
            '[[schedules]]\nname = "n"\njob = "x"\ncron = "daily"',
            "plugin.toml:8, field schedules.0.cron",
            "'daily' is not a cron expression: five fields",
        ),
        ('[config.token]\ntype = "date"', "plugin.toml:6, field config.token.type", "'secret'"),
        ('[config.token]\ntype = "secret"\ndefault = "hunter2"', "plugin.toml:5, field config.token", "env:NAME"),
        ('[config.n]\ntype = "int"\ndefault = "3"', "plugin.toml:5, field config.n", "expected int, found a string"),
        ('[config.n]\ntype = "int"\nrequired = true\ndefault = 3', "plugin.toml:5, field config.n", "no default"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_expected(project: Project, line: str, place: str, says: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read(project, f"{BASE}{line}\n")
    assert any(str(problem.place).startswith(place) and says in problem.message for problem in caught.value.problems)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("type_", ["Poll", "POLL", "my-poll", "../poll", "po ll", "", "p\u043ell", "p" * 64, "1poll"])
def test_a_type_is_snake_case_of_at_most_63_letters(project: Project, type_: str) -> None:
    with pytest.raises(DocumentError, match="field type"):
        read(project, BASE.replace('"poll"', f'"{type_}"'))


def test_all_problems_of_a_descriptor_are_told_at_once(project: Project) -> None:
    with pytest.raises(DocumentError) as caught:
        read(project, 'kind = "widget"\ntype = "poll"\nversion = 1\n')
    assert [problem.place and problem.place.field for problem in caught.value.problems] == ["kind", "version", "label"]


@pytest.mark.parametrize(
    ("type_", "good", "bad"),
    [
        ("string", "a", 1),
        ("int", 1, True),
        ("float", 1, float("nan")),
        ("float", 1.5, False),
        ("bool", True, 1),
        ("list[string]", ["a"], ["a", 1]),
        ("secret", "env:TOKEN", "env:not a name"),
    ],
)
def test_a_config_field_takes_its_own_type_only(type_: str, good: object, bad: object) -> None:
    field = ConfigField.model_validate({"type": type_})
    assert field.read(good) == (tuple(good) if isinstance(good, list) else good)
    with pytest.raises(ValueError, match="expected"):
        field.read(bad)


@pytest.mark.parametrize("model", [PluginDescriptor, ConfigField, PluginSchedule])
def test_each_descriptor_field_is_documented(model: type[PluginDescriptor | ConfigField | PluginSchedule]) -> None:
    page = PAGE.read_text()
    for name in model.model_fields:
        assert f"| `{name}` |" in page, f"docs/plugins.md has no line for {name} of {model.__name__}"


def test_the_documentations_own_plugin_loads(project: Project) -> None:
    for path, text in re.findall(r"```\w+\n# (plugins/\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL):
        project.write(path, text)
    project.write("plugins/digest/words.py", "def titled(text):\n    return text.title()\n")
    registry = project.load()
    assert registry.problems == ()
    assert registry.plugins[0].modules[0].heading("you") == "Hello You"
