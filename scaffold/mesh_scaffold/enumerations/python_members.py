"""Members of what Python lists, and the words in them that may stand for a type."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from mesh_scaffold.enumerations.listing import Member, Word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_UNREACHABLE = frozenset({"assert_never", "unreachable"})


def lines_of(node: ast.AST) -> tuple[int, int]:
    """The first and the last line of a node."""
    line = int(getattr(node, "lineno", 1))
    return line, int(getattr(node, "end_lineno", None) or line)


def last_name(node: ast.expr) -> str:
    """`TEXT` of `PostType.TEXT`; empty where there is no name."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def word_of(node: ast.expr) -> Word | None:
    """The text or name that an expression is; of `PostType.TEXT.value` the member."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return Word(node.value, node.lineno)
    if isinstance(node, ast.Attribute):
        if node.attr in {"value", "name"} and isinstance(node.value, ast.Attribute):
            return word_of(node.value)
        return Word(node.attr, node.lineno, is_name=True)
    return Word(node.id, node.lineno, is_name=True) if isinstance(node, ast.Name) else None


def bare_member(node: ast.expr) -> Member:
    """A member that is nothing but a word."""
    word = word_of(node)
    return {"": word} if word else {}


def member_of(node: ast.expr) -> Member:
    """A member of a display: a word, or an object, a call or a tuple of some."""
    if isinstance(node, ast.Dict):
        pairs = ((word_of(key), word_of(value)) for key, value in zip(node.keys, node.values, strict=True) if key)
        return {key.text: value for key, value in pairs if key and value}
    if isinstance(node, ast.Tuple | ast.List):
        return {str(index): word for index, each in enumerate(node.elts) if (word := word_of(each))}
    if isinstance(node, ast.Call):
        positions = {str(index): word for index, each in enumerate(node.args) if (word := word_of(each))}
        return positions | {each.arg: word for each in node.keywords if each.arg and (word := word_of(each.value))}
    return bare_member(node)


def entry_of(key: ast.expr | None, value: ast.expr) -> Member:
    """A key of a dict and its value."""
    words = {"key": word_of(key) if key is not None else None, "value": word_of(value)}
    return {slot: word for slot, word in words.items() if word}


def keyword_member(keyword: ast.keyword) -> Member:
    """The name of a keyword argument."""
    return {"key": Word(str(keyword.arg), keyword.lineno, is_name=True)}


def union_member(node: ast.expr) -> Member:
    """A member of a union; `Literal["TEXT"]` and `Post[Text]` stand for what is in the brackets."""
    if isinstance(node, ast.Subscript):
        return bare_member(node.slice)
    return bare_member(node)


def enum_members(node: ast.ClassDef) -> Iterator[Member]:
    """The members of an enum, by name and by value."""
    for statement in node.body:
        if isinstance(statement, ast.Assign) and isinstance(target := statement.targets[0], ast.Name):
            value = word_of(statement.value)
            name = Word(target.id, statement.lineno, is_name=True)
            yield {"name": name, "value": value} if value else {"name": name}


def pattern_member(pattern: ast.pattern) -> Member:
    """What a pattern of `match` compares with."""
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is not None:
        return pattern_member(pattern.pattern)
    if isinstance(pattern, ast.MatchValue):
        return bare_member(pattern.value)
    if isinstance(pattern, ast.MatchClass):
        return bare_member(pattern.cls)
    return {}


def gives_up(body: Sequence[ast.stmt]) -> bool:
    """Whether a block begins with an error: what comes here was not expected."""
    if not body:
        return False
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Call):
        return last_name(first.value.func) in _UNREACHABLE
    return isinstance(first, ast.Raise) or (
        isinstance(first, ast.Assert) and isinstance(first.test, ast.Constant) and not first.test.value
    )
