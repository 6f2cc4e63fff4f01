"""Reads the fields of a spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_scaffold.spec.bounds import Bounds, read_bounds, read_value
from mesh_scaffold.spec.model import Field, FieldType, Name
from mesh_scaffold.spec.names import MAX_BYTES, SYSTEM_COLUMNS, name_problem, snake
from mesh_scaffold.spec.nodes import MappingNode, Node, ScalarNode
from mesh_scaffold.spec.section import Section
from mesh_scaffold.spec.types import parse_type

if TYPE_CHECKING:
    from collections.abc import Collection

    from mesh_descriptors.errors import Place
    from mesh_scaffold.spec.findings import Findings

KEYS = ("type", "required", "default", "min", "max", "min_length", "max_length", "min_items", "max_items", "pattern",
        "values", "label", "help", "column", "renamed_from", "backfill")  # fmt: skip
MAX_FIELDS = 200
LANGUAGES = ("Python", "JavaScript")
"""In which a field's name must not be reserved; in SQL it stands behind the type's name."""


def read_fields(
    node: Node | None, place: Place, findings: Findings, refs: Collection[str], places: dict[tuple[str, ...], Place]
) -> tuple[Field, ...]:
    """The fields under `fields`; what is wrong becomes a finding, where things stand goes into `places`."""
    remedy = "Add at least one: fields: {title: {type: string}}."
    if not isinstance(node, MappingNode) or not node.entries:
        wrong = "no fields" if node is None or (isinstance(node, MappingNode)) else "'fields' is not a mapping"
        findings.add(wrong, node.place if node else place, remedy)
        return ()
    if len(node.entries) > MAX_FIELDS:
        findings.add(f"{len(node.entries)} fields, at most {MAX_FIELDS} are allowed", node.place, "Use a json field.")
        return ()
    fields: dict[str, Field] = {}
    for key, value in node.entries:
        places[("fields", key.text)] = key.place
        field = _read_field(key, value, findings, refs, places)
        if field is None:
            continue
        if first := fields.get(field.name):
            findings.add(f"the fields {first.key!r} and {key.text!r} are both {field.name!r} in generated code",
                         key.place, "Rename one of the two.")  # fmt: skip
            continue
        fields[field.name] = field
    _refuse_impossible_renames(fields, findings, places)
    return tuple(fields.values())


def _read_field(
    key: ScalarNode, node: Node, findings: Findings, refs: Collection[str], places: dict[tuple[str, ...], Place]
) -> Field | None:
    problem = name_problem(key.text, camel=True, languages=LANGUAGES)
    if problem:
        findings.add(problem[0], key.place, problem[1])
    if not isinstance(node, MappingNode):
        said = node.text if isinstance(node, ScalarNode) and not node.is_null else "string"
        findings.add(f"the field {key.text!r} is not a mapping", node.place, f"Write {key.text}: {{type: {said}}}.")
        return None
    section = Section(node, KEYS, findings, what=f"the field {key.text!r}")
    places |= {("fields", key.text, name): place for name, place in section.places().items()}
    field_type = _read_type(section, key, refs)
    if field_type is None:
        return None
    field = _field(section, key.text, field_type, read_bounds(section, field_type))
    return None if problem else field


def _read_type(section: Section, key: ScalarNode, refs: Collection[str]) -> FieldType | None:
    node = section.node("type")
    if node is None:
        section.findings.add(f"the field {key.text!r} has no type", key.place, "Add type: string, for example.")
        return None
    if not isinstance(node, ScalarNode):
        section.refuse("type", "the type is no word", 'Put it in quotes: type: "list[string]".')
        return None
    found = parse_type(node.text, refs)
    if isinstance(found, FieldType):
        return found
    section.refuse("type", *found)
    return None


def _field(section: Section, key: str, field_type: FieldType, bounds: Bounds) -> Field:
    name = Name(snake(key))
    renamed_from = section.name("renamed_from", camel=True)
    return Field(
        key=key,
        name=name,
        type=field_type,
        label=section.text("label", limit=200) or name.replace("_", " ").capitalize(),
        required=section.boolean("required", default=True),
        default=read_value(section, "default", field_type, bounds),
        min=bounds.min,
        max=bounds.max,
        min_length=bounds.min_length,
        max_length=bounds.max_length,
        min_items=bounds.min_items,
        max_items=bounds.max_items,
        pattern=bounds.pattern,
        values=bounds.values,
        help=section.text("help"),
        column=section.name("column", "SQL", "Python"),
        renamed_from=Name(snake(renamed_from)) if renamed_from else None,
        backfill=read_value(section, "backfill", field_type, bounds),
    )


def _refuse_impossible_renames(
    fields: dict[str, Field], findings: Findings, places: dict[tuple[str, ...], Place]
) -> None:
    for field in fields.values():
        if field.renamed_from in fields:
            message = f"the field {field.key!r} says that it was {field.renamed_from!r}, which is still a field"
            place = places["fields", field.key, "renamed_from"]
            findings.add(message, place, "Remove renamed_from, or the other field.")


def refuse_columns(
    type_name: str, fields: tuple[Field, ...], findings: Findings, places: dict[tuple[str, ...], Place]
) -> None:
    """Note columns that PostgreSQL would cut off, those that it has itself, and two fields that share one."""
    owners: dict[str, Field] = {}
    for field in fields:
        column = field.column or f"{type_name}_{field.name}"
        place = places["fields", field.key]
        if len(column.encode("utf-8")) > MAX_BYTES:
            findings.add(f"the column {column!r} has {len(column)} bytes, PostgreSQL keeps {MAX_BYTES}", place,
                         "Shorten the field's name, or name the column: column: shorter.")  # fmt: skip
        if column in SYSTEM_COLUMNS:
            findings.add(f"PostgreSQL has a column {column!r} of its own in every table",
                         places["fields", field.key, "column"],
                         "Name another column, or leave 'column' out.")  # fmt: skip
        if first := owners.get(column):
            findings.add(f"the fields {first.key!r} and {field.key!r} share the column {column!r}", place,
                         "Name another column, or leave 'column' out.")  # fmt: skip
        owners[column] = field
