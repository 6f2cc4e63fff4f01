"""A three-way merge: what one side and the other made of a base, line by line or word by word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mesh_scaffold.diff import lines_of
from mesh_scaffold.markers import MIDDLE, OURS, THEIRS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")

_Change: TypeAlias = tuple[int, int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of the merge: settled when both sides agree or one of them left the base as it was.

    Attributes:
        ours: what the one side has there.
        theirs: what the other side has there.
        settled: what the merge has there; None for a conflict.
    """

    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    settled: tuple[str, ...] | None


class ConflictLine(NamedTuple):
    """Where a conflict begins, by lines from 1: in the merge with our side of each, and in the one with markers."""

    mine: int
    marked: int


@dataclass(frozen=True, slots=True)
class Merge:
    """The merge of a text, in stretches."""

    chunks: tuple[Chunk, ...]

    @property
    def conflicts(self) -> int:
        """How many stretches both sides changed, each in its own way."""
        return sum(chunk.settled is None for chunk in self.chunks)

    @property
    def conflict_lines(self) -> tuple[ConflictLine, ...]:
        """Where the conflicts begin, in order."""
        found, mine, marked = [], 1, 1
        for chunk in self.chunks:
            if chunk.settled is None:
                found.append(ConflictLine(mine, marked))
            mine += len(chunk.ours if chunk.settled is None else chunk.settled)
            marked += len(_marked(chunk) if chunk.settled is None else chunk.settled)
        return tuple(found)

    @property
    def mine(self) -> str:
        """The merge, with our side of each conflict."""
        return _text(chunk.ours if chunk.settled is None else chunk.settled for chunk in self.chunks)

    @property
    def generated(self) -> str:
        """The merge, with their side of each conflict."""
        return _text(chunk.theirs if chunk.settled is None else chunk.settled for chunk in self.chunks)

    @property
    def marked(self) -> str:
        """The merge, with both sides of each conflict between lines that git's users know."""
        return _text(_marked(chunk) if chunk.settled is None else chunk.settled for chunk in self.chunks)


def merge_lines(base: str, ours: str, theirs: str) -> Merge:
    """The merge of two texts that were made from `base`; a change of line ends is no change of lines."""
    base, theirs = (with_line_ends_of(ours, text) for text in (base, theirs))
    return Merge(tuple(_chunks(lines_of(base), lines_of(ours), lines_of(theirs), has_base=True)))


def merged_as(text: str) -> Merge:
    """A merge that came out as `text`, without a conflict."""
    lines = tuple(lines_of(text))
    return Merge((Chunk(lines, lines, lines),))


def with_line_ends_of(ours: str, text: str) -> str:
    """`text`, with CR LF at its lines' ends where all lines of `ours` have it and its own have not."""
    return text.replace("\n", "\r\n") if _crlf(ours) and not _crlf(text) else text


def merge_without_base(ours: str, theirs: str) -> Merge:
    """The merge of two texts that were not made from one: what they share is taken for the base."""
    if _crlf(ours) and not _crlf(theirs):
        theirs = theirs.replace("\n", "\r\n")
    one, other = lines_of(ours), lines_of(theirs)
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    base = [line for block in blocks for line in one[block.a : block.a + block.size]]
    return Merge(tuple(_chunks(base, one, other)))


def both_sides(ours: str, theirs: str) -> Merge:
    """Two texts of which each difference is a conflict."""
    one, other = lines_of(ours), lines_of(theirs)
    chunks = []
    for tag, start, end, other_start, other_end in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        mine, generated = tuple(one[start:end]), tuple(other[other_start:other_end])
        chunks.append(Chunk(mine, generated, mine if tag == "equal" else None))
    return Merge(tuple(chunks))


def line_in(text: str, changed: str, line: int) -> int:
    """The line of `text` that a line of `changed`, which was made from it, was or stands behind."""
    blocks = SequenceMatcher(None, lines_of(text), lines_of(changed), autojunk=False).get_matching_blocks()
    before = [block for block in blocks if block.b < line]
    last = before[-1] if before else None
    return max(1, last.a + min(line - last.b, last.size)) if last else 1


def own_lines(base: str, ours: str) -> str:
    """The lines that somebody added to `base` or changed in it, and nothing else."""
    one, other = lines_of(base.replace("\r\n", "\n")), lines_of(ours)
    matcher = SequenceMatcher(None, one, [line.replace("\r\n", "\n") for line in other], autojunk=False)
    return "".join(
        line for tag, _, _, start, end in matcher.get_opcodes() if tag != "equal" for line in other[start:end]
    )


def merge_words(base: str, ours: str, theirs: str) -> str | None:
    """The merge of two pieces of code, word by word; None when both sides changed one place."""
    merge = Merge(tuple(_chunks(*(_WORDS.findall(text) for text in (base, ours, theirs)), are_lines=False)))
    return None if merge.conflicts else merge.mine


