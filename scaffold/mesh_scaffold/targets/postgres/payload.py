"""Changes of a type whose fields live in the payload column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_descriptors.errors import Problem
from mesh_scaffold.render.literals import sql, sql_name
from mesh_scaffold.spec.changes import field_before, removed_fields
from mesh_scaffold.spec.model import UNSET

if TYPE_CHECKING:
    from mesh_descriptors.project import PostsSection
    from mesh_scaffold.spec.model import Field, PostTypeSpec
    from mesh_scaffold.targets.postgres.changes import Database, TableChange


def payload_statements(old: PostTypeSpec, new: PostTypeSpec | None, database: Database, change: TableChange) -> None:
    """Rename, fill and drop keys of the payloads that are there; what nobody may lose stays, with a warning."""
    posts = database.posts
    if new is None:
        change.warnings.append(f"The payloads of {old.enum_value} posts stay, as the posts do.")
        return
    for field in new.fields:
        before = field_before(old, field)
        if before and before.name != field.name:
            change.statements.append(_renamed(new, before, field, posts))
        if before and before.type != field.type:
            change.warnings.append(f"{field.name}: the values in payloads that are there stay {before.type}.")
        if field.required and (before is None or not before.required):
            _filled(new, field, posts, change)
    for field in removed_fields(old, new):
        if database.allow_data_loss:
            change.statements.append(_updating(new, posts, "{column} - {key}", field))
        else:
            change.warnings.append(
                f"{field.name} stays in the payloads that have it, and the validator refuses changes of such posts; "
                "to drop it, bring the field back and remove it again with --allow-data-loss."
            )


def _updating(spec: PostTypeSpec, posts: PostsSection, value: str, field: Field, *, lacking: bool = False) -> str:
    """An UPDATE of the posts whose payload has the field's key, or lacks it."""
    column, key = sql_name(posts.payload_column), sql(str(field.name))
    has = f"NOT jsonb_strip_nulls({column}) ? {key}" if lacking else f"{column} ? {key}"
    return (
        f"UPDATE {sql_name(posts.table)}\n"  # noqa: S608  of literals and quoted names
        f"    SET {column} = {value.format(column=column, key=key)}\n"
        f"    WHERE {sql_name(posts.type_column)}::text = {sql(str(spec.enum_value))} AND {has};"
    )


def _renamed(spec: PostTypeSpec, before: Field, after: Field, posts: PostsSection) -> str:
    now = str(sql(str(after.name)))
    return _updating(spec, posts, "{column} - {key} || jsonb_build_object(" + now + ", {column} -> {key})", before)


def _filled(spec: PostTypeSpec, field: Field, posts: PostsSection, change: TableChange) -> None:
    value = field.backfill if field.backfill is not UNSET else field.default
    if value is UNSET:
        remedy = "Give it `backfill:` (or `default:`), or `required: false`."
        message = "is required now, and the posts that are there have no value for it"
        change.problems.append(Problem(message, spec.place("fields", field.key), remedy))
        return
    document = str(sql({str(field.name): value})).replace("{", "{{").replace("}", "}}")
    change.statements.append(_updating(spec, posts, "{column} || " + document + "::jsonb", field, lacking=True))
