"""What YAML and TOML list: keys and items on lines of their own, and lists in brackets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mesh_scaffold.enumerations import script
from mesh_scaffold.enumerations.listing import Listing, Member, Word
from mesh_scaffold.enumerations.markup import moved

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMENT = re.compile(r"(^|\s)#[^\n]*")
_FLOW = re.compile(r"(?:^|[:=-]\s)\s*([\[{].*)$")
_YAML = re.compile(
    r"""(?P<indent>\s*)(?P<dash>-\s+)?(?:(?P<key>[\w.-]+|"[^"]*"|'[^']*')\s*:(?=\s|$)\s*)?(?P<value>.*)"""
)
_HEADER = re.compile(r"\[\[?\s*(?P<table>[^\[\]]+?)\s*\]\]?\s*$")
_KEY = re.compile(r"""\s*(?P<key>[\w-]+|"[^"]*"|'[^']*')\s*=""")


class _Open:
    """A block of YAML whose members stand at one indentation."""

    def __init__(self, indent: int, dash: bool, line: int, names: tuple[str, ...]) -> None:
        self.indent = indent
        self.dash = dash
        self.line = line
        self.names = names
        self.members: list[Member] = []

    def listing(self, end: int) -> Listing:
        what = "list" if self.dash else "mapping"
        return Listing(what, self.line, end, tuple(self.members), self.names, (self.line, end))


def read_yaml(text: str) -> list[Listing]:
    """Everything that a YAML document lists."""
    return [*_blocks(text), *_flows(text)]


def read_toml(text: str) -> list[Listing]:
    """Everything that a TOML document lists: arrays, the keys of a table, and tables of one parent."""
    tables: dict[str, list[tuple[int, Member]]] = {}
    table = ""
    for number, line in enumerate(_COMMENT.sub("", text).split("\n"), start=1):
        if header := _HEADER.match(line):
            table = header["table"]
            parent, _, name = table.rpartition(".")
            tables.setdefault(parent, []).append((number, {"key": Word(name.strip("\"' "), number)}))
        elif key := _KEY.match(line):
            tables.setdefault(table, []).append((number, {"key": Word(key["key"].strip("\"'"), number)}))
    found = [
        Listing("mapping", members[0][0], members[-1][0], tuple(each for _, each in members), (name,) if name else ())
        for name, members in tables.items()
    ]
    arrays = (listing for listing in script.read(_COMMENT.sub("", text)) if listing.what == "array")
    return [*found, *arrays]


def _blocks(text: str) -> Iterator[Listing]:
    stack: list[_Open] = []
    names: dict[int, str] = {}
    number = 0
    for number, line in enumerate(text.split("\n"), start=1):
        found = _YAML.match(_COMMENT.sub("", line))
        if found is None or not (found["dash"] or found["key"] or found["value"]):
            continue
        indent, dash = len(found["indent"]), found["dash"] is not None
        while stack and (stack[-1].indent > indent or (stack[-1].indent == indent and stack[-1].dash != dash)):
            yield stack.pop().listing(number - 1)
        if not stack or stack[-1].indent < indent:
            above = tuple(name for depth, name in sorted(names.items()) if depth < indent or (dash and depth == indent))
            if not _goes_on(stack, indent, dash=dash):
                stack.append(_Open(indent, dash, number, above))
        names = {depth: name for depth, name in names.items() if depth < indent}
        if found["key"]:
            names[indent + len(found["dash"] or "")] = found["key"].strip("\"'")
        _add(stack, found, number, indent)
    while stack:
        yield stack.pop().listing(number)


def _goes_on(stack: list[_Open], indent: int, *, dash: bool) -> bool:
    """Whether a line is a further key of the object that an item began."""
    return bool(stack) and stack[-1].dash and not dash and indent == stack[-1].indent + 2


def _add(stack: list[_Open], found: re.Match[str], number: int, indent: int) -> None:
    key, value = (part.strip().strip("\"'") if part else "" for part in (found["key"], found["value"]))
    block = stack[-1]
    if not block.dash:
        block.members.append({"key": Word(key, number), "value": Word(value, number)} if key else {})
    elif indent == block.indent:
        block.members.append({key: Word(value, number)} if key else {"": Word(value, number)})
    elif key and block.members:
        block.members[-1][key] = Word(value, number)


def _flows(text: str) -> Iterator[Listing]:
    """[A, B] and {a: A} that stand on one line."""
    for number, line in enumerate(text.split("\n"), start=1):
        if flow := _FLOW.search(_COMMENT.sub("", line)):
            yield from (moved(listing, number - 1) for listing in script.read(flow[1]))
