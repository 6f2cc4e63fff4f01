"""Finding classes, functions and literals in a source; what is not there, there twice, or computed is a Refused."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeVar

from mesh_scaffold.targets.python.edits.source import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_scaffold.targets.python.edits.source import Source

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
WRAPPERS = frozenset({"list", "tuple", "set", "frozenset", "dict", "MappingProxyType"})
"""Calls that leave the members of their one argument as they are."""

Node = TypeVar("Node", bound=ast.stmt)


def find_class(source: Source, name: str) -> ast.ClassDef | Refused:
    """The module's class of that name."""
    found = [node for node in source.tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    return _only(found, f"class {name}")


def find_function(source: Source, name: str) -> Function | Refused:
    """The module's function of that name, async ones included."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    found = [node for node in source.tree.body if isinstance(node, kinds) and node.name == name]
    return _only(found, f"function {name}")


def _only(found: Sequence[Node], what: str) -> Node | Refused:
    if len(found) == 1:
        return found[0]
    if not found:
        return Refused(f"has no {what}", f"Write a {what} at the top level, or correct its name in mesh.toml.")
    return Refused(f"has {len(found)} definitions of {what}", "Leave one of them.", found[1].lineno)


def own_statements(scope: Scope) -> Iterator[ast.stmt]:
    """Every statement of `scope` at any depth, without those of functions and classes inside it."""
    pending: list[ast.AST] = list(scope.body)
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            blocks = (ast.stmt, ast.excepthandler, ast.match_case)
            pending[:0] = [child for child in ast.iter_child_nodes(node) if isinstance(child, blocks)]


def targets_of(statement: ast.stmt) -> tuple[ast.expr, ...]:
    """What an assignment assigns to; nothing for other statements."""
    if isinstance(statement, ast.Assign):
        return tuple(statement.targets)
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        return (statement.target,)
    return ()


def find_value(scope: Scope, name: str, where: str) -> ast.expr | Refused:
    """The value that `scope` assigns to `name`; refused unless that happens exactly once."""
    found: list[ast.expr] = []
    for statement in own_statements(scope):
        if any(isinstance(target, ast.Name) and target.id == name for target in targets_of(statement)):
            found.extend(value for value in (getattr(statement, "value", None),) if value is not None)
    if len(found) == 1:
        return found[0]
    line = getattr(scope, "lineno", None)
    if not found:
        return Refused(f"{where} assigns nothing to {name}", f"Assign a literal to {name} there.", line)
    return Refused(f"{where} assigns to {name} {len(found)} times", "Leave one assignment.", found[1].lineno)


def literal_of(source: Source, value: ast.expr, depth: int = 5) -> ast.expr:
    """`value` behind wrapping calls (`frozenset({...})`) and names of the module's own constants."""
    if depth and isinstance(value, ast.Call) and not value.keywords and len(value.args) == 1:
        called = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        if called in WRAPPERS:
            return literal_of(source, value.args[0], depth - 1)
    if depth and isinstance(value, ast.Name):
        named = find_value(source.tree, value.id, "the module")
        if not isinstance(named, Refused):
            return literal_of(source, named, depth - 1)
    return value


def same_code(one: ast.expr, other: ast.expr) -> bool:
    """Whether two expressions are the same but for layout and quotes."""
    return _same(one, other)


def _same(one: object, other: object) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, ast.AST):
        fields = (field for field in one._fields if field not in {"ctx", "kind"})
        return all(_same(getattr(one, field, None), getattr(other, field, None)) for field in fields)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other


def expression(code: str) -> ast.expr:
    """The syntax tree of an expression that we wrote."""
    return ast.parse(code, mode="eval").body


def top_level_names(source: Source) -> frozenset[str]:
    """What the module defines or imports at its top level."""
    names: set[str] = set()
    for statement in source.tree.body:
        names |= {target.id for target in targets_of(statement) if isinstance(target, ast.Name)}
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(statement.name)
        if isinstance(statement, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in statement.names}
    return frozenset(names)
