"""What a type of the python target asks of the database, and where it asks."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place
from mesh_scaffold.steps import Unknown
from mesh_scaffold.targets.postgres.asked import AskedCheck, AskedColumn, AskedReference
from mesh_scaffold.targets.postgres.constraints import constraints_of
from mesh_scaffold.targets.python.columns import PAYLOAD, columns_of
from mesh_scaffold.targets.python.editing import read_source
from mesh_scaffold.targets.python.edits import Refused
from mesh_scaffold.targets.python.edits.find import find_class
from mesh_scaffold.targets.python.kinds import column_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Subject
    from mesh_scaffold.targets.postgres.asked import Asked
    from mesh_scaffold.targets.python.places import PythonPlaces
    from mesh_scaffold.tree import Tree

_STORED = {
    "str": "text", "int": "whole number", "float": "number", "Decimal": "numeric", "bool": "boolean", "date": "date",
    "datetime": "timestamptz", "UUID": "uuid", "list": "json", "dict": "json", "JsonValue": "json",
}  # fmt: skip
"""What a field of the post model needs of its column; other annotations tell nothing."""


def asked_by_spec(spec: PostTypeSpec, project: ProjectFile) -> Iterator[Asked]:
    """The columns, constraints and foreign keys of a spec."""
    if spec.storage == "json":
        yield AskedColumn(project.posts.payload_column, "jsonb", spec.place("storage"))
        for check in constraints_of(spec, project.posts):
            yield AskedCheck(check.name, check.condition, project.posts.payload_column, spec.place("fields"))
        return
    for field in spec.fields:
        place, column = spec.place("fields", field.key), str(spec.column_of(field))
        yield AskedColumn(column, column_type(field, project.refs), place)
        for check in constraints_of(replace(spec, fields=(field,)), project.posts):
            yield AskedCheck(check.name, check.condition, column, place)
        if name := field.type.single_ref:
            ref = project.refs[name]
            yield AskedReference(column, ref.table, ref.column, place)


def asked_by_models(tree: Tree, subject: Subject, places: PythonPlaces, project: ProjectFile) -> Iterator[Asked]:
    """The columns of a hand-written type, with the types that the post model has for them."""
    columns = columns_of(tree, places.validators, subject, project.refs)
    source = read_source(tree, places.models)
    if isinstance(columns, Unknown) or isinstance(source, Refused):
        return  # a step says so
    model = find_class(source, places.post_model)
    fields = [] if isinstance(model, Refused) else [each for each in model.body if isinstance(each, ast.AnnAssign)]
    stored = {each.target.id: each for each in fields if isinstance(each.target, ast.Name)}
    for column in columns:
        if found := stored.get(column.name):
            name = project.posts.payload_column if column.name == PAYLOAD else column.name
            yield AskedColumn(name, _stored(found.annotation), Place(places.models, found.lineno))


def _stored(annotation: ast.expr) -> str | None:
    """The type of column that an annotation such as `str | None` needs."""
    if isinstance(annotation, ast.BinOp):
        return _stored(annotation.left)
    if isinstance(annotation, ast.Subscript):
        return _stored(annotation.slice if getattr(annotation.value, "id", "") == "Optional" else annotation.value)
    return _STORED.get(getattr(annotation, "id", ""))
