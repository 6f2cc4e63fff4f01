"""An element of a list, tuple or set."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from mesh_scaffold.targets.python.edits.brackets import addition, read_bracket
from mesh_scaffold.targets.python.edits.entries import dict_entries, subtracted
from mesh_scaffold.targets.python.edits.find import expression, find_value, literal_of, same_code
from mesh_scaffold.targets.python.edits.result import Edited, Insertion, Span, added, found
from mesh_scaffold.targets.python.edits.source import Refused, Source

Collection = ast.List | ast.Tuple | ast.Set


@dataclass(frozen=True, slots=True)
class Element:
    """An element of the module's constant `name`, or of the value that this dict has under `key`.

    Attributes:
        name: the constant's name.
        code: the element, `PostType.POLL`.
        key: the dict's key, when `name` is a dict of collections.
        same_as: other ways to write the element, which count as its presence: `"POLL"`.
        whole: an expression of which every member is meant (`PostType`): `list(PostType)` has the element.
    """

    name: str
    code: str
    key: str | None = None
    same_as: tuple[str, ...] = ()
    whole: str | None = None

    @property
    def owner(self) -> str:
        """`FEEDS["global"]`."""
        return self.name if self.key is None else f'{self.name}["{self.key}"]'

    @property
    def syntax_path(self) -> str:
        """`FEEDS["global"][PostType.POLL]`."""
        return f"{self.owner}[{self.code}]"

    @property
    def wanted(self) -> str:
        """`PostType.POLL`."""
        return self.code

    def home(self, source: Source) -> int:
        """The line of the collection."""
        collection = self.collection(source)
        if isinstance(collection, Refused):
            return collection.line or 1
        return source.line_of(collection.start) if isinstance(collection, Span) else collection.lineno

    def collection(self, source: Source) -> Collection | Span | Refused:
        """The literal; a Span when it is computed from all members; refused when it is computed otherwise."""
        value = find_value(source.tree, self.name, "the module")
        if isinstance(value, Refused):
            return value
        if self.key is not None:
            entries = dict_entries(source, value, self.name)
            if isinstance(entries, Refused):
                return entries
            if self.key not in entries:
                known = ", ".join(entries) or "none"
                return Refused(f"{self.name} has no {self.key!r}", f"It has: {known}.", value.lineno)
            value = entries[self.key][1]
        literal = literal_of(source, value)
        if isinstance(literal, ast.List | ast.Tuple | ast.Set):
            return literal
        if self.whole is not None and isinstance(literal, ast.Name) and literal.id == self.whole:
            return Span(source.start(value), source.end(value))
        remedy = f"Write {self.owner} as a list, tuple or set of its members."
        return Refused(f"{self.owner} is computed", remedy, literal.lineno)

    def locate(self, source: Source) -> Span | Refused | None:
        """Where the element stands."""
        collection = self.collection(source)
        if isinstance(collection, Span | Refused):
            return collection
        index = self._index(collection)
        if index is None:
            return None
        element = collection.elts[index]
        return Span(source.start(element), source.end(element))

    def ensure(self, source: Source) -> Edited | Refused:
        """The collection with the element at its end."""
        place = self.locate(source)
        if isinstance(place, Refused):
            return place
        if place:
            return found(source, self.syntax_path, place)
        collection = self.collection(source)
        assert not isinstance(collection, Span | Refused)
        bracket = read_bracket(source, collection)
        if isinstance(bracket, Refused):
            return bracket
        return added(source, self.syntax_path, addition(source, bracket, self.code))

    def written(self, source: Source) -> str:
        """The element: nothing of it depends on the file."""
        del source
        return self.code

    def place(self, source: Source) -> Span | Refused | None:
        """The element, where the collection is written out."""
        collection = self.collection(source)
        return None if isinstance(collection, Span) else self.locate(source)

    def subtract(self, source: Source, insertion: Insertion) -> Source | Refused:
        """The collection without the element."""
        collection = self.collection(source)
        if isinstance(collection, Refused):
            return collection
        if isinstance(collection, Span) or (index := self._index(collection)) is None:
            return source
        return subtracted(source, collection, index, insertion)

    def _index(self, collection: Collection) -> int | None:
        wanted = [expression(code) for code in (self.code, *self.same_as)]
        matches = (any(same_code(element, one) for one in wanted) for element in collection.elts)
        return next((index for index, match in enumerate(matches) if match), None)
