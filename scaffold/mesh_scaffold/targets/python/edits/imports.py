"""`from module import name` where isort would put it, or into the import that is there."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from mesh_scaffold.targets.python.code import WIDTH
from mesh_scaffold.targets.python.edits.blocks import is_docstring, remove_statement
from mesh_scaffold.targets.python.edits.brackets import Bracket, Item, addition, removal, shifted
from mesh_scaffold.targets.python.edits.meaning import is_used
from mesh_scaffold.targets.python.edits.result import Addition, Edited, Insertion, Span, added, found, removed
from mesh_scaffold.targets.python.edits.source import Refused, Source, Splice
from mesh_scaffold.targets.python.import_order import name_order, section

Import = ast.Import | ast.ImportFrom


@dataclass(frozen=True, slots=True)
class ImportedName:
    """A name of another module, imported at the top level.

    Attributes:
        module: the module, dotted; relative ones start with dots.
        name: the name in it.
        first_party: the project's own top-level packages, which stand in a section of their own.
    """

    module: str
    name: str
    first_party: frozenset[str] = frozenset({"app"})

    @property
    def owner(self) -> str:
        """The module."""
        return "the module's imports"

    @property
    def syntax_path(self) -> str:
        """`import datetime.date`."""
        return f"import {self.module}.{self.name}"

    @property
    def wanted(self) -> str:
        """`from datetime import date`."""
        return f"from {self.module} import {self.name}"

    def home(self, source: Source) -> int:
        """The line of the first import."""
        imports = (node.lineno for node in source.tree.body if isinstance(node, ast.Import | ast.ImportFrom))
        return next(imports, 1)

    def bound(self, source: Source) -> str:
        """What the file calls it: `date`, `dt.date`, or the plain name when it is not imported yet."""
        for statement in source.tree.body:
            if isinstance(statement, ast.ImportFrom) and _module(statement) == self.module:
                for alias in statement.names:
                    if alias.name == self.name:
                        return alias.asname or alias.name
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    if alias.name == self.module:
                        return f"{alias.asname or alias.name}.{self.name}"
        return self.name

    def locate(self, source: Source) -> Span | Refused | None:
        """Where it is imported; refused when its name means something else here."""
        for statement in source.tree.body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                for alias in statement.names:
                    if self._imports(statement, alias):
                        return Span(source.start(alias), source.end(alias))
                    if (alias.asname or alias.name) == self.name:
                        message = f"{self.name} is imported here from somewhere else than {self.module}"
                        return Refused(message, "Import it under another name.", statement.lineno)
            elif getattr(statement, "name", None) == self.name:
                message = f"{self.name} is defined here and would be imported from {self.module} too"
                return Refused(message, "Give the definition another name.", statement.lineno)
        return None

    def _imports(self, statement: Import, alias: ast.alias) -> bool:
        if isinstance(statement, ast.ImportFrom):
            return _module(statement) == self.module and alias.name == self.name
        return alias.name == self.module

    def ensure(self, source: Source) -> Edited | Refused:
        """The source with the import."""
        place = self.locate(source)
        if isinstance(place, Refused):
            return place
        if place:
            return found(source, self.syntax_path, place)
        for statement in source.tree.body:
            if isinstance(statement, ast.ImportFrom) and _module(statement) == self.module:
                bracket = _names(source, statement)
                at = sum(name_order(alias.name) < name_order(self.name) for alias in statement.names)
                return added(source, self.syntax_path, addition(source, bracket, self.name, at))
        return added(source, self.syntax_path, self._new_line(source))

    def written(self, source: Source) -> str:
        """The import as a statement of its own."""
        del source
        return self.wanted

    def place(self, source: Source) -> Span | Refused | None:
        """The name where it is imported."""
        return self.locate(source)

    def subtract(self, source: Source, insertion: Insertion) -> Source | Refused:
        """The source without the import; unchanged while something uses it."""
        for statement in source.tree.body:
            if not isinstance(statement, ast.ImportFrom) or _module(statement) != self.module:
                continue
            for index, alias in enumerate(statement.names):
                if alias.name == self.name:
                    if is_used(source.tree, alias.asname or alias.name):
                        return source
                    return self._without(source, statement, index, insertion)
        return source

    def _without(self, source: Source, statement: ast.ImportFrom, index: int, insertion: Insertion) -> Source | Refused:
        if len(statement.names) == 1:
            span = Span(source.start(statement), source.end(statement))
            splices = _line_removal(source, span, insertion)
            whole = replace(insertion, text=source.code(statement))  # but for a comment, nobody may edit it
            return removed(source, span, whole, splices)
        bracket = _names(source, statement)
        item = bracket.items[index]
        before, after = insertion.before, insertion.after
        if insertion.text != self.name or (not before and index == len(bracket.items) - 1):
            before, after = ",", ""  # it was a line of its own, or another name's neighbour, when it was inserted
        splices = removal(source, bracket, index, before, after)
        name = replace(insertion, text=self.name)
        return removed(source, Span(item.start, item.end), name, splices)

    def _new_line(self, source: Source) -> Addition:
        code = self.wanted
        if len(code) > WIDTH:
            newline = source.newline
            code = f"from {self.module} import ({newline}{source.indent_unit}{self.name},{newline})"
        imports = [node for node in source.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        mine = self._order(ast.ImportFrom(self.module, [], 0))
        smaller = [node for node in imports if self._order(node) < mine]
        larger = [node for node in imports if self._order(node) > mine]
        own_section = [node for node in imports if self._order(node)[0] == mine[0]]
        gap = source.newline if own_section else source.newline * 2
        if smaller and (smaller[-1] in own_section or not own_section):
            at = source.line_end(source.end(smaller[-1]))
            return Addition((Splice(at, at, gap + code),), gap, "", at + len(gap))
        if larger:
            at = source.start(larger[0])
            return Addition((Splice(at, at, code + gap),), "", gap, at)
        return _alone(source, code)

    def _order(self, node: Import) -> tuple[int, bool, str]:
        """Isort's order: sections, then `import x` before `from x import`, then by name."""
        is_from = isinstance(node, ast.ImportFrom)
        module = _module(node) if isinstance(node, ast.ImportFrom) else node.names[0].name
        if module == "":
            module = self.module
        return (section(module, self.first_party), is_from, module.lower())


