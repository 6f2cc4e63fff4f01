"""Statements in a block (a class body, a function body, a module): how one more goes in, and how it comes out."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from mesh_scaffold.targets.python.edits.result import Addition
from mesh_scaffold.targets.python.edits.source import Source, Splice

if TYPE_CHECKING:
    from collections.abc import Sequence


def is_docstring(statement: ast.stmt) -> bool:
    """Whether the statement is nothing but a string."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def in_one_line(source: Source, owner: ast.stmt, body: Sequence[ast.stmt]) -> bool:
    """Whether the block stands behind its owner's colon: `class A: pass`."""
    head = source.text[source.start(owner) : source.start(body[0])]
    return "\n" not in head and "\r" not in head


def add_statement(
    source: Source, owner: ast.stmt, body: Sequence[ast.stmt], after: ast.stmt | None, code: str, gap: str = ""
) -> Addition:
    """How `code` goes into the block of `owner`.

    Args:
        source: the file.
        owner: the class or function.
        body: its statements; at least one, as Python asks for it.
        after: the neighbour behind which it goes; None for the block's start, behind a docstring.
        code: the statement, its lines after the first indented relative to the block by the file's own unit.
        gap: a line break, for a blank line before it.
    """
    if in_one_line(source, owner, body):
        at = source.end(after or body[-1])
        return Addition((Splice(at, at, f"; {code}"),), "; ", "", at + 2)
    documented = is_docstring(body[0])
    if after is None and not documented:
        return _in_front(source, body[0], code)
    neighbour = after or body[0]
    at = source.line_end(source.end(neighbour))
    if neighbour is body[0] and documented:
        gap = source.newline
    return _behind(source, at, gap + source.newline + source.indent_at(source.start(body[0])), code)


def _behind(source: Source, at: int, before: str, code: str) -> Addition:
    code = indented(source, code, before.rpartition(source.newline)[2])
    return Addition((Splice(at, at, before + code),), before, "", at + len(before))


def _in_front(source: Source, first: ast.stmt, code: str) -> Addition:
    at = source.start(first)
    indent = source.indent_at(at)
    code = indented(source, code, indent)
    after = source.newline + indent
    return Addition((Splice(at, at, code + after),), "", after, at)


def indented(source: Source, code: str, indent: str) -> str:
    """`code` with its lines after the first indented, and the file's own line breaks."""
    first, *others = code.split("\n")
    return source.newline.join([first, *(indent + line for line in others)])


def remove_statement(source: Source, start: int, end: int, before: str, after: str) -> tuple[Splice, ...]:
    """The splices that take the statement from `start` to `end` out with the separators of its insertion."""
    text = source.text
    if before and text.endswith(before, 0, start):
        return (Splice(start - len(before), end),)
    if after and text.startswith(after, end):
        return (Splice(start, end + len(after)),)
    line_start = source.line_starts[source.line_of(start) - 1]
    line_end = source.line_end(end)
    if text[line_start:start].strip() or text[end:line_end].strip():
        follower = end + len(text[end:line_end]) - len(text[end:line_end].lstrip(" \t;"))
        return (Splice(start, follower),)
    return (Splice(line_start, min(len(text), line_end + len(source.newline))),)
