"""The type is a member of the post-type enum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mesh_scaffold.targets.python.edits import EnumMember
from mesh_scaffold.targets.python.steps.base import EditStep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Subject
    from mesh_scaffold.targets.python.edits import Edit
    from mesh_scaffold.targets.python.places import PythonPlaces
    from mesh_scaffold.tree import Tree


@dataclass(frozen=True, slots=True)
class EnumMemberStep(EditStep):
    """`POLL = "POLL"` in the enum of `[targets.python] post_type_enum`."""

    name: ClassVar[str] = "enum-member"
    title: ClassVar[str] = "member of the enum"
    places: PythonPlaces

    def file(self) -> str:
        """The models."""
        return self.places.models

    def edits(self, tree: Tree, spec: PostTypeSpec) -> Sequence[Edit]:
        """The member."""
        del tree
        return [self._member(str(spec.name))]

    def looks(self, tree: Tree, subject: Subject) -> Sequence[Edit]:
        """The same for every type."""
        del tree
        return [self._member(subject.name)]

    def _member(self, name: str) -> Edit:
        return EnumMember(self.places.post_type_enum, name.upper(), name.upper())
