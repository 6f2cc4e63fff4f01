"""A YAML document as nodes whose scalars are still source text, so that `on`, `12:30` and `1.10` stay what they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from ruamel.yaml.reader import ReaderError

from mesh_descriptors.errors import Place
from mesh_scaffold.spec.findings import Findings, SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_BYTES = 64 * 1024
"""A spec is a page that people read; what is larger is something else."""
MAX_DEPTH = 30
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
"""One character in two escapes, as JSON writes those beyond U+FFFF; YAML reads JSON."""


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A scalar's source text; `plain` when it stood without quotes (a number, `true`, `null` or text)."""

    text: str
    plain: bool
    place: Place

    @property
    def is_null(self) -> bool:
        """Whether YAML 1.2 reads it as null."""
        return self.plain and self.text in {"", "~", "null", "Null", "NULL"}


@dataclass(frozen=True, slots=True)
class ListNode:
    """A sequence."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A mapping whose keys are scalars, none of them twice."""

    entries: tuple[tuple[ScalarNode, Node], ...]
    place: Place


Node: TypeAlias = ScalarNode | ListNode | MappingNode


def read_yaml(content: bytes, path: str) -> Node:
    """The one YAML 1.2 document in `content`.

    Raises:
        SpecError: it is too large, no UTF-8, no YAML, empty, or uses what specs do without: anchors, aliases, tags,
            merge keys, keys that are no scalars, a key twice, several documents.
    """
    text = _decoded(content, path)
    builder = _Builder(path)
    try:
        node = builder.document(iter(YAML(typ="safe", pure=True).parse(text)))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(path, mark.line + 1, mark.column + 1) if mark else Place(path)
        what = ": ".join(part for part in (error.context, error.problem) if part)
        raise SpecError(f"is not YAML: {what}", place=place, remedy=_remedy(text, place, error)) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        remedy = "Remove the character, or write it as an escape in double quotes."
        raise SpecError(f"has the character U+{_code(error.character):04X}, which YAML does not allow",
                        place=Place(path, line), remedy=remedy) from error  # fmt: skip
    except YAMLError as error:
        raise SpecError(f"is not YAML: {error}", place=Place(path), remedy="Write it as docs/spec.md shows.") from error
    builder.findings.raise_any()
    return node


