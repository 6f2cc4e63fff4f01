"""Members of a literal: an element of a list, tuple or set; an entry of a dict."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from mesh_scaffold.targets.python.code import WIDTH, broken_call
from mesh_scaffold.targets.python.edits.brackets import Brackets, addition, read_bracket, removal
from mesh_scaffold.targets.python.edits.find import (
    expression,
    find_function,
    find_value,
    literal_of,
    own_statements,
    same_code,
    targets_of,
)
from mesh_scaffold.targets.python.edits.quotes import quoted_like
from mesh_scaffold.targets.python.edits.result import Edited, Insertion, Span, added, found, removed
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
        return _subtracted(source, collection, index, insertion)

    def _index(self, collection: Collection) -> int | None:
        wanted = [expression(code) for code in (self.code, *self.same_as)]
        matches = (any(same_code(element, one) for one in wanted) for element in collection.elts)
        return next((index for index, match in enumerate(matches) if match), None)


@dataclass(frozen=True, slots=True)
class DictEntry:
    """`key: value` in the dict literal that a function, or the module, assigns to `name`.

    Attributes:
        name: what the dict is assigned to.
        key: the key; a plain text when `key_is_text`, else an expression.
        value: the value's expression.
        function: the function whose dict it is; None for the module's.
        key_is_text: whether the key is a string, which is then quoted as its neighbours are.
    """

    name: str
    key: str
    value: str
    function: str | None = None
    key_is_text: bool = True

    @property
    def owner(self) -> str:
        """`row in create_post`; `VALIDATORS`."""
        return f"{self.name} in {self.function}" if self.function else self.name

    @property
    def syntax_path(self) -> str:
        """`create_post.row["poll_question"]`."""
        owner = f"{self.function}." if self.function else ""
        return f"{owner}{self.name}[{self._key_code}]"

    @property
    def wanted(self) -> str:
        """`"poll_question": fields.get("poll_question")`."""
        return f"{self._key_code}: {self.value}"

    def home(self, source: Source) -> int:
        """The line of the dict."""
        literal = self.literal(source)
        return (literal.line or 1) if isinstance(literal, Refused) else literal.lineno

    @property
    def _key_code(self) -> str:
        return f'"{self.key}"' if self.key_is_text else self.key

    def literal(self, source: Source) -> ast.Dict | Refused:
        """The dict."""
        scope: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | Refused = source.tree
        if self.function is not None:
            scope = find_function(source, self.function)
        if isinstance(scope, Refused):
            return scope
        value = find_value(scope, self.name, self.function or "the module")
        if isinstance(value, Refused):
            return value
        literal = literal_of(source, value)
        if isinstance(literal, ast.Dict):
            return literal
        return Refused(f"{self.name} is computed", f"Write {self.name} as a dict literal.", literal.lineno)

    def locate(self, source: Source) -> Span | Refused | None:
        """Where the entry, or a later `name[key] = ...`, stands."""
        literal = self.literal(source)
        if isinstance(literal, Refused):
            return literal
        index = self._index(literal)
        if index is not None:
            key = literal.keys[index]
            assert key is not None
            return Span(source.start(key), source.end(literal.values[index]))
        return self._assigned_later(source)

    def ensure(self, source: Source) -> Edited | Refused:
        """The dict with the entry at its end."""
        place = self.locate(source)
        if isinstance(place, Refused):
            return place
        if place:
            return found(source, self.syntax_path, place)
        literal = self.literal(source)
        assert not isinstance(literal, Refused)
        bracket = read_bracket(source, literal)
        assert not isinstance(bracket, Refused)
        return added(source, self.syntax_path, addition(source, bracket, self.written(source)))

    def written(self, source: Source) -> str:
        """The entry, its key in the quotes of the others."""
        literal = self.literal(source)
        keys = [] if isinstance(literal, Refused) else [key for key in literal.keys if key is not None]
        key = quoted_like(source, keys, self.key) if self.key_is_text else self.key
        text = f"{key}: {self.value}"
        bracket = literal if isinstance(literal, Refused) else read_bracket(source, literal)
        if isinstance(bracket, Refused) or not self.value.endswith(")"):
            return text
        result = added(source, self.syntax_path, addition(source, bracket, text))
        line = "" if isinstance(result, Refused) else result.source.lines[result.insertion.line - 1]
        if len(line.rstrip()) <= WIDTH:
            return text
        indent = line[: len(line) - len(line.lstrip())]
        return f"{key}: {broken_call(self.value, indent, source.indent_unit).replace(chr(10), source.newline)}"

    def place(self, source: Source) -> Span | Refused | None:
        """The entry of the literal, whatever its value."""
        literal = self.literal(source)
        if isinstance(literal, Refused):
            return literal
        return self.locate(source) if self._index(literal) is not None else None

    def subtract(self, source: Source, insertion: Insertion) -> Source | Refused:
        """The dict without the entry."""
        literal = self.literal(source)
        if isinstance(literal, Refused):
            return literal
        index = self._index(literal)
        return source if index is None else _subtracted(source, literal, index, insertion)

    def _index(self, literal: ast.Dict) -> int | None:
        wanted = expression(self._key_code)
        matches = (key is not None and same_code(key, wanted) for key in literal.keys)
        return next((index for index, match in enumerate(matches) if match), None)

    def _assigned_later(self, source: Source) -> Span | None:
        scope = find_function(source, self.function) if self.function else source.tree
        assert not isinstance(scope, Refused)
        wanted = expression(self._key_code)
        for statement in own_statements(scope):
            for target in targets_of(statement):
                if isinstance(target, ast.Subscript) and _is_item(target, self.name, wanted):
                    return Span(source.start(statement), source.end(statement))
        return None


def _is_item(target: ast.Subscript, name: str, key: ast.expr) -> bool:
    return isinstance(target.value, ast.Name) and target.value.id == name and same_code(target.slice, key)


def dict_entries(source: Source, value: ast.expr, name: str) -> dict[str, tuple[ast.expr, ast.expr]] | Refused:
    """The entries of a dict literal whose keys are strings."""
    literal = literal_of(source, value)
    if not isinstance(literal, ast.Dict):
        return Refused(f"{name} is computed", f"Write {name} as a dict literal.", literal.lineno)
    pairs = zip(literal.keys, literal.values, strict=True)
    return {
        key.value: (key, entry) for key, entry in pairs if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }


def _subtracted(source: Source, literal: Brackets, index: int, insertion: Insertion) -> Source | Refused:
    bracket = read_bracket(source, literal)
    if isinstance(bracket, Refused):
        return bracket
    span = Span(bracket.items[index].start, bracket.items[index].end)
    splices = removal(source, bracket, index, insertion.before, insertion.after)
    return removed(source, span, insertion, splices)
