"""How the type of a field is written: a word, `ref[...]`, or `list[...]` of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mesh_scaffold.spec.findings import did_you_mean
from mesh_scaffold.spec.model import SCALAR_TYPES, FieldType

if TYPE_CHECKING:
    from collections.abc import Collection

_AROUND = re.compile(r"\s*([A-Za-z_]+)\s*\[(.*)\]\s*", re.DOTALL)
_ALIASES = {"str": "string", "integer": "int", "number": "float", "boolean": "bool", "timestamp": "datetime",
            "link": "url", "uri": "url", "picture": "image", "photo": "image", "numeric": "decimal",
            "object": "json", "array": "list[string]", "list": "list[string]", "ref": "ref[user]",
            "markdown": "text", "choice": "enum"}  # fmt: skip
"""What people write for a type that is called otherwise; never accepted, only understood in a remedy."""


def parse_type(text: str, refs: Collection[str]) -> FieldType | tuple[str, str]:
    """The type that `text` says, or what is wrong with it and the remedy.

    Args:
        text: as it is written in a spec.
        refs: what may be referred to.
    """
    if found := _AROUND.fullmatch(text):
        outer, inner = found[1], found[2].strip()
        if outer == "ref":
            return _reference(inner, refs)
        if outer == "list":
            return _list(inner, refs)
    word = text.strip()
    if word in SCALAR_TYPES:
        return FieldType(word)
    return f"unknown type {text!r}", _instead(word)


def _reference(inner: str, refs: Collection[str]) -> FieldType | tuple[str, str]:
    if inner in refs:
        return FieldType("ref", ref=inner)
    remedy = did_you_mean(inner, sorted(refs)) + " More can be named in mesh.toml: [refs.<name>]."
    return f"ref[{inner}] refers to nothing that this project has", remedy


def _list(inner: str, refs: Collection[str]) -> FieldType | tuple[str, str]:
    item = parse_type(inner, refs)
    if isinstance(item, tuple):
        return item
    if item.is_list:
        return "a list of lists", "Use a list of json, or json."
    return FieldType(item.name, is_list=True, ref=item.ref)


def _instead(word: str) -> str:
    if alias := _ALIASES.get(word.lower()):
        return f"Write {alias!r}. Known: {_known()}."
    return did_you_mean(word, [*SCALAR_TYPES, "ref[user]", "ref[post]", "list[...]"])


def _known() -> str:
    return ", ".join([*SCALAR_TYPES, "ref[user]", "ref[post]", "list[...]"])
