"""A whole app in memory: plans are made from its files and applied to them, without a disk."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_descriptors.project import PROJECT_FILE, ProjectFile
from mesh_scaffold.generate.init import plan_init
from mesh_scaffold.generate.new import plan_new
from mesh_scaffold.generate.specs import load_spec
from mesh_scaffold.targets import target_for
from mesh_scaffold.testing.trees import after
from mesh_scaffold.tree import Memory, Stored, Tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_scaffold.plan import Plan
    from mesh_scaffold.steps import Step, Target

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""The time in tests: what migrations are named by."""


@dataclass(frozen=True, slots=True)
class MemoryApp:
    """An app as its files, by path; every change of it is another one."""

    files: Mapping[str, Stored]

    @property
    def project(self) -> ProjectFile:
        """Its `mesh.toml`."""
        return ProjectFile.model_validate(tomllib.loads(self.text(PROJECT_FILE)))

    @property
    def target(self) -> Target:
        """What `mesh.toml` names, in a world whose time stands still."""
        return target_for(self.project, lambda: NOW)

    def tree(self) -> Tree:
        """A tree over its files, for a step to change."""
        return Tree(Memory(self.files))

    def text(self, path: str) -> str:
        """What a file holds."""
        return self.files[path].content.decode("utf-8")

    def with_file(self, path: str, text: str) -> MemoryApp:
        """The app with a file that a user wrote."""
        mode = self.files[path].mode if path in self.files else 0o644
        return replace(self, files={**self.files, path: Stored(text.encode("utf-8"), mode)})

    def after(self, changed: Plan | Tree) -> MemoryApp:
        """The app once the changes are made."""
        return replace(self, files=after(self.files, changed))

    def step(self, name: str, kind: str = "post-type") -> Step:
        """One of its target's steps."""
        return next(step for step in self.target.steps(kind) if step.name == name)

    def plan_new(self, name: str) -> Plan:
        """The plan of `mesh new` for the spec `specs/<name>.yaml`."""
        tree = self.tree()
        spec = load_spec(tree, self.project, f"{self.project.paths.specs}/{name}.yaml")
        return plan_new(tree, self.target, spec, self.project)


def new_app() -> MemoryApp:
    """An app as `mesh init` makes it; it is rendered once, which takes a second."""
    return MemoryApp(dict(_rendered()))


@functools.cache
def _rendered() -> tuple[tuple[str, Stored], ...]:
    return tuple(after({}, plan_init(Tree(Memory({})), "App")).items())
