"""What Python lists: displays, dicts, calls, enums, unions, `match` and chains of comparisons."""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mesh_scaffold.enumerations import sql
from mesh_scaffold.enumerations.listing import Listing, Member, UnreadableError, Word
from mesh_scaffold.enumerations.python_members import (
    bare_member,
    entry_of,
    enum_members,
    gives_up,
    keyword_member,
    last_name,
    lines_of,
    member_of,
    pattern_member,
    union_member,
    word_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Function = ast.FunctionDef | ast.AsyncFunctionDef
_SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return, ast.Assert, ast.Delete, ast.Raise)


def read(text: str) -> list[Listing]:
    """Everything that the module lists.

    Raises:
        UnreadableError: it is not Python.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the host's invalid escapes are not ours to tell
            tree = ast.parse(text)
        reader = _Reader()
        reader.visit(tree)
    except SyntaxError as error:
        raise UnreadableError(f"is not Python: {error.msg}", error.lineno) from error
    except (ValueError, RecursionError, MemoryError) as error:  # the last: brackets nested too deep for the parser
        raise UnreadableError(f"is not Python: {str(error) or 'it is nested too deep'}") from error
    return reader.found


class _Reader(ast.NodeVisitor):
    """Collects listings with what they are called and the statement they are a part of."""

    def __init__(self) -> None:
        self.found: list[Listing] = []
        self._names: list[str] = []
        self._scope = (0, 0)
        self._seen: set[int] = set()  # nodes that are a part of a listing already

    def visit(self, node: ast.AST) -> None:
        """Look at `node`, then into it."""
        if isinstance(node, ast.expr_context | ast.Name):
            return  # most nodes are, and there is nothing in them
        for block in () if isinstance(node, ast.expr) else vars(node).values():
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                self._chains(block)
        if isinstance(node, _SIMPLE):
            with self._inside(node):
                super().visit(node)
        else:
            super().visit(node)

    @contextmanager
    def _inside(self, statement: ast.stmt) -> Iterator[None]:
        before, self._scope = self._scope, lines_of(statement)
        yield
        self._scope = before

    @contextmanager
    def _called(self, *names: str) -> Iterator[None]:
        self._names += names
        yield
        del self._names[len(self._names) - len(names) :]

    def _add(
        self,
        what: str,
        node: ast.AST,
        members: Sequence[Member] | None,
        names: Sequence[str] = (),
        *,
        raises: bool = False,
    ) -> None:
        if members is not None:
            line, end = lines_of(node)
            scope = self._scope if self._scope != (0, 0) else (line, end)
            self.found.append(Listing(what, line, end, tuple(members), (*self._names, *names), scope, raises))

    def visit_Assign(self, node: ast.Assign) -> None:
        with self._called(*(target.id for target in node.targets[:1] if isinstance(target, ast.Name))):
            self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        with self._called(*([node.target.id] if isinstance(node.target, ast.Name) else [])):
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        with self._called(node.name):
            self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        with self._called(node.name):
            self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        with self._called(node.name):
            if any(last_name(base).endswith(("Enum", "Flag")) for base in node.bases):
                with self._inside(node):
                    self._add("enum", node, list(enum_members(node)))
            self.generic_visit(node)

    def visit_List(self, node: ast.List) -> None:
        self._display("list", node, node.elts)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        self._display("tuple", node, node.elts)

    def visit_Set(self, node: ast.Set) -> None:
        self._display("set", node, node.elts)

    def _display(self, what: str, node: ast.expr, elements: Sequence[ast.expr]) -> None:
        loads = isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        if loads and id(node) not in self._seen and not any(isinstance(each, ast.Starred) for each in elements):
            self._add(what, node, [member_of(each) for each in elements])
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.slice, ast.Tuple) and last_name(node.value) in {"Literal", "Union"}:
            self._seen.add(id(node.slice))
            self._add(last_name(node.value), node, [member_of(each) for each in node.slice.elts])
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        if all(key is not None for key in node.keys):
            self._add(
                "mapping", node, [entry_of(key, value) for key, value in zip(node.keys, node.values, strict=True)]
            )
        for key, value in zip(node.keys, node.values, strict=True):
            name = word_of(key) if key is not None else None
            with self._called(*([name.text] if name else [])):
                self.visit(value)

    def visit_Call(self, node: ast.Call) -> None:
        if last_name(node.func) == "dict" and all(keyword.arg for keyword in node.keywords):
            self._add("mapping", node, [keyword_member(keyword) for keyword in node.keywords])
        elif not any(isinstance(argument, ast.Starred | ast.Name) for argument in node.args):
            self._add("call", node, [bare_member(argument) for argument in node.args])
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.BitOr) and id(node) not in self._seen:
            self._add("union", node, [union_member(each) for each in self._operands(node)])
        self.generic_visit(node)

    def _operands(self, node: ast.expr) -> Iterator[ast.expr]:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            self._seen.add(id(node))
            yield from self._operands(node.left)
            yield from self._operands(node.right)
        else:
            yield node

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        if id(node) not in self._seen:
            self._chain("comparison", node, [node])
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        if id(node) not in self._seen:
            tests: list[ast.expr] = []
            last: ast.expr = node
            while isinstance(last, ast.IfExp):
                self._seen.add(id(last))
                tests.append(last.test)
                last = last.orelse
            self._chain("comparison", node, tests)
        self.generic_visit(node)

    def visit_Match(self, node: ast.Match) -> None:
        members, raises = [], False
        for case in node.cases:
            patterns = case.pattern.patterns if isinstance(case.pattern, ast.MatchOr) else [case.pattern]
            if isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None:
                raises = gives_up(case.body)
            else:
                members += [pattern_member(pattern) for pattern in patterns]
        with self._inside(node):
            self._add("match", node, members, raises=raises)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and sql.may_list(node.value):
            for listing in sql.read(node.value):
                first = node.lineno - 1
                members = [{s: Word(w.text, w.line + first) for s, w in each.items()} for each in listing.members]
                lines = (listing.line + first, listing.end + first)
                self.found.append(Listing(listing.what, *lines, tuple(members), tuple(self._names), self._scope))

    def _chains(self, body: Sequence[ast.stmt]) -> None:
        """The chains of `if`, `elif` and of one `if` after the other in a block."""
        position = 0
        while position < len(body):
            first = body[position]
            position += 1
            if not isinstance(first, ast.If) or id(first) in self._seen:
                continue
            tests, rest = self._branches(first)
            last: ast.stmt = first
            while not rest and position < len(body) and isinstance(after := body[position], ast.If):
                more, rest = self._branches(after)
                tests, last, position = tests + more, after, position + 1
            following = rest or list(body[position : position + 1])
            with self._inside(first):
                self._chain("if chain", first, tests, last, raises=gives_up(following))

    def _branches(self, node: ast.If) -> tuple[list[ast.expr], list[ast.stmt]]:
        """The conditions of an `if` and its `elif`s, and what stands under `else`."""
        tests = [node.test]
        self._seen.add(id(node))
        while len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            node = node.orelse[0]
            self._seen.add(id(node))
            tests.append(node.test)
        return tests, node.orelse

    def _chain(
        self, what: str, node: ast.AST, tests: Sequence[ast.expr], last: ast.AST | None = None, *, raises: bool = False
    ) -> None:
        compared = [found for test in tests for found in self._compared(test)]
        if not compared:
            return
        subject = Counter(subject for subject, _ in compared).most_common(1)[0][0]
        members: list[Member] = [{"": word} for found, word in compared if found == subject]
        others = [test for test in tests if not any(found == subject for found, _ in self._compared(test))]
        line, end = lines_of(node)[0], lines_of(last or node)[1]
        members += [{} for _ in others]
        scope = self._scope if self._scope != (0, 0) else (line, end)
        self.found.append(Listing(what, line, end, tuple(members), tuple(self._names), scope, raises))

    def _compared(self, test: ast.expr) -> Iterator[tuple[str, Word]]:
        """What a condition compares: the subject as code, and each word that it is compared with."""
        if isinstance(test, ast.BoolOp):
            self._seen.add(id(test))
            for value in test.values:
                yield from self._compared(value)
        elif isinstance(test, ast.UnaryOp):
            yield from self._compared(test.operand)
        elif isinstance(test, ast.Compare) and len(test.ops) == 1:
            yield from self._comparison(test.left, test.ops[0], test.comparators[0])

    def _comparison(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Iterator[tuple[str, Word]]:
        if isinstance(operator, ast.In | ast.NotIn) and isinstance(right, ast.Tuple | ast.List | ast.Set):
            words = [word for each in right.elts if (word := word_of(each))]
            yield from ((ast.dump(left), word) for word in words)
        elif isinstance(operator, ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
            if isinstance(left, ast.Constant):
                left, right = right, left
            if word := word_of(right):
                yield ast.dump(left), word
