"""Reads a spec: all that is wrong with it is reported at once, each with its line, column and remedy."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from mesh_scaffold.spec.fields import read_fields, refuse_columns
from mesh_scaffold.spec.findings import Findings, SpecError, did_you_mean
from mesh_scaffold.spec.model import Name, PostTypeSpec, Storage
from mesh_scaffold.spec.model import Node as CanvasNode
from mesh_scaffold.spec.nodes import MappingNode, Node, ScalarNode, from_document, read_yaml
from mesh_scaffold.spec.section import Section, texts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mesh_descriptors.errors import Place
    from mesh_scaffold.spec.model import Field

KINDS = ("post-type", "node-type", "connector")
KEYS = ("kind", "name", "label", "icon", "storage", "feeds", "fields", "card", "form", "node", "renamed_from")
NODE_KEYS = ("width", "height")
DEFAULT_REFS = ("user", "post")


def read_spec(content: bytes, path: str, refs: Collection[str] = DEFAULT_REFS) -> PostTypeSpec:
    """Read the spec in the file `path`.

    Args:
        content: the file's bytes.
        path: its name, relative to the project; messages and `places` name it.
        refs: what `ref[...]` may name, the keys of `[refs]` in `mesh.toml`.

    Raises:
        SpecError: with every problem of the document.
    """
    return _read(read_yaml(content, path), path, refs, file_name=PurePosixPath(path).name)


def read_document(document: Mapping[str, Any], path: str, refs: Collection[str] = DEFAULT_REFS) -> PostTypeSpec:
    """Read a spec that `spec.write.to_document` wrote, as records hold it.

    Raises:
        SpecError: with every problem of the document.
    """
    return _read(from_document(document, path), path, refs, file_name=None)


def _read(node: Node, path: str, refs: Collection[str], *, file_name: str | None) -> PostTypeSpec:
    findings = Findings()
    section = _top(node, findings)
    places: dict[tuple[str, ...], Place] = {(): section.place}
    places |= {(key,): place for key, place in section.places().items()}
    name = _name(section, file_name)
    storage = _storage(section)
    fields = read_fields(section.node("fields"), section.place, findings, refs, places)
    if storage == "columns":
        refuse_columns(name, fields, findings, places)
    else:
        _refuse_column_names(fields, findings, places)
    spec = PostTypeSpec(
        name=Name(name),
        label=section.text("label", limit=200) or name.replace("_", " ").capitalize(),
        icon=section.text("icon", limit=64),
        storage=storage,
        feeds=_feeds(section),
        fields=fields,
        card=section.boolean("card", default=True),
        form=section.boolean("form", default=True),
        node=_canvas_node(section),
        renamed_from=_renamed_from(section, name),
        path=path,
        places=places,
    )
    findings.raise_any()
    return spec


def _top(node: Node, findings: Findings) -> Section:
    """The document's own section; a document of another kind has other keys, so nothing else is said about it."""
    if not isinstance(node, MappingNode):
        remedy = "Begin with 'kind: post-type', 'name:' and 'fields:'."
        raise SpecError("is not a mapping", place=node.place, remedy=remedy)
    kind = next((value for key, value in node.entries if key.text == "kind"), None)
    said = kind.text if isinstance(kind, ScalarNode) else ""
    if kind is None:
        findings.add("has no kind", node.place, "Begin with 'kind: post-type'.")
    elif said not in KINDS:
        findings.add(f"unknown kind {said!r}", kind.place, did_you_mean(said, KINDS))
    elif said != "post-type":
        findings.add(f"kind {said!r} is not there yet", kind.place, "This version of mesh generates post-type only.")
        findings.raise_any()
    return Section(node, KEYS, findings, what="the spec")


def _name(section: Section, file_name: str | None) -> str:
    if "name" not in section:
        section.findings.add("has no name", section.place, "Add 'name:', in snake_case, as the file is called.")
        return "unnamed"
    name = section.name("name", "Python", "JavaScript", "SQL")
    if name is not None and file_name not in {None, f"{name}.yaml"}:
        section.refuse("name", f"the name is {name!r} but the file is called {file_name!r}",
                       f"Rename the file to {name}.yaml, or correct the name.")  # fmt: skip
    return name or "unnamed"


def _storage(section: Section) -> Storage:
    node = section.node("storage")
    if isinstance(node, ScalarNode) and node.text == "table":
        section.refuse("storage", "storage 'table' is not there yet", "Write 'columns' or 'json'.")
        return "columns"
    return cast("Storage", section.one_of("storage", ("columns", "json"), "columns"))


def _feeds(section: Section) -> tuple[str, ...]:
    found = texts(section, "feeds")
    if found is None:
        return ("global",)
    seen: set[str] = set()
    for feed, place in found:
        if feed in seen:
            section.findings.add(f"the feed {feed!r} stands twice", place, "Remove one of the two.")
        seen.add(feed)
    return tuple(dict.fromkeys(feed for feed, _ in found))


def _canvas_node(section: Section) -> CanvasNode | None:
    node = section.node("node")
    if not isinstance(node, MappingNode):
        return CanvasNode() if section.boolean("node", default=False) else None
    inner = Section(node, NODE_KEYS, section.findings, what="'node'")
    width, height = (inner.count(key, least=1) for key in NODE_KEYS)
    return CanvasNode(width=width or CanvasNode().width, height=height)


def _renamed_from(section: Section, name: str) -> Name | None:
    old = section.name("renamed_from")
    if old == name:
        section.refuse("renamed_from", f"renamed_from is {old!r}, as the name still is", "Remove it, or correct it.")
    return old


def _refuse_column_names(
    fields: tuple[Field, ...], findings: Findings, places: Mapping[tuple[str, ...], Place]
) -> None:
    for field in fields:
        if field.column:
            findings.add("'column' does not apply to storage 'json'", places["fields", field.key, "column"],
                         "Remove it, or write storage: columns.")  # fmt: skip
