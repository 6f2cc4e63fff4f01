"""An entry of a dict."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from mesh_scaffold.targets.python.code import WIDTH, broken_call
from mesh_scaffold.targets.python.edits.brackets import Bracket, Brackets, addition, behind, read_bracket, removal
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
from mesh_scaffold.targets.python.edits.result import Addition, Edited, Insertion, Span, added, found, removed
from mesh_scaffold.targets.python.edits.source import Refused, Source


@dataclass(frozen=True, slots=True)
class DictEntry:
    """`key: value` in the dict literal that a function, or the module, assigns to `name`.

    Attributes:
        name: what the dict is assigned to.
        key: the key; a plain text when `key_is_text`, else an expression.
        value: the value's expression.
        function: the function whose dict it is; None for the module's.
        key_is_text: whether the key is a string, which is then quoted as its neighbours are.
        behind: the keys that it belongs to: it goes behind the first of them that is there.
    """

    name: str
    key: str
    value: str
    function: str | None = None
    key_is_text: bool = True
    behind: tuple[str, ...] = ()

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
        """The dict with the entry beside those that it belongs to, else at its end."""
        place = self.locate(source)
        if isinstance(place, Refused):
            return place
        if place:
            return found(source, self.syntax_path, place)
        literal = self.literal(source)
        assert not isinstance(literal, Refused)
        bracket = read_bracket(source, literal)
        assert not isinstance(bracket, Refused)
        return added(source, self.syntax_path, self._addition(source, literal, bracket, self.written(source)))

    def _addition(self, source: Source, literal: ast.Dict, bracket: Bracket, code: str) -> Addition:
        found = (self._index(literal, key) for key in self.behind)
        beside = next((index for index in found if index is not None), None)
        return addition(source, bracket, code) if beside is None else behind(source, bracket, code, beside)

    def written(self, source: Source) -> str:
        """The entry, its key in the quotes of the others."""
        literal = self.literal(source)
        keys = [] if isinstance(literal, Refused) else [key for key in literal.keys if key is not None]
        key = quoted_like(source, keys, self.key) if self.key_is_text else self.key
        text = f"{key}: {self.value}"
        bracket = literal if isinstance(literal, Refused) else read_bracket(source, literal)
        if isinstance(literal, Refused) or isinstance(bracket, Refused):
            return text
        result = added(source, self.syntax_path, self._addition(source, literal, bracket, text))
        line = "" if isinstance(result, Refused) else result.source.lines[result.insertion.line - 1]
        if len(line.rstrip()) <= WIDTH:
            return text
        indent = line[: len(line) - len(line.lstrip())]
        call = self.value if self.value.endswith(")") else f"({self.value})"
        return f"{key}: {broken_call(call, indent, source.indent_unit).replace(chr(10), source.newline)}"

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
        return source if index is None else subtracted(source, literal, index, insertion)

    def _index(self, literal: ast.Dict, key: str | None = None) -> int | None:
        wanted = expression(self._key_code if key is None else f'"{key}"')
        matches = (each is not None and same_code(each, wanted) for each in literal.keys)
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


def subtracted(source: Source, literal: Brackets, index: int, insertion: Insertion) -> Source | Refused:
    """The literal without the element or entry."""
    bracket = read_bracket(source, literal)
    if isinstance(bracket, Refused):
        return bracket
    span = Span(bracket.items[index].start, bracket.items[index].end)
    splices = removal(source, bracket, index, insertion.before, insertion.after)
    return removed(source, span, insertion, splices)
