"""What HTML and Jinja list: the options of a select, scripts, expressions in tags, and chains of `if` and `elif`."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_scaffold.enumerations import script
from mesh_scaffold.enumerations.listing import Listing, Member, Word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TAG = re.compile(r"\{#.*?#\}|\{%-?\s*(?P<word>\w+)?(?P<tag>.*?)-?%\}|\{\{(?P<expression>.*?)\}\}", re.DOTALL)
_SCRIPT = re.compile(r"<script\b[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_SELECT = re.compile(r"<select\b(?P<attributes>[^>]*)>(?P<options>.*?)</select>", re.DOTALL | re.IGNORECASE)
_OPTION = re.compile(r"""<option\b[^>]*?\bvalue\s*=\s*\{?\s*["']([^"']*)["']""", re.DOTALL | re.IGNORECASE)
_NAME = re.compile(r"""\b(?:name|id)\s*=\s*["']([^"']*)["']""", re.IGNORECASE)


def read(text: str) -> list[Listing]:
    """Everything that the page or template lists."""
    plain = _TAG.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    return [*_tags(text), *_scripts(plain), *selects(plain)]


def selects(text: str) -> Iterator[Listing]:
    """The options of each select, in HTML and in JSX."""
    for found in _SELECT.finditer(text):
        start = found.start("options")
        members: list[Member] = [
            {"": Word(option[1], _line(text, start + option.start(1)))} for option in _OPTION.finditer(found["options"])
        ]
        name = _NAME.search(found["attributes"])
        lines = (_line(text, found.start()), _line(text, found.end()))
        if members:
            yield Listing("options", *lines, tuple(members), (name[1],) if name else (), lines)


def _scripts(text: str) -> Iterator[Listing]:
    for found in _SCRIPT.finditer(text):
        yield from (moved(listing, _line(text, found.start(1)) - 1) for listing in script.read(found[1]))


def _tags(text: str) -> Iterator[Listing]:
    """What the expressions in tags list, and the chains that `if` and `elif` tags make."""
    open_chains: list[tuple[int, list[tuple[str, Word]]]] = []
    for found in _TAG.finditer(text):
        content = found["tag"] or found["expression"] or ""
        line = _line(text, found.start("tag") if found["tag"] else found.start())
        yield from (moved(listing, line - 1) for listing in script.read(content) if listing.what != "comparison")
        word = found["word"]
        if word in {"if", "elif"}:
            compared = [
                (subject, replace(each, line=each.line + line - 1)) for subject, each in script.compared(content)
            ]
            if word == "if":
                open_chains.append((line, []))
            if open_chains:
                open_chains[-1][1].extend(compared or [(content, Word("", line))])
        elif word == "endif" and open_chains:
            start, chain = open_chains.pop()
            yield from _chain(start, line, chain)


def _chain(start: int, end: int, chain: Sequence[tuple[str, Word]]) -> Iterator[Listing]:
    if chain:
        subject = Counter(subject for subject, _ in chain).most_common(1)[0][0]
        members: list[Member] = [{"": word} if found == subject else {} for found, word in chain]
        yield Listing("if chain", start, end, tuple(members), (), (start, end))


def moved(listing: Listing, lines: int) -> Listing:
    """The listing of a text that begins that many lines down in its file."""
    members = tuple(
        {slot: replace(word, line=word.line + lines) for slot, word in each.items()} for each in listing.members
    )
    scope = (listing.scope[0] + lines, listing.scope[1] + lines)
    return replace(listing, line=listing.line + lines, end=listing.end + lines, members=members, scope=scope)


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
