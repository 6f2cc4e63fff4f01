"""A three-way merge: what one side and the other made of a base, line by line or word by word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal

from mesh_scaffold.diff import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OURS, MIDDLE, THEIRS = "<<<<<<< yours", "=======", ">>>>>>> generated"
"""The lines around the two sides of a conflict, as git writes them."""
_MARKED = re.compile(r"^<{7} .*?^={7}\r?$.*?^>{7} ", re.MULTILINE | re.DOTALL)
_SIDES = (">>>>>>>", "<<<<<<<", "|||||||", "=======")
"""What begins a line behind which both sides follow, ours, the base, theirs."""
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


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


@dataclass(frozen=True, slots=True)
class Merge:
    """The merge of a text, in stretches."""

    chunks: tuple[Chunk, ...]

    @property
    def conflicts(self) -> int:
        """How many stretches both sides changed, each in its own way."""
        return sum(chunk.settled is None for chunk in self.chunks)

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
    """The merge of two texts that were made from `base`.

    Where all of our lines end in CR LF and the others' do not, theirs are read and merged as if they did: a change of
    line ends is no change of lines.
    """
    if _crlf(ours):
        base, theirs = (text if _crlf(text) else text.replace("\n", "\r\n") for text in (base, theirs))
    return Merge(tuple(_chunks(lines_of(base), lines_of(ours), lines_of(theirs))))


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


def own_lines(base: str, ours: str) -> str:
    """The lines that somebody added to `base` or changed in it, and nothing else."""
    one, other = lines_of(base.replace("\r\n", "\n")), lines_of(ours)
    matcher = SequenceMatcher(None, one, [line.replace("\r\n", "\n") for line in other], autojunk=False)
    return "".join(
        line for tag, _, _, start, end in matcher.get_opcodes() if tag != "equal" for line in other[start:end]
    )


def merge_words(base: str, ours: str, theirs: str) -> str | None:
    """The merge of two pieces of code, word by word; None when both sides changed one place."""
    merge = Merge(tuple(_chunks(*(_WORDS.findall(text) for text in (base, ours, theirs)))))
    return None if merge.conflicts else merge.mine


def marked_line(text: str) -> int | None:
    """The line, from 1, of the first conflict that waits in `text`; None when none does."""
    found = _MARKED.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else None


def sides_of(text: str) -> tuple[str, str]:
    """Both sides of a text that git left with conflict markers; twice the text itself when it has none."""
    ours: list[str] = []
    theirs: list[str] = []
    into: tuple[list[str], ...] = (ours, theirs)
    for line in lines_of(text):
        word = line.rstrip("\r\n").partition(" ")[0]
        if word in _SIDES:
            into = ((ours, theirs), (ours,), (), (theirs,))[_SIDES.index(word)]
            continue
        for side in into:
            side.append(line)
    return "".join(ours), "".join(theirs)


def unmarked(text: str, *kept: Literal["ours", "theirs"]) -> str:
    """A text with conflict markers, with only those sides; what goes leaves empty lines, so that no line moves."""
    lines: list[str] = []
    side = ""
    for line in lines_of(text):
        word = line.rstrip("\r\n").partition(" ")[0]
        if word in _SIDES and (side or word == "<<<<<<<"):
            side = ("", "ours", "base", "theirs")[_SIDES.index(word)]
            lines.append(_line_break(line))
        else:
            lines.append(line if side in {"", *kept} else _line_break(line))
    return "".join(lines)


def _line_break(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _chunks(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[Chunk]:
    base_at = ours_at = theirs_at = 0
    for base_start, ours_start, theirs_start, length in (
        *_in_both(base, ours, theirs),
        (len(base), len(ours), len(theirs), 0),
    ):
        sides = (base[base_at:base_start], ours[ours_at:ours_start], theirs[theirs_at:theirs_start])
        if any(sides):
            yield from _between(*(tuple(side) for side in sides))
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


def _between(base: tuple[str, ...], ours: tuple[str, ...], theirs: tuple[str, ...]) -> Iterator[Chunk]:
    """What stands between two stretches that both sides have."""
    if theirs in (base, ours):
        yield Chunk(ours, theirs, ours)
        return
    if ours == base:
        yield Chunk(ours, theirs, theirs)
        return
    head = _shared(ours, theirs)
    tail = _shared(ours[head:][::-1], theirs[head:][::-1])
    if head:
        yield Chunk(ours[:head], ours[:head], ours[:head])
    yield Chunk(ours[head : len(ours) - tail], theirs[head : len(theirs) - tail], None)
    if tail:
        yield Chunk(ours[-tail:], ours[-tail:], ours[-tail:])


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
