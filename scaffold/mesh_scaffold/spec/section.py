"""A mapping of a spec with a fixed set of keys; reading one notes what is wrong and goes on with a default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_scaffold.spec.findings import Findings, did_you_mean
from mesh_scaffold.spec.model import Name
from mesh_scaffold.spec.names import name_problem
from mesh_scaffold.spec.nodes import ListNode, MappingNode, Node, ScalarNode
from mesh_scaffold.spec.values import ValueProblem, read_scalar

if TYPE_CHECKING:
    from collections.abc import Collection

    from mesh_descriptors.errors import Place

MAX_TEXT = 2000


class Section:
    """The keys of `node`. Unknown ones are findings at once."""

    def __init__(self, node: MappingNode, known: Collection[str], findings: Findings, *, what: str) -> None:
        self.place = node.place
        self.findings = findings
        self._entries = {key.text: (key, value) for key, value in node.entries}
        for name, (key, _) in self._entries.items():
            if name not in known:
                findings.add(f"unknown key {name!r} in {what}", key.place, did_you_mean(name, known))

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def node(self, key: str) -> Node | None:
        """The value under `key`; None when the key is absent."""
        entry = self._entries.get(key)
        return entry[1] if entry else None

    def place_of(self, key: str) -> Place:
        """Where the value of `key` stands; where the section does, when the key is absent."""
        entry = self._entries.get(key)
        if entry is None:
            return self.place
        is_empty = isinstance(entry[1], ScalarNode) and entry[1].plain and not entry[1].text
        return entry[0].place if is_empty else entry[1].place  # YAML puts an empty value on the next line

    def places(self) -> dict[str, Place]:
        """Where each value stands, by key."""
        return {key: value.place for key, (_, value) in self._entries.items()}

    def refuse(self, key: str, message: str, remedy: str | None = None) -> None:
        """Note that the value of `key` is wrong."""
        self.findings.add(message, self.place_of(key), remedy)

    def text(self, key: str, *, limit: int = MAX_TEXT) -> str | None:
        """The text under `key`; None when it is absent or no text that people can read."""
        node = self.node(key)
        if node is None:
            return None
        if not isinstance(node, ScalarNode) or node.is_null or not node.text.strip():
            self.refuse(key, f"{key!r} is not text", "Write some text, or leave the key out.")
        elif len(node.text) > limit:
            self.refuse(key, f"{key!r} has {len(node.text)} characters, at most {limit} are allowed", "Shorten it.")
        else:
            return node.text
        return None

    def boolean(self, key: str, *, default: bool) -> bool:
        """The boolean under `key`."""
        value = self._scalar(key, "bool")
        return value if isinstance(value, bool) else default

    def count(self, key: str, *, least: int) -> int | None:
        """The whole number under `key`, at least `least`."""
        value = self._scalar(key, "int")
        if not isinstance(value, int):
            return None
        if not least <= value <= 2**31 - 1:
            self.refuse(key, f"{key!r} is {value}", f"Write a number from {least} to {2**31 - 1}.")
            return None
        return value

    def name(self, key: str, *languages: str, camel: bool = False) -> Name | None:
        """The identifier under `key`, reserved in none of `languages`."""
        node = self.node(key)
        if node is None:
            return None
        text = node.text if isinstance(node, ScalarNode) else ""
        if problem := name_problem(text, camel=camel, languages=languages):
            self.refuse(key, *problem)
            return None
        return Name(text)

    def one_of(self, key: str, known: Collection[str], default: str) -> str:
        """The word under `key`, one of `known`."""
        node = self.node(key)
        if node is None:
            return default
        text = node.text if isinstance(node, ScalarNode) else ""
        if text not in known:
            self.refuse(key, f"{key!r} cannot be {text!r}", did_you_mean(text, known))
            return default
        return text

    def _scalar(self, key: str, type_name: str) -> object:
        node = self.node(key)
        try:
            return None if node is None else read_scalar(type_name, node)
        except ValueProblem as problem:
            self.findings.add(f"{key!r}: {problem.message}", problem.place, problem.remedy)
            return None


def texts(section: Section, key: str) -> list[tuple[str, Place]] | None:
    """The list of words under `key` with their places; None when it is absent or no list of words."""
    node = section.node(key)
    if node is None:
        return None
    if not isinstance(node, ListNode):
        section.refuse(key, f"{key!r} is not a list", f"Write {key}: [{_shown(node)}].")
        return None
    found = []
    for item in node.items:
        if isinstance(item, ScalarNode) and item.text:
            found.append((item.text, item.place))
        else:
            section.findings.add(f"{key!r} has an item that is no text", item.place, "Write a word, or remove it.")
    return found


def _shown(node: Node) -> str:
    return node.text if isinstance(node, ScalarNode) and not node.is_null else "one, two"
