"""Which enumerations lack a type that they should have."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place, Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from mesh_descriptors.project import EnumerationSection
    from mesh_scaffold.enumerations.listing import Word
    from mesh_scaffold.enumerations.vocabulary import Enumeration

TOTAL = 0.75
"""An enumeration with this part of the types is meant to have them all."""
SIBLING = 0.8
"""Two enumerations that share this part of what both have are meant to be the same."""

_MARK = re.compile(r"(?:#|//|--|/\*|\*|\{#|<!--).*\bmesh:\s*subset\b")
_COMMENT = re.compile(r"\s*(?:#|//|--|/\*|\*|\{#|<!--|\{/\*)")
_DECISIONS = frozenset({"match", "if chain", "comparison", "switch"})
_OF_FEEDS = frozenset({"feed", "feeds", "type", "types", "post", "posts"})


@dataclass(frozen=True, slots=True)
class Gap:
    """An enumeration lacks a type.

    Attributes:
        enumeration: where.
        type: the snake-case name that it lacks.
        why: why it should have it.
    """

    enumeration: Enumeration
    type: str
    why: str

    @property
    def problem(self) -> Problem:
        """The finding."""
        listing, path = self.enumeration.listing, self.enumeration.path
        written = self.enumeration.spelling.of(self.type)
        add = f"Add {written}"
        if listing.owner is not None and listing.owner.name and path.endswith(".sql"):
            add = f"Where it was applied, write a new migration that gives {listing.owner.name} {written}; else add it"
        remedy = (
            f"{add}, or say that it is meant: a comment `mesh: subset` there, or [[check.enumerations]] in mesh.toml."
        )
        return Problem(
            f"{self.type}: missing: in {self.enumeration.title}, {self.why}", Place(path, listing.line), remedy
        )


@dataclass(frozen=True, slots=True)
class Stale:
    """An enumeration of all types still has what is no type any more.

    Attributes:
        enumeration: where.
        word: what stands there.
    """

    enumeration: Enumeration
    word: Word

    @property
    def problem(self) -> Problem:
        """The finding."""
        word = self.word.text
        remedy = f"Take {word} out, or say that it is meant: [[check.enumerations]] in mesh.toml."
        message = f"{word} in {self.enumeration.title} is no type any more"
        return Problem(message, Place(self.enumeration.path, self.word.line), remedy)


@dataclass(frozen=True, slots=True)
class Judged:
    """What is wrong with enumerations.

    Attributes:
        gaps: the types that they lack.
        stale: what they have that is no type any more.
        idle: the acknowledgements of `mesh.toml`, by number, that acknowledge nothing.
    """

    gaps: tuple[Gap, ...]
    stale: tuple[Stale, ...] = ()
    idle: tuple[int, ...] = ()


def judge(
    enumerations: Sequence[Enumeration],
    types: Collection[str],
    *,
    judged: Collection[tuple[str, int]] = (),
    feeds: Mapping[str, Collection[str]] | None = None,
    lines: Mapping[str, Sequence[str]] | None = None,
    acknowledged: Sequence[EnumerationSection] = (),
    former: Collection[str] = (),
) -> Judged:
    """What is wrong with the enumerations.

    Args:
        enumerations: all of the project's.
        types: the names that there are.
        judged: file and line of what steps look at; an enumeration in a statement that holds one is theirs to judge.
        feeds: the feeds that the spec of a type names, by type.
        lines: the lines of each file, for comments.
        acknowledged: `[[check.enumerations]]`.
        former: the names that were types once.
    """
    gaps: list[Gap] = []
    stale: list[Stale] = []
    used: set[int] = set()
    for enumeration in enumerations:
        matching = [number for number, each in enumerate(acknowledged) if _matches(each, enumeration, lines or {})]
        used.update(matching)
        if matching or _marked(enumeration, (lines or {}).get(enumeration.path, ())):
            continue
        stale += _stale(enumeration, types, former)
        if not _is_judged(enumeration, judged):
            gaps += _gaps(enumeration, enumerations, types, feeds or {})
    idle = tuple(number for number in range(len(acknowledged)) if number not in used)
    return Judged(tuple(gaps), tuple(stale), idle)


def _is_judged(enumeration: Enumeration, judged: Collection[tuple[str, int]]) -> bool:
    """Whether a step looks at the statement that the enumeration is a part of."""
    if enumeration.listing.what in _DECISIONS:
        return False  # what steps look at stands in their branches
    first, last = enumeration.listing.scope
    return any(path == enumeration.path and first <= line <= last for path, line in judged)


def _gaps(
    enumeration: Enumeration,
    others: Sequence[Enumeration],
    types: Collection[str],
    feeds: Mapping[str, Collection[str]],
) -> Iterator[Gap]:
    has = set(enumeration.types)
    lacking = [name for name in types if name not in has]
    if enumeration.listing.raises:
        yield from (Gap(enumeration, name, "where what is not listed is an error") for name in lacking)
        return
    if _is_total(enumeration, types):
        count = f"which has {len(has & set(types))} of {len(types)} types"
        yield from (Gap(enumeration, name, count) for name in lacking)
        return
    for name in lacking:
        if sibling := _sibling(enumeration, name, others):
            place = Place(sibling.path, sibling.types[name])
            yield Gap(enumeration, name, f"and a list like it has it: {place}")
        elif feed := next((feed for feed in feeds.get(name, ()) if _is_feed(enumeration, feed)), None):
            yield Gap(enumeration, name, f"and its spec names the feed {feed}")


def _is_total(enumeration: Enumeration, types: Collection[str]) -> bool:
    return enumeration.listing.raises or len(set(enumeration.types) & set(types)) >= TOTAL * len(types)


def _stale(enumeration: Enumeration, types: Collection[str], former: Collection[str]) -> Iterator[Stale]:
    if not _is_total(enumeration, types):
        return
    gone = {enumeration.spelling.of(name) for name in former}
    words = (word for member in enumeration.listing.members for word in member.values())
    yield from (Stale(enumeration, word) for word in words if word.text in gone)


def _sibling(enumeration: Enumeration, name: str, others: Sequence[Enumeration]) -> Enumeration | None:
    has = set(enumeration.types)
    for other in others:
        if other is not enumeration and name in other.types:
            theirs = set(other.types)
            if len(has & theirs) >= SIBLING * len(has | theirs):
                return other
    return None


def _is_feed(enumeration: Enumeration, feed: str) -> bool:
    """Whether the enumeration is called like the feed: `reviews`, `REVIEWS_FEED`, `reviewsTypes`."""
    for name in enumeration.listing.names[-1:]:
        parts = [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)]
        if "_".join(part for part in parts if part not in _OF_FEEDS) == feed or "_".join(parts) == feed:
            return True
    return False


def _marked(enumeration: Enumeration, lines: Sequence[str]) -> bool:
    """Whether a comment on the enumeration, or right above it or its statement, says `mesh: subset`."""
    listing = enumeration.listing
    if any(_MARK.search(line) for line in lines[listing.line - 1 : listing.end]):
        return True
    starts = {listing.line, listing.scope[0]} - {0}
    return any(_MARK.search(line) for start in starts for line in _comments_above(lines, start))


def _comments_above(lines: Sequence[str], start: int) -> Iterator[str]:
    for line in reversed(lines[: start - 1]):
        if not _COMMENT.match(line):
            return
        yield line


def _matches(section: EnumerationSection, enumeration: Enumeration, lines: Mapping[str, Sequence[str]]) -> bool:
    if not fnmatch.fnmatchcase(enumeration.path, section.path):
        return False
    names = enumeration.listing.names
    if section.name is not None and section.name not in {*names, ".".join(names)}:
        return False
    if section.line is None:
        return True
    text = lines.get(enumeration.path, ())[enumeration.listing.line - 1 : enumeration.listing.end]
    return any(re.search(section.line, line) for line in text)
