"""Tokens of languages with brackets, and the tree that the brackets make of them; damaged text makes a poorer tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator, Sequence

_CLOSING = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a text (without quotes) or a sign, with its line from 1."""

    kind: str
    value: str
    line: int


@dataclass(slots=True)
class Group:
    """What stands between two brackets; `value` is the opening one."""

    value: str
    line: int
    items: list[Token | Group] = field(default_factory=list)
    end: int = 0
    kind: str = "group"


Item = Token | Group


def tokens(text: str, pattern: re.Pattern[str]) -> Iterator[Token]:
    """The tokens that the groups of `pattern` name; those called `space` are left out."""
    line = 1
    for found in pattern.finditer(text):
        kind, value = str(found.lastgroup), found[0]
        if kind != "space":
            yield Token(kind, value, line)
        line += value.count("\n")


def grouped(found: Iterable[Token]) -> Group:
    """The tokens as a tree of brackets; a closing one without an opening one is passed over."""
    root = Group("", 1)
    stack = [root]
    for token in found:
        if token.kind != "sign" or token.value not in "()[]{}":
            stack[-1].items.append(token)
        elif token.value in "([{":
            group = Group(token.value, token.line)
            stack[-1].items.append(group)
            stack.append(group)
        elif any(group.value == _CLOSING[token.value] for group in stack):
            while stack[-1].value != _CLOSING[token.value]:
                stack.pop().end = token.line
            stack.pop().end = token.line
    for group in stack:
        group.end = group.end or group.line
    return root


def split(items: Sequence[Item], separators: str = ",") -> list[list[Item]]:
    """The items between separators; nothing between two is left out."""
    parts: list[list[Item]] = [[]]
    for item in items:
        if item.kind != "text" and item.value and item.value in separators:
            parts.append([])
        else:
            parts[-1].append(item)
    return [part for part in parts if part]


def is_word(item: Item | None, *words: str) -> bool:
    """Whether the item is one of these bare words."""
    return item is not None and item.kind == "word" and item.value in words


def is_sign(item: Item | None, *signs: str) -> bool:
    """Whether the item is one of these signs."""
    return item is not None and item.kind == "sign" and item.value in signs
