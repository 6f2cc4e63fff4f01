"""The type has a card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mesh_scaffold.render import render
from mesh_scaffold.targets.python.cards import card_fields, title_of
from mesh_scaffold.targets.python.steps.base import FileStep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_descriptors.project import RefSection
    from mesh_scaffold.render import Templates
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.targets.python.places import PythonPlaces
    from mesh_scaffold.tree import Tree


@dataclass(frozen=True, slots=True)
class CardStep(FileStep):
    """`<cards>/<name>.html`: what stands inside the frame that every card has."""

    name: ClassVar[str] = "card"
    title: ClassVar[str] = "card"
    places: PythonPlaces
    refs: Mapping[str, RefSection]
    templates: Templates

    def path(self, name: str) -> str:
        """The card's template."""
        return f"{self.places.cards}/{name}.html"

    def unasked(self, spec: PostTypeSpec) -> str | None:
        """A spec may do without."""
        return None if spec.card else "card: false"

    def render(self, tree: Tree, spec: PostTypeSpec) -> str:
        """A title, what speaks for itself, then a list of facts."""
        del tree
        fields, title = card_fields(spec, self.refs), title_of(spec)
        rest = [field for index, field in enumerate(fields) if index != title]
        return render(
            self.templates,
            "card.html.jinja",
            title=None if title is None else fields[title],
            blocks=[field for field in rest if field.is_block],
            facts=[field for field in rest if not field.is_block],
        )