def _chunks(
    base: Sequence[str], ours: Sequence[str], theirs: Sequence[str], *, are_lines: bool = True, has_base: bool = False
) -> Iterator[Chunk]:
    base_at = ours_at = theirs_at = 0
    for base_start, ours_start, theirs_start, length in (
        *_in_both(base, ours, theirs),
        (len(base), len(ours), len(theirs), 0),
    ):
        sides = (base[base_at:base_start], ours[ours_at:ours_start], theirs[theirs_at:theirs_start])
        if any(sides):
            yield from _between(*(tuple(side) for side in sides), are_lines=are_lines, has_base=has_base)
        same = tuple(base[base_start : base_start + length])
        if same:
            yield Chunk(same, same, same)
        base_at, ours_at, theirs_at = base_start + length, ours_start + length, theirs_start + length


def _in_both(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """The stretches of the base that both sides have: where in each, and how long."""
    mine = SequenceMatcher(None, base, ours, autojunk=False).get_matching_blocks()
    other = SequenceMatcher(None, base, theirs, autojunk=False).get_matching_blocks()
    one = two = 0
    while one < len(mine) and two < len(other):
        left, right = mine[one], other[two]
        start, end = max(left.a, right.a), min(left.a + left.size, right.a + right.size)
        if start < end:
            yield start, left.b + start - left.a, right.b + start - right.a, end - start
        if left.a + left.size < right.a + right.size:
            one += 1
        else:
            two += 1


def _between(
    base: tuple[str, ...], ours: tuple[str, ...], theirs: tuple[str, ...], *, are_lines: bool, has_base: bool
) -> Iterator[Chunk]:
    """What stands between two stretches that both sides have."""
    if theirs in (base, ours):
        yield Chunk(ours, theirs, ours)
        return
    if ours == base:
        yield Chunk(ours, theirs, theirs)
        return
    if has_base and not base and (both := _in_order(ours, theirs)) is not None:
        yield Chunk(ours, theirs, both)
        return
    if are_lines and (both := _side_by_side(base, ours, theirs)) is not None:
        yield Chunk(ours, theirs, both)
        return
    head = _shared(ours, theirs)
    tail = _shared(ours[head:][::-1], theirs[head:][::-1])
    if head:
        yield Chunk(ours[:head], ours[:head], ours[:head])
    yield Chunk(ours[head : len(ours) - tail], theirs[head : len(theirs) - tail], None)
    if tail:
        yield Chunk(ours[-tail:], ours[-tail:], ours[-tail:])


def _side_by_side(base: tuple[str, ...], ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...] | None:
    """The merge of changes that touch and do not overlap; None for others.

    What one side put beside lines that the other deleted may belong to them, and of what both put into one place
    nobody knows the order: these are conflicts.
    """
    changes = sorted((*_changes(base, ours), *_changes(base, theirs)))
    if any(_collide(one, two) for one, two in pairwise(changes)):
        return None
    lines: list[str] = []
    at = 0
    for start, end, new in changes:
        lines += (*base[at:start], *new)
        at = end
    return _all_ended(*lines, *base[at:])


def _in_order(ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...] | None:
    """What both put into one place, where only one of them begins anew, behind a blank line: it comes last."""
    last, first = (ours, theirs) if not ours[0].strip() else (theirs, ours)
    shared = {line.strip() for line in ours} & {line.strip() for line in theirs} - {""}
    return None if last[0].strip() or not first[0].strip() or shared else _all_ended(*first, *last)


def _all_ended(*lines: str) -> tuple[str, ...]:
    return tuple(line if line.endswith("\n") else f"{line}\n" for line in lines[:-1]) + lines[-1:]


def _changes(base: tuple[str, ...], side: tuple[str, ...]) -> Iterator[_Change]:
    """Which lines of the base a side replaced, from and to, and by what."""
    for tag, start, end, new_start, new_end in SequenceMatcher(None, base, side, autojunk=False).get_opcodes():
        if tag != "equal":
            yield start, end, side[new_start:new_end]


def _collide(one: _Change, two: _Change) -> bool:
    """Whether two changes, in the base's order, are about the same lines."""
    (start, end, _), (next_start, next_end, _) = one, two
    if next_start != end:
        return next_start < end
    inserts = start == end or next_start == next_end
    return inserts and ((start, end) == (next_start, next_end) or not (one[2] and two[2]))


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many elements two sequences have in common at their start."""
    pairs = zip(one, other, strict=False)
    return next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _marked(chunk: Chunk) -> tuple[str, ...]:
    line_end = "\r\n" if _crlf("".join((*chunk.ours, *chunk.theirs))) else "\n"
    ours, theirs = (tuple(_ended(line, line_end) for line in side) for side in (chunk.ours, chunk.theirs))
    return (OURS + line_end, *ours, MIDDLE + line_end, *theirs, THEIRS + line_end)


def _ended(line: str, line_end: str) -> str:
    return line if line.endswith("\n") else line + line_end


def _crlf(text: str) -> bool:
    return "\r\n" in text and text.count("\r\n") == text.count("\n")


def _text(parts: Iterator[tuple[str, ...]]) -> str:
    return "".join("".join(part) for part in parts)
