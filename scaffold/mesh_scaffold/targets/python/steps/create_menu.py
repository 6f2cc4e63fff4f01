"""The create menu offers the type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mesh_scaffold.steps import NotApplicable
from mesh_scaffold.targets.python.edits import Element, ImportedName
from mesh_scaffold.targets.python.places import module_of
from mesh_scaffold.targets.python.steps.base import EditStep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Subject, Verdict
    from mesh_scaffold.targets.python.edits import Edit
    from mesh_scaffold.targets.python.places import PythonPlaces
    from mesh_scaffold.tree import Tree


@dataclass(frozen=True, slots=True)
class CreateMenuStep(EditStep):
    """`PostType.POLL` in the list of `[targets.python] create_menu`; a type without a form is not offered."""

    name: ClassVar[str] = "create-menu"
    title: ClassVar[str] = "in the create menu"
    places: PythonPlaces

    def file(self) -> str:
        """The feeds, where the menu is."""
        return self.places.feed

    def edits(self, tree: Tree, spec: PostTypeSpec) -> Sequence[Edit]:
        """The element."""
        del tree
        enum = ImportedName(module_of(self.places.models), self.places.post_type_enum, self.places.packages)
        return [enum, self._element(str(spec.name))] if spec.form else []

    def looks(self, tree: Tree, subject: Subject) -> Sequence[Edit] | Verdict:
        """The element."""
        del tree
        if subject.spec is not None and not subject.spec.form:
            return NotApplicable("form: false")
        return [self._element(subject.name)]

    def _element(self, name: str) -> Edit:
        enum, value = self.places.post_type_enum, name.upper()
        return Element(self.places.create_menu, f"{enum}.{value}", same_as=(f'"{value}"',), whole=enum)
