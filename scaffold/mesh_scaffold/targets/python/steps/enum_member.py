"""The type is a member of the post-type enum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mesh_descriptors.errors import Place, Problem
from mesh_scaffold.steps import Made
from mesh_scaffold.targets.python.columns import renamed_columns, validator_class
from mesh_scaffold.targets.python.editing import read_source
from mesh_scaffold.targets.python.edits import EnumMember, Refused, Span
from mesh_scaffold.targets.python.steps.base import EditStep
from mesh_scaffold.targets.python.uses import rename_member, said_names, use_of_member

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Fragment, Outcome, Subject, Terms
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

    def take_out(self, tree: Tree, old: PostTypeSpec, fragments: tuple[Fragment, ...], terms: Terms) -> Outcome:
        """Take the member out, unless code that stays uses it: the app would not start, or fail where it does."""
        made = [fragment for fragment in fragments if fragment.origin == "made"]
        used = use_of_member(tree, self.places, str(old.enum_value)) if made else None
        if used is None:
            return EditStep.take_out(self, tree, old, fragments, terms)
        member = f"{self.places.post_type_enum}.{old.enum_value}"
        place = Place(self.file(), self._line(tree, str(old.name)))
        remedy = "Take out what uses it, then the member."
        return Made(fragments, conflicts=(Problem(f"{member} stays, as {used} uses it", place, remedy),))

    def names(self, old: PostTypeSpec, new: PostTypeSpec) -> Mapping[str, str]:
        """The member, the validator's class, the page on which one is made, and the columns."""
        pairs = ((str(spec.enum_value), validator_class(spec.name), f"/create/{spec.name}") for spec in (old, new))
        return dict(zip(*pairs, strict=True)) | renamed_columns(old, new)

    def follow(self, tree: Tree, old: PostTypeSpec, new: PostTypeSpec) -> tuple[str, ...]:
        """Code of the user's gets the member under its new name; where it says another old name is told."""
        was, now = str(old.enum_value), str(new.enum_value)
        rename_member(tree, self.places, was, now)
        names = {name: to for name, to in self.names(old, new).items() if name != was}
        places = said_names(tree, self.places, names)
        return tuple(f"{place} still says {name}, which is {names[name]} now" for name, place in places)

    def _line(self, tree: Tree, name: str) -> int | None:
        source = read_source(tree, self.file())
        if isinstance(source, Refused):
            return None
        span = self._member(name).place(source)
        return source.line_of(span.start) if isinstance(span, Span) else None

    def _member(self, name: str) -> Edit:
        return EnumMember(self.places.post_type_enum, name.upper(), name.upper())