def _decoded(content: bytes, path: str) -> str:
    if len(content) > MAX_BYTES:
        size = f"{len(content)} bytes, at most {MAX_BYTES} are read"
        raise SpecError(f"is too large for a spec: {size}", place=Place(path), remedy="Is this the right file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = Place(path, content.count(b"\n", 0, error.start) + 1)
        raise SpecError("is not UTF-8 text", place=place, remedy="Save the file as UTF-8.") from error


def _character(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16", "surrogatepass").decode("utf-16")


def _code(character: str | int) -> int:
    return character if isinstance(character, int) else ord(character)


def _remedy(text: str, place: Place, error: MarkedYAMLError) -> str | None:
    if error.context_mark and "end" in str(error.problem) and "stream" in str(error.problem):
        return f"Close what was opened on line {error.context_mark.line + 1}."
    line = text.split("\n")[place.line - 1] if place.line and place.line <= text.count("\n") + 1 else ""
    if line.startswith("\t") or line.lstrip(" ").startswith("\t"):
        return "Indent with spaces; YAML does not allow tabs."
    if found := re.search(r"(?:list|ref)\[[^\]}]*\]+", line):
        return f'Put the type in quotes inside of braces: type: "{found[0]}".'
    return "Put text that holds ': ', '#', quotes or brackets in double quotes." if ":" in line else None


class _Builder:
    """Builds nodes from events; problems that leave the document readable are collected."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.findings = Findings()

    def document(self, events: Iterator[Any]) -> Node:
        node: Node | None = None
        for event in events:
            if isinstance(event, DocumentStartEvent) and node is not None:
                self.findings.add("has a second document", self._place(event), "Write one spec per file.")
                break
            if isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent | AliasEvent):
                node = self._node(event, events, 0)
            elif isinstance(event, StreamStartEvent | StreamEndEvent):
                continue
        if node is None:
            remedy = "Begin with 'kind: post-type', 'name:' and 'fields:'."
            raise SpecError("is empty, a spec was expected", place=Place(self._path, 1), remedy=remedy)
        return node

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        place = self._place(event)
        if depth > MAX_DEPTH:
            raise SpecError("is nested too deeply", place=place, remedy=f"At most {MAX_DEPTH} levels are read.")
        self._refuse_magic(event, place)
        if isinstance(event, MappingStartEvent):
            return self._mapping(events, place, depth)
        if isinstance(event, SequenceStartEvent):
            return self._list(events, place, depth)
        if isinstance(event, AliasEvent):
            return ScalarNode("", plain=False, place=place)
        text = _PAIR.sub(_character, event.value)
        self._refuse_unstorable(text, place)
        return ScalarNode(text, plain=event.style is None, place=place)

    def _list(self, events: Iterator[Any], place: Place, depth: int) -> ListNode:
        items: list[Node] = []
        while not isinstance(event := next(events), SequenceEndEvent):
            items.append(self._node(event, events, depth + 1))
        return ListNode(tuple(items), place)

    def _mapping(self, events: Iterator[Any], place: Place, depth: int) -> MappingNode:
        entries: dict[str, tuple[ScalarNode, Node]] = {}
        while not isinstance(event := next(events), MappingEndEvent):
            key = self._node(event, events, depth + 1)
            value = self._node(next(events), events, depth + 1)
            if not isinstance(key, ScalarNode):
                self.findings.add("a list or mapping as a key", key.place, "Write a word as the key.")
            elif key.plain and key.text == "<<":
                self.findings.add("a merge key ('<<')", key.place, "Write the keys out; specs have no merge keys.")
            elif first := entries.get(key.text):
                line = first[0].place.line
                self.findings.add(f"the key {key.text!r} stands twice, first on line {line}", key.place,
                                  "Remove one of the two.")  # fmt: skip
            else:
                entries[key.text] = (key, value)
        return MappingNode(tuple(entries.values()), place)

    def _refuse_magic(self, event: Any, place: Place) -> None:
        if isinstance(event, AliasEvent):
            self.findings.add(f"an alias (*{event.anchor})", place, "Write the value out; specs have no aliases.")
        elif event.anchor is not None:
            self.findings.add(f"an anchor (&{event.anchor})", place, "Remove it; specs have no anchors.")
        if getattr(event, "tag", None) is not None:
            self.findings.add(f"a tag ({event.tag})", place, "Remove it; a field's type says how a value is read.")

    def _refuse_unstorable(self, text: str, place: Place) -> None:
        for char in text:
            if char == "\0" or "\ud800" <= char <= "\udfff":
                self.findings.add(f"the character U+{ord(char):04X}, which no text in PostgreSQL can hold", place,
                                  "Remove the escape.")  # fmt: skip
                return

    def _place(self, event: Any) -> Place:
        return Place(self._path, event.start_mark.line + 1, event.start_mark.column + 1)


def from_document(document: Mapping[str, Any], path: str) -> Node:
    """The nodes of a document of plain values, as a record holds it; nothing but the file's name is known of places."""
    return _from_value(document, Place(path))


def _from_value(value: Any, place: Place) -> Node:
    match value:
        case dict():
            entries = ((ScalarNode(str(key), plain=False, place=place), item) for key, item in value.items())
            return MappingNode(tuple((key, _from_value(item, place)) for key, item in entries), place)
        case list() | tuple():
            return ListNode(tuple(_from_value(item, place) for item in value), place)
        case None | bool():
            return ScalarNode({None: "null", True: "true", False: "false"}[value], plain=True, place=place)
        case int() | float():
            return ScalarNode(repr(value), plain=True, place=place)
    return ScalarNode(str(value), plain=False, place=place)
