"""Enough of SQL's surface to see what a migration touches: statements as words, names and texts, comments left out.

This is a look, not a parse: it answers "does a CREATE or ALTER of this object mention that name?". It is quick to
import, and a statement that it does not understand is only one that mentions other things.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
    (?P<space> \s+ | --[^\n\r]* )
  | (?P<comment> /\* )
  | (?P<dollar> \$(?:[A-Za-z_]\w*)?\$ )
  | (?P<text> [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' )
  | (?P<quoted> "(?:[^"]|"")*" )
  | (?P<word> [A-Za-z_\u0080-\U0010ffff][\w$]* )
  | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    Attributes:
        line: the line, from 1, on which it starts.
        words: its keywords and names, bare ones in lower case, in order; names in quotes as they are.
        texts: its string literals.
        lines: the line of each word and each text.
    """

    line: int
    words: tuple[str, ...]
    texts: tuple[str, ...]
    lines: tuple[tuple[str, int], ...]

    def starts(self, *words: str) -> bool:
        """Whether these are its first words."""
        return self.words[: len(words)] == words

    def drops(self, name: str) -> bool:
        """Whether the last that it says of a column or constraint is that it goes: dropped, or renamed."""
        at = max((index for index, word in enumerate(self.words) if word == name), default=-1)
        before = [word for word in self.words[max(0, at - 4) : at] if word not in {"if", "exists"}]
        follows = self.words[at + 1 : at + 2]
        is_dropped = before[-2:] in (["drop", "column"], ["drop", "constraint"])
        return at >= 0 and (is_dropped or (before[-2:-1] == ["rename"] and follows == ("to",)))

    def line_of(self, name: str) -> int:
        """The line on which a word or text first stands; the statement's own when it does not."""
        return next((line for found, line in self.lines if found == name), self.line)


def statements(sql: str) -> Iterator[Statement]:
    """The statements of a migration."""
    tokens: list[tuple[str, str, int]] = []
    for kind, value, line in _tokens(sql):
        if (kind, value) == ("other", ";"):
            if tokens:
                yield _statement(tokens)
            tokens = []
        else:
            tokens.append((kind, value, line))
    if tokens:
        yield _statement(tokens)


def _statement(tokens: list[tuple[str, str, int]]) -> Statement:
    words = tuple(value for kind, value, _ in tokens if kind in {"word", "quoted"})
    texts = tuple(value for kind, value, _ in tokens if kind == "text")
    lines = tuple((value, line) for kind, value, line in tokens if kind != "other")
    return Statement(tokens[0][2], words, texts, lines)


def _tokens(sql: str) -> Iterator[tuple[str, str, int]]:
    position, line = 0, 1
    while position < len(sql):
        found = _TOKEN.match(sql, position)
        assert found is not None
        kind, value = str(found.lastgroup), found[0]
        end = found.end()
        if kind == "comment":
            end = _comment_end(sql, position)
        elif kind == "dollar":
            close = sql.find(value, end)
            end = len(sql) if close < 0 else close + len(value)
        if kind not in {"space", "comment", "dollar"}:
            yield kind, _plain(kind, value), line
        line += sql.count("\n", position, end)
        position = end


def _comment_end(sql: str, start: int) -> int:
    """Where a block comment ends; they nest."""
    depth, position = 1, start + 2
    while depth and position < len(sql):
        opening, closing = sql.find("/*", position), sql.find("*/", position)
        if closing < 0:
            return len(sql)
        inner = 0 <= opening < closing
        depth += 1 if inner else -1
        position = (opening if inner else closing) + 2
    return position


def _plain(kind: str, value: str) -> str:
    if kind == "word":
        return value.lower()
    if kind == "quoted":
        return value[1:-1].replace('""', '"')
    if kind == "text":
        return value[value.index("'") + 1 : -1].replace("''", "'")
    return value
