"""What loading yields: the plug-ins, and what was wrong with the others. All of it immutable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from types import ModuleType

    from mesh_descriptors.errors import Problem
    from mesh_descriptors.plugin import PluginDescriptor
    from mesh_runtime.plugins.folders import Candidate

Wanted = TypeVar("Wanted")


@dataclass(frozen=True, slots=True, eq=False)
class Plugin:
    """A loaded plug-in.

    Attributes:
        candidate: the folder it was loaded from, as it was at that time.
        descriptor: its `plugin.toml`.
        config: the value of each config field; secrets are `pydantic.SecretStr`.
        given: what `mesh.toml` says in `[plugins.<name>]`, unread.
        package: the name under which its modules are imported.
        modules: its entry modules, in the descriptor's order.
    """

    candidate: Candidate
    descriptor: PluginDescriptor
    config: Mapping[str, Any]
    given: Mapping[str, Any]
    package: str
    modules: tuple[ModuleType, ...]

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.candidate.name

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.candidate.path

    @property
    def first_party(self) -> bool:
        """Whether mesh ships it."""
        return self.candidate.folder.first_party

    @property
    def claim(self) -> tuple[str, str]:
        """The kind and type that no other plug-in may have."""
        return (self.descriptor.kind, self.descriptor.type)

    def instances(self, wanted: type[Wanted]) -> tuple[Wanted, ...]:
        """The attributes of its entry modules that are of the class `wanted`, each object once."""
        values = (value for module in self.modules for value in vars(module).values())
        return _once(value for value in values if isinstance(value, wanted))


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """Why a plug-in is not loaded.

    Attributes:
        plugin: the name of its folder; None when the problem is no single plug-in's.
        problem: what, where, and what to do.
        kept: an earlier version of the plug-in stays loaded.
    """

    plugin: str | None
    problem: Problem
    kept: bool = False

    def __str__(self) -> str:
        tail = "\n  The last good version stays loaded." if self.kept else ""
        return f"{self.problem}{tail}"

    def to_json(self) -> dict[str, Any]:
        """The problem as a JSON object with `plugin`, `message`, `place`, `remedy` and `kept`."""
        return {"plugin": self.plugin, **self.problem.to_json(), "kept": self.kept}


@dataclass(frozen=True, slots=True, eq=False)
class Registry:
    """The plug-ins that are loaded at one moment, in the order of their folders, and every problem."""

    plugins: tuple[Plugin, ...] = ()
    problems: tuple[PluginProblem, ...] = ()

    def by_type(self, kind: str, type: str) -> Plugin | None:  # noqa: A002  the descriptor's own word
        """The plug-in that adds `type` of that kind, as `by_type("post-type", "poll")`; None when there is none."""
        return next((plugin for plugin in self.plugins if plugin.claim == (kind, type)), None)

    def of_kind(self, kind: str) -> tuple[Plugin, ...]:
        """Every plug-in of that kind."""
        return tuple(plugin for plugin in self.plugins if plugin.descriptor.kind == kind)

    def instances(self, wanted: type[Wanted]) -> tuple[Wanted, ...]:
        """The attributes of all entry modules that are of the class `wanted`, each object once."""
        return _once(value for plugin in self.plugins for value in plugin.instances(wanted))


def _once(values: Iterable[Wanted]) -> tuple[Wanted, ...]:
    return tuple({id(value): value for value in values}.values())
