"""What speaks against a spec in this app, and cannot be seen in the spec alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_descriptors.errors import Problem
from mesh_descriptors.plugin import MAX_LABEL
from mesh_scaffold.spec.model import MEDIA_TYPES
from mesh_scaffold.targets.python.columns import PAYLOAD
from mesh_scaffold.targets.python.editing import read_source
from mesh_scaffold.targets.python.edits import Refused, fields_of
from mesh_scaffold.targets.python.steps.feeds import listed
from mesh_scaffold.targets.python.validator_code import TAKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.targets.python.places import PythonPlaces
    from mesh_scaffold.tree import Tree

OWN = frozenset({"id", "type", "author_id", "likes", "created_at", "updated_at", PAYLOAD})
"""The columns that every post has."""


def objections_to(spec: PostTypeSpec, tree: Tree, places: PythonPlaces, project: ProjectFile) -> Iterator[Problem]:
    """Every objection, at its place in the spec."""
    if len(spec.label) > MAX_LABEL:
        message = f"the label has {len(spec.label)} characters, a plug-in descriptor holds {MAX_LABEL}"
        yield Problem(message, spec.place("label"), "Shorten it.")
    yield from _feeds(spec, tree, places)
    yield from _defaults(spec)
    if spec.storage == "columns":
        yield from _columns(spec, tree, places, project)


def _feeds(spec: PostTypeSpec, tree: Tree, places: PythonPlaces) -> Iterator[Problem]:
    feeds = listed(tree, places)
    if isinstance(feeds, Refused):
        return  # the step that edits the feeds says so, with the line
    for feed in spec.feeds:
        if feed not in feeds:
            remedy = f"{places.feed} has {', '.join(feeds) or 'none'}: choose among them, or add the feed there."
            yield Problem(f"there is no feed {feed!r}", spec.place("feeds"), remedy)


def _defaults(spec: PostTypeSpec) -> Iterator[Problem]:
    """Defaults are not sent through the validator, and media addresses end up in `src`."""
    for field in spec.fields:
        if field.type.name not in MEDIA_TYPES or not field.has_default:
            continue
        values = field.default if isinstance(field.default, tuple) else (field.default,)
        for value in values:
            is_path = value.startswith("/") and not value.startswith(("//", "/\\"))
            if not (is_path or value.startswith(("http://", "https://"))) or any(char.isspace() for char in value):
                remedy = "Write an address that begins with http:// or https://, or a path such as /static/cat.jpg."
                yield Problem(f"{value!r} is no {field.type.name}", spec.place("fields", field.key, "default"), remedy)


def _columns(spec: PostTypeSpec, tree: Tree, places: PythonPlaces, project: ProjectFile) -> Iterator[Problem]:
    own = OWN | {project.posts.type_column, project.posts.payload_column}
    source = read_source(tree, places.models)
    fields = source if isinstance(source, Refused) else fields_of(source, places.post_model)
    present = {} if isinstance(fields, Refused) else fields
    for field in spec.fields:
        column = str(spec.column_of(field))
        key = ("fields", field.key, *(["column"] if field.column else []))
        if column in own:
            yield Problem(f"the column {column!r} is every post's own", spec.place(*key), "Choose another `column:`.")
        elif column in TAKEN:
            message = f"no field of the model {places.post_model} can be called {column!r}"
            yield Problem(message, spec.place(*key), "Choose another `column:`.")
        elif column in present and field.column is None:
            message = f"there is a column {column!r} already ({places.models}:{present[column]})"
            remedy = f"Rename the field; to share the column, write `column: {column}`."
            yield Problem(message, spec.place(*key), remedy)
