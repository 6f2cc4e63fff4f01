"""A hand-written type of the python target, as the document of the spec that it would have come from."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from mesh_descriptors.errors import Place
from mesh_descriptors.plugin import PLUGIN_FILE
from mesh_scaffold.spec.names import name_problem, snake
from mesh_scaffold.steps import Holds
from mesh_scaffold.targets.adopting import AdoptedType, AdoptError
from mesh_scaffold.targets.postgres.migrations import migration_statements
from mesh_scaffold.targets.python.adopted_bounds import Bounds
from mesh_scaffold.targets.python.adopted_fields import AdoptedField, adopted_fields, other_rules
from mesh_scaffold.targets.python.columns import PAYLOAD, validator_class, validator_file
from mesh_scaffold.targets.python.editing import judge, read_source
from mesh_scaffold.targets.python.edits import Element, Refused, fields_of
from mesh_scaffold.targets.python.steps.feeds import feeds_of

if TYPE_CHECKING:
    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.targets.python.edits import Source
    from mesh_scaffold.targets.python.places import PythonPlaces
    from mesh_scaffold.tree import Tree


def adopted_type(tree: Tree, name: str, places: PythonPlaces, project: ProjectFile) -> AdoptedType:
    """Read a type from its validator, templates, feeds and descriptor.

    Raises:
        AdoptError: its validator is not there, or has a field that no spec can describe.
    """
    file, wanted = validator_file(places.validators, name), validator_class(name)
    source = read_source(tree, file)
    if isinstance(source, Refused):
        raise AdoptError(source.message, place=Place(file, source.line), remedy=source.remedy)
    is_json = _is_json(source, wanted)
    if is_json:
        wanted = wanted.replace("Validation", "Payload")
    fields = adopted_fields(source, wanted, file)
    form = tree.read_text(f"{places.forms}/{name}.html")
    adapt = _Adapter(tree, name, project, form or "", is_json=is_json)
    written: dict[str, dict[str, Any]] = {}
    notices = [f"{Place(file, line)}: a spec does not know this rule; it stays" for line in other_rules(source, wanted)]
    for each in fields:
        key, keys = adapt.field(each)
        if each.lost:
            notices.append(
                f"{Place(file, each.line)}: a spec cannot say {', '.join(each.lost)} of {each.name}; it stays"
            )
        left_out = [] if is_json else list(Bounds(tree, project, name).left_out(key, keys))
        if left_out:
            notices.append(
                f"{Place(file, each.line)}: {', '.join(left_out)} of {each.name} is not in the database, so the spec "
                "leaves it out; put it in and run mesh update for a constraint"
            )
        written[key] = keys
    document: dict[str, Any] = {"kind": "post-type", "name": name} | _descriptor(tree, name, project)
    document |= {"storage": "json"} if is_json else {}
    feeds = _feeds(tree, name, places)
    document |= {} if feeds == ["global"] else {"feeds": feeds}
    document |= {"fields": written}
    document |= {} if tree.exists(f"{places.cards}/{name}.html") else {"card": False}
    document |= {} if form is not None else {"form": False}
    return AdoptedType(document, tuple(notices))


class _Adapter:
    """Turns a validator's field into a spec's."""

    def __init__(self, tree: Tree, name: str, project: ProjectFile, form: str, *, is_json: bool) -> None:
        self._tree = tree
        self._name = name
        self._project = project
        self._form = form
        self._is_json = is_json

    def field(self, found: AdoptedField) -> tuple[str, dict[str, Any]]:
        """Its key, and what the spec says of it."""
        column = found.name
        key = column if self._is_json else column.removeprefix(f"{self._name}_")
        if name_problem(key):
            key = snake(column)
        keys = {"type": self._type(found)} | {name: value for name, value in found.keys.items() if name != "type"}
        if keys["required"]:
            del keys["required"]
        if not self._is_json and column != f"{self._name}_{key}":
            keys["column"] = column
        if label := self._label(column, key):
            keys["label"] = label
        return key, keys

    def _type(self, found: AdoptedField) -> str:
        said = str(found.keys["type"])
        if said in {"int", "string", "uuid"} and (ref := self._reference(found.name)):
            return f"ref[{ref}]"
        is_area = re.search(rf'<textarea\b[^>]*\bname="{re.escape(self._control(found.name))}"', self._form)
        return "text" if said == "string" and is_area else said.replace("uuid", "string")

    def _reference(self, column: str) -> str | None:
        """What a foreign key of the column refers to."""
        for _, statement in migration_statements(self._tree, self._project.paths.migrations):
            words = statement.words
            for position in [index for index, word in enumerate(words) if word == column]:
                after = words[position + 1 : position + 5]
                table = after[after.index("references") + 1] if "references" in after[:-1] else None
                ref = next((ref for ref, section in self._project.refs.items() if section.table == table), None)
                if self._project.posts.table in words and ref:
                    return ref
        return None

    def _control(self, name: str) -> str:
        """What the form calls the field."""
        return f"{PAYLOAD}.{name}" if self._is_json else name

    def _label(self, column: str, key: str) -> str | None:
        """The label in the form, where it is not the one that a spec has by itself."""
        found = re.search(rf'<label for="{re.escape(self._control(column))}">([^<{{]+)', self._form)
        label = found[1].strip() if found else ""
        return label if label and label != snake(key).replace("_", " ").capitalize() else None


def _is_json(source: Source, wanted: str) -> bool:
    """Whether the validator's one field is the payload, with a model of its own."""
    fields = fields_of(source, wanted)
    payload = fields_of(source, wanted.replace("Validation", "Payload"))
    return not isinstance(fields, Refused) and list(fields) == [PAYLOAD] and not isinstance(payload, Refused)


def _descriptor(tree: Tree, name: str, project: ProjectFile) -> dict[str, Any]:
    """The label and the icon of the plug-in."""
    for folder in project.paths.plugins:
        try:
            said = tomllib.loads(tree.read_text(f"{folder}/{name}/{PLUGIN_FILE}") or "")
        except tomllib.TOMLDecodeError:
            continue
        if said:
            return {key: said[key] for key in ("label", "icon") if isinstance(said.get(key), str)}
    return {}


def _feeds(tree: Tree, name: str, places: PythonPlaces) -> list[str]:
    """The feeds that list the type."""
    source = read_source(tree, places.feed)
    feeds = source if isinstance(source, Refused) else feeds_of(source, places.feeds_map)
    if isinstance(feeds, Refused):
        return []
    enum, value = places.post_type_enum, name.upper()
    return [
        feed
        for feed in feeds
        if isinstance(
            judge(tree, places.feed, [Element(places.feeds_map, f"{enum}.{value}", feed, (f'"{value}"',), enum)]), Holds
        )
    ]
