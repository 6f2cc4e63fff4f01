"""A new app in memory, and specs that use everything, shared by the tests of the python target."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mesh_descriptors.project import ProjectFile
from mesh_scaffold.generate.init import plan_init
from mesh_scaffold.targets import target_for
from mesh_scaffold.tree import Memory, Tree

if TYPE_CHECKING:
    from mesh_scaffold.steps import Target

GOLDEN = Path(__file__).parents[2] / "golden"
TYPES = ["string", "text", "int", "float", "decimal", "bool", "date", "datetime", "url", "json", "enum", "image",
         "audio", "video", "file", "ref[user]", "ref[post]"]  # fmt: skip
BOUNDS = {
    "string": r"min_length: 2, max_length: 30, pattern: '^[A-Za-z]{2,}( [a-z]+)*$'",
    "text": "max_length: 1000",
    "int": "min: -5, max: 500",
    "float": "min: -0.5, max: 99.5",
    "decimal": "min: 0.01, max: 99.99",
    "date": "min: 2000-01-01, max: 2100-12-31",
    "datetime": "min: 2000-01-01T00:00:00Z, max: 2100-12-31T23:59:59Z",
    "enum": r"""values: [a, "b c", "it's", "\"q\"", "{{ x }}", "é✓"]""",
    "url": "max_length: 200",
    "image": "min_length: 4",
}
DEFAULTS = {
    "string": "ab cd",
    "text": r'''"line 1\nline {{ 2 }} {% if %} {# no #} \\ $$ ' \" </textarea> 🎉 \u202e"''',
    "int": "0",
    "float": "0.0",
    "decimal": "1.10",
    "bool": "false",
    "date": "2026-01-31",
    "datetime": "2026-01-31T12:00:00Z",
    "url": '"https://example.com/x?a=1&b=%22"',
    "json": "{a: [1, null], b: {c: x}}",
    "enum": '"{{ x }}"',
    "image": "/static/cat.jpg",
    "audio": '"https://example.com/a.mp3"',
    "video": "/v.mp4",
    "file": "/f.pdf",
}
HELP = r"""help: "It's {{ no }} {# comment #} {% x %} <b>tag</b> \\ $$ */ ${x} 🎉" """
LABEL = r"""label: "Every {{ kind }} of \"it\" & </script> {% x %} \\ \u202e🎉" """


def every_type(name: str, storage: str) -> str:
    """A spec with each type: required, optional, with a default, in lists."""
    lines = [f"kind: post-type\nname: {name}\n{LABEL}\nstorage: {storage}\nfeeds: [global, reviews]\nfields:"]
    for type_ in TYPES:
        key, bounds = type_.replace("[", "_").replace("]", ""), BOUNDS.get(type_, "")
        common = f", {bounds}" if bounds else ""
        lines.append(f'  {key}_needed: {{type: "{type_}"{common}}}')
        lines.append(f'  {key}_optional: {{type: "{type_}", required: false{common}, {HELP}}}')
        lines.append(f'  {key}_list: {{type: "list[{type_}]"{common}, min_items: 1, max_items: 4}}')
        if default := DEFAULTS.get(type_):
            lines.append(f'  {key}_default: {{type: "{type_}"{common}, default: {default}}}')
            list_default = f"required: false{common}, default: [{default}]"
            lines.append(f'  {key}_list_default: {{type: "list[{type_}]", {list_default}}}')
    return "\n".join(lines)


@pytest.fixture(scope="session")
def app_files() -> dict[str, bytes]:
    """The files of a new app."""
    tree = Tree(Memory({}))
    plan_init(tree, "Target app")
    return {change.path: change.after.content for change in tree.changes() if change.after}


@pytest.fixture(scope="session")
def project(app_files: dict[str, bytes]) -> ProjectFile:
    return ProjectFile.model_validate(tomllib.loads(app_files["mesh.toml"].decode()))


@pytest.fixture(scope="session")
def target(project: ProjectFile) -> Target:
    return target_for(project, lambda: datetime(2026, 5, 1, 12, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def specs() -> dict[str, str]:
    """The golden specs, and two that use every type in each storage."""
    golden = {name: (GOLDEN / name / "spec.yaml").read_text("utf-8") for name in ("poll", "event", "playlist")}
    every = {"every_column": every_type("every_column", "columns"), "every_key": every_type("every_key", "json")}
    return {**golden, **every}


@pytest.fixture
def tree(app_files: dict[str, bytes]) -> Tree:
    """The app, to be changed in memory."""
    return Tree(Memory(app_files))
