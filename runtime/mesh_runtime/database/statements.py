"""Splitting SQL text into its statements, as PostgreSQL's own scanner would."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
      (?P<line_comment>--[^\n]*)
    | (?P<block_comment>/\*)
    | (?P<escape_string>(?<![\w$])[eE]'(?:[^'\\]|\\.|'')*')
    | (?P<string>'(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*")
    | (?P<dollar>(?<![\w$])\$(?:[^\W\d]\w*)?\$)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<end>;)
    | (?P<space>\s+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    Attributes:
        sql: its text, without the comments before it and the semicolon after it.
        offset: where it begins in the text, in characters.
        words: its first three bare words, in upper case.
    """

    sql: str
    offset: int
    words: tuple[str, ...]


def split_statements(text: str) -> Iterator[Statement]:
    """The statements of `text`; comments, strings, dollar quotes and `BEGIN ATOMIC ... END` bodies are kept whole."""
    start: int | None = None
    words: list[str] = []
    nesting: list[str] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        assert found is not None, "the last alternative matches any character"
        kind, end = found.lastgroup, found.end()
        if kind == "block_comment":
            end = _end_of_comment(text, position)
        elif kind == "dollar":
            closing = text.find(found[0], end)
            end = len(text) if closing < 0 else closing + len(found[0])
        elif kind == "word":
            words.append(found[0].upper())
            _nest(nesting, words)
        elif kind == "end" and not nesting:
            if start is not None:
                yield Statement(text[start:position].rstrip(), start, tuple(words[:3]))
            start, words = None, []
        if start is None and kind not in ("line_comment", "block_comment", "space", "end"):
            start = position
        position = end
    if start is not None:
        yield Statement(text[start:].rstrip(), start, tuple(words[:3]))


def _nest(nesting: list[str], words: list[str]) -> None:
    """Keep track of `BEGIN ATOMIC` bodies, and of the CASEs in them, which end with END too."""
    if words[-2:] == ["BEGIN", "ATOMIC"]:
        nesting.append("ATOMIC")
    elif nesting and words[-1] == "CASE":
        nesting.append("CASE")
    elif nesting and words[-1] == "END":
        nesting.pop()


def _end_of_comment(text: str, position: int) -> int:
    """Where the block comment that begins at `position` ends; they nest."""
    depth = 0
    for found in re.compile(r"/\*|\*/").finditer(text, position):
        depth += 1 if found[0] == "/*" else -1
        if depth == 0:
            return found.end()
    return len(text)
