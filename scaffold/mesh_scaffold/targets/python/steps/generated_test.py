"""The type has a test of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mesh_scaffold.render import render
from mesh_scaffold.targets.python.code import long_lines_allowed
from mesh_scaffold.targets.python.steps.base import FileStep
from mesh_scaffold.targets.python.test_code import test_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_descriptors.project import RefSection
    from mesh_scaffold.render import Templates
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.targets.python.places import PythonPlaces
    from mesh_scaffold.tree import Tree


@dataclass(frozen=True, slots=True)
class GeneratedTestStep(FileStep):
    """`<tests>/test_<name>.py`: created, read back, changed and refused over HTTP, on a real database."""

    name: ClassVar[str] = "test"
    title: ClassVar[str] = "test"
    places: PythonPlaces
    refs: Mapping[str, RefSection]
    templates: Templates

    def path(self, name: str) -> str:
        """The test's module."""
        return f"{self.places.tests}/test_{name}.py"

    def render(self, tree: Tree, spec: PostTypeSpec) -> str:
        """The test."""
        del tree
        context = test_context(spec, self.refs)
        return long_lines_allowed(render(self.templates, "test.py.jinja", spec=spec, **context))
