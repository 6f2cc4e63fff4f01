"""The values that a project gives to a plug-in, read against the descriptor's `[config]`."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from mesh_descriptors.documents import line_of_key
from mesh_descriptors.errors import MeshError, Place, Problem
from mesh_descriptors.project import PROJECT_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mesh_descriptors.plugin import ConfigField, PluginDescriptor
    from mesh_descriptors.project import ProjectFile


class ConfigError(MeshError):
    """The values of a plug-in's config do not fit its descriptor."""


@dataclass(frozen=True, slots=True)
class GivenConfig:
    """What a project sets: the `[plugins.<name>]` tables of its `mesh.toml`, and the environment for secrets."""

    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    path: Path | None = None

    @classmethod
    def of_project(cls, project: Path, project_file: ProjectFile, environ: Mapping[str, str]) -> GivenConfig:
        """What the `mesh.toml` of the project in folder `project` sets."""
        return cls(project_file.plugins, environ, project / PROJECT_FILE)

    def of(self, plugin: str) -> Mapping[str, Any]:
        """The table of that plug-in; empty when there is none."""
        return self.tables.get(plugin, {})

    def place(self, *keys: str) -> Place:
        """Where the deepest of `keys` that is written stands in the file."""
        keys = ("plugins", *keys)
        try:
            text = self.path.read_text("utf-8") if self.path else ""
        except (OSError, UnicodeDecodeError):
            text = ""
        return Place(PROJECT_FILE, line_of_key(text, keys), field=".".join(keys))

    def strangers(self, plugins: Iterable[str]) -> tuple[Problem, ...]:
        """A problem for each table whose plug-in there is not."""
        return tuple(
            Problem(f"there is no plug-in {name!r}", self.place(name), "Remove the table or correct its name.")
            for name in sorted(self.tables.keys() - set(plugins))
        )


def read_config(name: str, descriptor: PluginDescriptor, given: GivenConfig) -> Mapping[str, Any]:
    """The value of every field that the descriptor declares: given, default, or None.

    Raises:
        ConfigError: with all problems; none of them shows a value.
    """
    values, problems = {}, []
    for key in given.of(name).keys() - descriptor.config.keys():
        declared = ", ".join(descriptor.config) or "nothing"
        message = f"unknown key; the plug-in's config declares {declared}"
        problems.append(Problem(message, given.place(name, key), "Remove the key or correct its name."))
    for key, declared_field in descriptor.config.items():
        try:
            values[key] = _value(declared_field, given.of(name).get(key, declared_field.default), given)
        except ValueError as error:
            remedy = f"Set {key} in [plugins.{name}] of mesh.toml."
            remedy = f"{remedy} {declared_field.help}" if declared_field.help else remedy
            problems.append(Problem(str(error), given.place(name, key), remedy))
    if problems:
        raise ConfigError(problems=sorted(problems, key=lambda problem: str(problem.place)))
    return MappingProxyType(values)


def _value(field: ConfigField, written: object, given: GivenConfig) -> Any:
    if written is None:
        if field.required:
            raise ValueError("a required value is missing")
        return None
    value = field.read(written)
    if field.type != "secret":
        return value
    variable = value.removeprefix("env:")
    if variable in given.environ:
        return SecretStr(given.environ[variable])
    if field.required:
        raise ValueError(f"the environment variable {variable} is not set")
    return None
