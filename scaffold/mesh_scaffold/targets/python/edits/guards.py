"""An `if` block of a function that copies one changed value, behind the last block of its kind."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from mesh_scaffold.targets.python.code import WIDTH, broken_call
from mesh_scaffold.targets.python.edits.blocks import add_statement, indented, remove_statement
from mesh_scaffold.targets.python.edits.find import (
    Function,
    find_function,
    find_value,
    own_statements,
    targets_of,
)
from mesh_scaffold.targets.python.edits.quotes import quoted_like
from mesh_scaffold.targets.python.edits.result import Edited, Insertion, Span, added, found, removed
from mesh_scaffold.targets.python.edits.source import Refused, Source


@dataclass(frozen=True, slots=True)
class GuardedItem:
    """`if <key> in <among>: <name>[<key>] = <value>` in a function.

    Attributes:
        function: the function's name.
        name: the dict that gets the value.
        key: the key, a plain name.
        among: what must hold the key, as an expression.
        value: the value's expression, with `{key}` where the quoted key goes.
        behind: the keys that it belongs to: it goes behind the block of the first of them that has one.
    """

    function: str
    name: str
    key: str
    among: str
    value: str
    behind: tuple[str, ...] = ()

    @property
    def owner(self) -> str:
        """`update_post`."""
        return self.function

    @property
    def syntax_path(self) -> str:
        """`update_post.update_data["poll_question"]`."""
        return f'{self.function}.{self.name}["{self.key}"]'

    @property
    def wanted(self) -> str:
        """The block on one line."""
        key = f'"{self.key}"'
        return f"if {key} in {self.among}: {self.name}[{key}] = {self.value.replace('{key}', key)}"

    def home(self, source: Source) -> int:
        """The line of the function."""
        function = find_function(source, self.function)
        return (function.line or 1) if isinstance(function, Refused) else function.lineno

    def locate(self, source: Source) -> Span | Refused | None:
        """The block, or the bare assignment, that sets the key."""
        function = find_function(source, self.function)
        if isinstance(function, Refused):
            return function
        for statement in own_statements(function):
            if isinstance(statement, ast.If) and len(statement.body) == 1 and self._sets(statement.body[0], self.key):
                return Span(source.start(statement), source.end(statement))
            if self._sets(statement, self.key):
                return Span(source.start(statement), source.end(statement))
        value = find_value(function, self.name, self.function)
        if isinstance(value, ast.Dict) and any(getattr(key, "value", None) == self.key for key in value.keys):
            return Span(source.start(value), source.end(value))
        return self._refused(function, value)

    def _refused(self, function: Function, value: ast.expr | Refused) -> Refused | None:
        if isinstance(value, Refused):
            return value
        if not isinstance(value, ast.Dict):
            remedy = f"Start {self.name} as a dict literal and fill it key by key."
            return Refused(f"{self.name} is computed", remedy, value.lineno)
        if self._neighbour(function) is None:
            remedy = f"Assign {self.name} in the body of {self.function}, not in a nested block."
            return Refused(f"{self.name} is assigned in a nested block", remedy, value.lineno)
        return None

    def ensure(self, source: Source) -> Edited | Refused:
        """The function with the block."""
        place = self.locate(source)
        if isinstance(place, Refused):
            return place
        if place:
            return found(source, self.syntax_path, place)
        function = find_function(source, self.function)
        assert not isinstance(function, Refused)
        neighbour = self._neighbour(function)
        code = self._block(source, neighbour)
        return added(source, self.syntax_path, add_statement(source, function, function.body, neighbour, code))

    def written(self, source: Source) -> str:
        """The block, in the quotes of its neighbour and as deep as the function's body."""
        function = find_function(source, self.function)
        if isinstance(function, Refused):
            return self._block(source, None)
        indent = source.indent_at(source.start(function.body[-1]))
        return indented(source, self._block(source, self._neighbour(function)), indent)

    def _block(self, source: Source, neighbour: ast.stmt | None) -> str:
        key = quoted_like(source, [neighbour] if neighbour else [], self.key)
        value, unit = self.value.replace("{key}", key), source.indent_unit
        target, indent = f"{self.name}[{key}] = ", source.indent_at(source.start(neighbour)) if neighbour else unit
        if len(indent + unit + target + value) > WIDTH:
            value = broken_call(value, unit, unit)
        return f"if {key} in {self.among}:\n{unit}{target}{value}"

    def place(self, source: Source) -> Span | Refused | None:
        """The block that sets the key, whatever else it does; else the bare assignment."""
        function = find_function(source, self.function)
        if isinstance(function, Refused):
            return function
        found = None
        for statement in own_statements(function):
            body = statement.body if isinstance(statement, ast.If) else [statement]
            if found is None and any(self._sets(each, self.key) for each in body):
                found = Span(source.start(statement), source.end(statement))
        return found

    def subtract(self, source: Source, insertion: Insertion) -> Source | Refused:
        """The function without the block."""
        place = self.place(source)
        if isinstance(place, Refused) or place is None:
            return place or source
        splices = remove_statement(source, place.start, place.end, insertion.before, insertion.after)
        return removed(source, place, insertion, splices)

    def _neighbour(self, function: Function) -> ast.stmt | None:
        """The block of a key that this one belongs to, the last that sets any, or the assignment of the dict."""
        blocks = [node for node in function.body if isinstance(node, ast.If) and self._sets(node.body[-1])]
        for key in self.behind:
            if beside := next((node for node in blocks if self._sets(node.body[-1], key)), None):
                return beside
        names = [node for node in function.body if any(_is_name(target, self.name) for target in targets_of(node))]
        return (blocks or names or [None])[-1]

    def _sets(self, statement: ast.stmt, key: str | None = None) -> bool:
        for target in targets_of(statement):
            if isinstance(target, ast.Subscript) and _is_name(target.value, self.name):
                return key is None or (isinstance(target.slice, ast.Constant) and target.slice.value == key)
        return False


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
