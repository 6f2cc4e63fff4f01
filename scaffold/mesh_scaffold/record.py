"""What was generated, as the project remembers it: a committed JSON file per spec, so branches don't conflict."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from mesh_descriptors.errors import MeshError, Place
from mesh_scaffold.markers import stray_line
from mesh_scaffold.steps import Fragment, Leftover

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_scaffold.tree import Tree

FORMAT = 1
FOLDER = ".mesh/record"
ATTRIBUTES_FILE = ".mesh/.gitattributes"
ATTRIBUTES = "* -text linguist-generated\n"
"""Git neither converts line endings in `.mesh/` nor shows its files in reviews."""


class RecordError(MeshError):
    """A file under `.mesh/record` is not what mesh wrote."""


@dataclass(frozen=True, slots=True)
class GeneratedFile:
    """A file of one spec as a whole.

    Attributes:
        path: which file.
        step: the step that answers for it.
        content: its content when it was generated; or, of one that was found, when the spec was adopted or changed.
        origin: "made" by the step, or "found" as somebody wrote it by hand; that is never deleted unasked.
    """

    path: str
    step: str
    content: bytes
    origin: Literal["made", "found"] = "made"


@dataclass(frozen=True, slots=True)
class Record:
    """What was generated from one spec.

    Attributes:
        kind: "post-type"; "app" for the app itself.
        name: the spec's name.
        target: the target whose steps ran.
        spec: the spec as generated, as the document that `spec.document` writes and reads; the answers for an app.
        files: the files generated as a whole, with their base text.
        fragments: the pieces of shared files that were made or found.
        leftovers: stored values that no field reads any more; `--allow-data-loss` drops them.
    """

    kind: str
    name: str
    target: str
    spec: Mapping[str, Any]
    files: tuple[GeneratedFile, ...] = ()
    fragments: tuple[Fragment, ...] = ()
    leftovers: tuple[Leftover, ...] = ()

    def to_json(self) -> str:
        """The record's file, the same bytes for the same record."""
        document = {
            "format": FORMAT,
            "kind": self.kind,
            "name": self.name,
            "target": self.target,
            "spec": self.spec,
            "files": [_file_to_json(file) for file in self.files],
            "fragments": [asdict(fragment) for fragment in self.fragments],
        }
        if self.leftovers:
            document["leftovers"] = [asdict(leftover) for leftover in self.leftovers]
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, path: str) -> Record:
        """Read a record's file.

        Raises:
            RecordError: it is no JSON, of a later format, or not a record.
        """
        if line := stray_line(text):  # no line of JSON begins so
            name = path.rpartition("/")[2].removesuffix(".json").rpartition(".")[2]
            raise RecordError(
                "has conflict markers of a merge",
                place=Place(path, line),
                remedy=f"Resolve the other files first, then: mesh record rebuild {name}",
            )
        try:
            document = json.loads(text)
            if document["format"] != FORMAT:
                raise RecordError(
                    f"has format {document['format']!r}, this mesh reads {FORMAT}",
                    place=Place(path),
                    remedy="Install the version of mesh-scaffold that wrote it, or a newer one.",
                )
            return cls(
                kind=document["kind"],
                name=document["name"],
                target=document["target"],
                spec=document["spec"],
                files=tuple(_file_from_json(file) for file in document["files"]),
                fragments=tuple(Fragment(**fragment) for fragment in document["fragments"]),
                leftovers=tuple(Leftover(**leftover) for leftover in document.get("leftovers", ())),
            )
        except (ValueError, KeyError, TypeError) as error:
            wrong = error.lineno if isinstance(error, json.JSONDecodeError) else None
            raise RecordError(
                f"is not a record that mesh wrote ({type(error).__name__}: {error})",
                place=Place(path, wrong),
                remedy="Restore the file from git; it is written by mesh only.",
            ) from error


def record_path(kind: str, name: str) -> str:
    """Where the record of that spec is, relative to the project."""
    return f"{FOLDER}/{name}.json" if kind == "app" else f"{FOLDER}/{kind}.{name}.json"


def read_record(tree: Tree, kind: str, name: str) -> Record | None:
    """The record of that spec; None when nothing was generated from it.

    Raises:
        RecordError: the file is damaged.
    """
    path = record_path(kind, name)
    text = tree.read_text(path)
    return None if text is None else Record.from_json(text, path)


def all_records(tree: Tree, kind: str) -> tuple[Record, ...]:
    """The records of that kind of spec, by name.

    Raises:
        RecordError: one of them is damaged.
    """
    names = [path.rpartition("/")[2].removesuffix(".json") for path in tree.list(FOLDER, ".json")]
    own = [name.removeprefix(f"{kind}.") for name in names if name.startswith(f"{kind}.")]
    return tuple(record for name in own if (record := read_record(tree, kind, name)))


def write_record(tree: Tree, record: Record) -> None:
    """Write the record, and what tells git how to treat such files where the project does not say it yet."""
    tree.write(record_path(record.kind, record.name), record.to_json())
    if not tree.exists(ATTRIBUTES_FILE):
        tree.write(ATTRIBUTES_FILE, ATTRIBUTES)


def _file_to_json(file: GeneratedFile) -> dict[str, str]:
    head = {"path": file.path, "step": file.step} | ({"origin": "found"} if file.origin == "found" else {})
    try:
        return head | {"text": file.content.decode("utf-8")}
    except UnicodeDecodeError:
        return head | {"base64": base64.b64encode(file.content).decode("ascii")}


def _file_from_json(document: dict[str, str]) -> GeneratedFile:
    text = document.get("text")
    content = base64.b64decode(document["base64"]) if text is None else text.encode("utf-8")
    origin: Literal["made", "found"] = "found" if document.get("origin") == "found" else "made"
    return GeneratedFile(document["path"], document["step"], content, origin)
