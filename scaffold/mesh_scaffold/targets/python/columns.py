"""The columns of a type, under the names that the database, the models and the API share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place
from mesh_scaffold.spec.changes import field_before
from mesh_scaffold.spec.model import Name, PostTypeSpec
from mesh_scaffold.steps import Unknown
from mesh_scaffold.targets.python.editing import read_source, unknown
from mesh_scaffold.targets.python.edits import Refused, fields_of
from mesh_scaffold.targets.python.kinds import is_jsonb, kind_of, stored_annotation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_descriptors.project import RefSection
    from mesh_scaffold.steps import Subject
    from mesh_scaffold.targets.python.edits import Edit
    from mesh_scaffold.targets.python.kinds import Import
    from mesh_scaffold.tree import Tree

PAYLOAD = "payload"
"""The field of the models and parameters that holds the payload column."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a type.

    Attributes:
        name: its name.
        annotation: its Python type, without `| None`; None when only the name is known.
        imports: what the annotation needs.
        jsonb: whether the value is stored as JSON.
        behind: the type's other columns, the one that it follows in the spec first; none that it shares.
    """

    name: str
    annotation: str | None = None
    imports: tuple[Import, ...] = ()
    jsonb: bool = False
    behind: tuple[str, ...] = ()


def columns_of_spec(spec: PostTypeSpec, refs: Mapping[str, RefSection]) -> tuple[Column, ...]:
    """The columns that the spec gives the type; none when its fields live in the payload."""
    if spec.storage == "json":
        return ()
    names = [str(spec.column_of(field)) for field in spec.fields]
    return tuple(
        Column(
            names[index],
            stored_annotation(field, refs),
            kind_of(field.type, refs).stored_imports,
            is_jsonb(field),
            tuple(each for each in (*reversed(names[:index]), *names[index + 1 :]) if _is_own(spec, each)),
        )
        for index, field in enumerate(spec.fields)
    )


def _is_own(spec: PostTypeSpec, column: str) -> bool:
    """Whether the column is called after the type: another may be shared, and stand among other types' columns."""
    return column == spec.name or column.startswith(f"{spec.name}_")


def columns_of(
    tree: Tree, validators: str, subject: Subject, refs: Mapping[str, RefSection]
) -> tuple[Column, ...] | Unknown:
    """The columns of a type; those of a hand-written one are the fields of its validator, by name.

    A type that keeps its fields in the payload has that one column.
    """
    if subject.spec is not None:
        return columns_of_spec(subject.spec, refs) or (Column(PAYLOAD),)
    file = validator_file(validators, subject.name)
    source = read_source(tree, file)
    if isinstance(source, Refused):
        reason = f"there is no spec, and no validator to read its fields from: {source.message}"
        remedy = f"Write {file}, as other types have theirs, or a spec of the type."
        return Unknown(reason, Place(file, source.line), remedy)
    fields = fields_of(source, validator_class(subject.name))
    if isinstance(fields, Refused):
        return unknown(file, fields)
    return tuple(Column(name) for name in fields)


def renamed_columns(old: PostTypeSpec, new: PostTypeSpec) -> dict[str, str]:
    """The new names of columns whose field is called otherwise now, by their old ones."""
    if "json" in (old.storage, new.storage):
        return {}
    return {
        str(old.column_of(before)): str(new.column_of(after))
        for after in new.fields
        if (before := field_before(old, after)) and old.column_of(before) != new.column_of(after)
    }


def renamed_paths(old: PostTypeSpec, new: PostTypeSpec, edits: Sequence[Edit]) -> dict[str, str]:
    """The new syntax paths of the edits of renamed columns, by their old ones."""
    renames = renamed_columns(old, new)
    found = {}
    for path in (edit.syntax_path for edit in edits):
        for before, after in renames.items():
            for head, tail in ((".", ""), ('["', '"]')):
                if path.endswith(f"{head}{before}{tail}"):
                    found[path] = path.removesuffix(f"{head}{before}{tail}") + f"{head}{after}{tail}"
    return found


def validator_file(validators: str, name: str) -> str:
    """Where the validator of a type is."""
    return f"{validators}/{name}.py"


def validator_class(name: str) -> str:
    """What the validator of a type is called."""
    return f"{PostTypeSpec(Name(name), '', ()).class_name}Validation"
