"""The feeds of the spec list the type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mesh_descriptors.errors import Place
from mesh_scaffold.steps import Missing, NotApplicable
from mesh_scaffold.targets.python.editing import judge, read_source, unknown
from mesh_scaffold.targets.python.edits import Element, ImportedName, Refused, Source, dict_entries, find_value
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
class FeedsStep(EditStep):
    """`PostType.POLL` in each feed of the map of `[targets.python] feeds_map`."""

    name: ClassVar[str] = "feeds"
    title: ClassVar[str] = "listed by its feeds"
    places: PythonPlaces

    def file(self) -> str:
        """The feeds."""
        return self.places.feed

    def edits(self, tree: Tree, spec: PostTypeSpec) -> Sequence[Edit]:
        """An element in each feed's list."""
        del tree
        enum = ImportedName(module_of(self.places.models), self.places.post_type_enum, self.places.packages)
        elements = [self._element(str(spec.name), feed) for feed in spec.feeds]
        return [enum, *elements] if elements else []

    def looks(self, tree: Tree, subject: Subject) -> Sequence[Edit] | Verdict:
        """The feeds of the spec; without one, any feed."""
        if subject.spec is None:
            return self._anywhere(tree, subject.name)
        elements = [self._element(subject.name, feed) for feed in subject.spec.feeds]
        return elements or NotApplicable("feeds: []")

    def _anywhere(self, tree: Tree, name: str) -> Verdict:
        source = read_source(tree, self.places.feed)
        feeds = source if isinstance(source, Refused) else feeds_of(source, self.places.feeds_map)
        if isinstance(feeds, Refused):
            return unknown(self.places.feed, feeds)
        for feed in feeds:
            verdict = judge(tree, self.places.feed, [self._element(name, feed)])
            if not isinstance(verdict, Missing):
                return verdict
        places = ", ".join(f'{self.places.feeds_map}["{feed}"]' for feed in feeds)
        code = self._element(name, "").code
        remedy = (
            f"Add `{code}` to one of {places}." if feeds else f"Add a feed with `{code}` to {self.places.feeds_map}."
        )
        return Missing(Place(self.places.feed, min(feeds.values(), default=1)), remedy)

    def _element(self, name: str, feed: str) -> Element:
        enum, value = self.places.post_type_enum, name.upper()
        return Element(self.places.feeds_map, f"{enum}.{value}", feed, same_as=(f'"{value}"',), whole=enum)


def feeds_of(source: Source, name: str) -> dict[str, int] | Refused:
    """The feeds and their lines."""
    value = find_value(source.tree, name, "the module")
    if isinstance(value, Refused):
        return value
    entries = dict_entries(source, value, name)
    if isinstance(entries, Refused):
        return entries
    return {feed: key.lineno for feed, (key, _) in entries.items()}


def listed(tree: Tree, places: PythonPlaces) -> tuple[str, ...] | Refused:
    """The names of the app's feeds."""
    source = read_source(tree, places.feed)
    feeds = source if isinstance(source, Refused) else feeds_of(source, places.feeds_map)
    return feeds if isinstance(feeds, Refused) else tuple(feeds)