def _line_removal(source: Source, span: Span, insertion: Insertion) -> tuple[Splice, ...]:
    """Takes the blank line behind a section along with the section's last import."""
    gap, text = source.newline * 2, source.text
    alone = span.start == source.start(source.tree.body[0]) or text.endswith(gap, 0, span.start)
    if alone and insertion.before != gap and text.startswith(gap, span.end):
        return (Splice(span.start, span.end + len(gap)),)
    return remove_statement(source, span.start, span.end, insertion.before, insertion.after)


def _module(node: ast.ImportFrom) -> str:
    return "." * node.level + (node.module or "")


def _names(source: Source, statement: ast.ImportFrom) -> Bracket:
    """The names of an import as elements between (perhaps absent) brackets."""
    from mesh_scaffold.targets.python.edits.commas import parts_of_import  # lazily: a look does not pay for libcst

    start, text = source.start(statement), source.code(statement)
    items = [
        Item(source.start(name), source.end(name), shifted(part, start).comma)
        for part, name in zip(parts_of_import(text), statement.names, strict=True)
    ]
    end = source.end(statement)
    close = end - 1 if text.endswith(")") else end
    return Bracket(items[0].start, close, tuple(items))


def _alone(source: Source, code: str) -> Addition:
    """The file's first import: behind the docstring, else at the top."""
    newline, body = source.newline, source.tree.body
    if body and is_docstring(body[0]):
        at = source.line_end(source.end(body[0]))
        return Addition((Splice(at, at, newline * 2 + code),), newline * 2, "", at + 2 * len(newline))
    if body:
        at = source.start(body[0])
        return Addition((Splice(at, at, code + newline),), "", newline, at)
    before = newline if source.text and not source.text.endswith(("\n", "\r")) else ""
    at = len(source.text)
    return Addition((Splice(at, at, before + code),), before, "", at + len(before))
