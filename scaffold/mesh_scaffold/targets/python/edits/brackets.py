"""Elements between brackets (list, tuple, set, dict): where they and their commas are, and how one more goes in.

Where commas and parenthesised elements are is read; the text is spliced, so every other byte stays.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_scaffold.targets.python.edits.result import Addition
from mesh_scaffold.targets.python.edits.source import Refused, Source, Splice

if TYPE_CHECKING:
    from mesh_scaffold.targets.python.edits.commas import Part

Brackets = ast.List | ast.Tuple | ast.Set | ast.Dict


@dataclass(frozen=True, slots=True)
class Item:
    """One element; `comma` is the offset of the comma after it."""

    start: int
    end: int
    comma: int | None

    @property
    def past(self) -> int:
        """Where the element ends, its comma included."""
        return self.end if self.comma is None else self.comma + 1


@dataclass(frozen=True, slots=True)
class Bracket:
    """What stands between two brackets; offsets into the source's text."""

    inside: int
    close: int
    items: tuple[Item, ...]
    is_tuple: bool = False


def read_bracket(source: Source, node: Brackets) -> Bracket | Refused:
    """Where the elements and commas of `node` are."""
    start, text = source.start(node), source.code(node)
    if isinstance(node, ast.Tuple) and not text.startswith("("):
        return Refused("is a tuple without parentheses", "Put the tuple in parentheses.", node.lineno)
    from mesh_scaffold.targets.python.edits.commas import parts_of_literal  # lazily: a look does not pay for libcst

    items = (shifted(part, start) for part in parts_of_literal(text))
    return Bracket(start + 1, start + len(text) - 1, tuple(items), isinstance(node, ast.Tuple))


def shifted(part: Part, start: int) -> Item:
    """The element of a piece of code that starts at `start`."""
    return Item(start + part.start, start + part.end, None if part.comma is None else start + part.comma)


def addition(source: Source, bracket: Bracket, code: str, at: int | None = None) -> Addition:
    """How `code` goes in behind the last element, in the style of its neighbours, or before element `at`."""
    if at is not None and at < len(bracket.items):
        return _before(source, bracket, code, at)
    return _append(source, bracket, code) if bracket.items else _first(source, bracket, code)


def behind(source: Source, bracket: Bracket, code: str, index: int) -> Addition:
    """How `code` goes in behind element `index`: behind the comment on its line, before one above the next element."""
    item, rest = bracket.items[index], bracket.items[index + 1 :]
    if not rest or not (_starts_line(source, item.start) and _starts_line(source, rest[0].start)):
        return addition(source, bracket, code, index + 1)
    at = source.line_end(item.past)
    before = source.newline + source.indent_at(item.start)
    return Addition((Splice(at, at, f"{before}{code},"),), before, ",", at + len(before))


def _before(source: Source, bracket: Bracket, code: str, at: int) -> Addition:
    item = bracket.items[at]
    start = source.line_starts[source.line_of(item.start) - 1]
    own_line = at > 0 and not source.text[start : item.start].strip()
    after = "," + source.newline + source.text[start : item.start] if own_line else ", "
    return Addition((Splice(item.start, item.start, code + after),), "", after, item.start)


def _first(source: Source, bracket: Bracket, code: str) -> Addition:
    gap = source.text[bracket.inside : bracket.close]
    comma = "," if bracket.is_tuple else ""
    if not gap.strip(" \t\f") and "\n" not in gap and "\r" not in gap:
        return Addition((Splice(bracket.inside, bracket.inside, code + comma),), "", comma, bracket.inside)
    at = bracket.inside + len(gap.rstrip(" \t\f\r\n"))
    before = source.newline + source.indent_at(bracket.inside) + source.indent_unit
    return Addition((Splice(at, at, before + code + ","),), before, ",", at + len(before))


def _append(source: Source, bracket: Bracket, code: str) -> Addition:
    last = bracket.items[-1]
    gap = source.text[last.past : bracket.close]
    one_line = source.line_of(bracket.inside) == source.line_of(last.start)
    if "\n" not in gap and "\r" not in gap and (one_line or not _starts_line(source, last.start)):
        return _inline(bracket, last, code)
    line_break = source.newline + _column(source, bracket, last)
    at = source.line_end(last.past) if "\n" in gap or "\r" in gap else last.past
    if last.comma is not None:
        return Addition((Splice(at, at, line_break + code + ","),), line_break, ",", at + len(line_break))
    if at == last.end:
        before = "," + line_break
        return Addition((Splice(at, at, before + code),), before, "", at + len(before))
    splices = (Splice(last.end, last.end, ","), Splice(at, at, line_break + code))
    return Addition(splices, "," + line_break, "", at + 1 + len(line_break))


def _inline(bracket: Bracket, last: Item, code: str) -> Addition:
    if last.comma is None:
        return Addition((Splice(last.end, last.end, ", " + code),), ", ", "", last.end + 2)
    after = "" if bracket.is_tuple and len(bracket.items) == 1 else ","
    return Addition((Splice(last.past, last.past, f" {code}{after}"),), " ", after, last.past + 1)


def _starts_line(source: Source, offset: int) -> bool:
    start = source.line_starts[source.line_of(offset) - 1]
    return not source.text[start:offset].strip(" \t\f")


def _column(source: Source, bracket: Bracket, last: Item) -> str:
    """The indentation of the nearest element that starts its line, or one step in from the bracket's line."""
    for item in (last, *reversed(bracket.items[:-1])):
        if _starts_line(source, item.start):
            return source.indent_at(item.start)
    return source.indent_at(bracket.inside) + source.indent_unit


def removal(source: Source, bracket: Bracket, index: int, before: str, after: str) -> tuple[Splice, ...]:
    """The splices that take element `index` out again, given the separators that its insertion had put in."""
    item, following = bracket.items[index], bracket.items[index + 1 : index + 2]
    went_before_another = not before and len(after) > 1
    if went_before_another and following:
        return (Splice(item.start, following[0].start),)
    if "\n" in before or "\r" in before:
        return _own_line_removal(source, bracket, index, before)
    if bracket.is_tuple and len(bracket.items) == 2:
        return _single_left(bracket, index)
    if index > 0:
        previous = bracket.items[index - 1]
        comma_stays = not following and item.comma is None and not before.startswith(",")
        return (Splice(previous.past if comma_stays else previous.end, item.end),)
    if following:
        return (Splice(item.start, following[0].start),)
    return (Splice(item.start, item.past if after or bracket.is_tuple else item.end),)


def _single_left(bracket: Bracket, index: int) -> tuple[Splice, ...]:
    """A tuple of one element is none without its comma."""
    first, second = bracket.items
    if index == 1:
        return (Splice(first.end if second.comma is not None else first.past, second.end),)
    cut = Splice(first.start, second.start)
    return (cut,) if second.comma is not None else (cut, Splice(second.end, second.end, ","))


def _own_line_removal(source: Source, bracket: Bracket, index: int, before: str) -> tuple[Splice, ...]:
    item, is_last = bracket.items[index], index == len(bracket.items) - 1
    separator = before[1:] if before.startswith(",") else before
    start = item.start - len(separator) if source.text.endswith(separator, 0, item.start) else item.start
    cut = Splice(start, item.past)
    if not (is_last and item.comma is None and before.startswith(",") and index > 0):
        return (cut,)
    previous = bracket.items[index - 1]
    if previous.comma is None or previous.comma >= start:
        return (Splice(min(start, previous.end), item.past),)
    return (Splice(previous.comma, previous.comma + 1), cut)
