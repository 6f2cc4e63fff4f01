"""The type has a form that creates and changes its posts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mesh_scaffold.render import render
from mesh_scaffold.targets.python.forms import form_fields
from mesh_scaffold.targets.python.steps.base import FileStep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_descriptors.project import RefSection
    from mesh_scaffold.render import Templates
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.targets.python.places import PythonPlaces
    from mesh_scaffold.tree import Tree


@dataclass(frozen=True, slots=True)
class FormStep(FileStep):
    """`<forms>/<name>.html`: one control for each field."""

    name: ClassVar[str] = "form"
    title: ClassVar[str] = "form"
    places: PythonPlaces
    refs: Mapping[str, RefSection]
    templates: Templates

    def path(self, name: str) -> str:
        """The form's template."""
        return f"{self.places.forms}/{name}.html"

    def unasked(self, spec: PostTypeSpec) -> str | None:
        """A spec may do without."""
        return None if spec.form else "form: false"

    def render(self, tree: Tree, spec: PostTypeSpec) -> str:
        """The controls."""
        del tree
        return render(self.templates, "form.html.jinja", fields=form_fields(spec, self.refs))
