"""Changes of a type whose fields live in the payload: keys that go, are called otherwise, or hold another type."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Problem
from mesh_scaffold.render.literals import sql, sql_name
from mesh_scaffold.spec.changes import field_before, removed_fields
from mesh_scaffold.spec.model import UNSET, FieldType
from mesh_scaffold.spec.types import parse_type
from mesh_scaffold.steps import Leftover
from mesh_scaffold.targets.postgres.json_conversions import Shape, json_conversion
from mesh_scaffold.targets.postgres.misfits import VALUE, refuse_misfits
from mesh_scaffold.targets.postgres.table import of_type, refuse_unfilled

if TYPE_CHECKING:
    from mesh_descriptors.project import PostsSection
    from mesh_scaffold.spec.model import Field, PostTypeSpec
    from mesh_scaffold.targets.postgres.table import Database, TableChange

    Held = dict[str, list[str]]
    """Types of field, besides the field's own, whose values payloads may hold, by key."""


def payload_statements(old: PostTypeSpec, new: PostTypeSpec | None, database: Database, change: TableChange) -> None:
    """Drop, rename, convert and fill keys of payloads; what may not be lost stays, with a warning."""
    if new is None:
        change.warnings.append(f"The payloads of {old.enum_value} posts stay, as the posts do.")
        return
    held: Held = {}
    for each in database.leftovers:
        held.setdefault(each.name, []).extend([each.type] if each.where == "key" else [])
    _unused(old, new, held, database, change)
    for field in new.fields:
        before = field_before(old, field)
        if before and before.name != field.name:
            change.statements.append(_renamed(new, before, field, database.posts))
        if before:
            _retyped(new, before, field, held, database, change)
        if field.required and (before is None or not before.required):
            _filled(new, before, field, database.posts, change)


def _unused(old: PostTypeSpec, new: PostTypeSpec, held: Held, database: Database, change: TableChange) -> None:
    """Keys of removed fields, and those that stayed earlier, go when they may, or stay."""
    unread = {key: types for key, types in held.items() if types and old.field_named(key) is None}
    removed = removed_fields(old, new)
    unread |= {str(each.name): [*held.get(each.name, ()), str(each.type)] for each in removed}
    for key, types in unread.items():
        taker = new.field_named(key)
        if taker and field_before(old, taker) is None and set(types) == {str(taker.type)}:
            change.notices.append(f"{key} is what the payloads hold that have it still.")
        elif database.allow_data_loss:
            change.statements.append(without_key(new, database.posts, key))
        elif taker:
            change.problems.append(in_the_way(new, taker, types))
        else:
            change.leftovers += [Leftover(key, each, "key") for each in dict.fromkeys(types)]
            if key in {each.name for each in removed}:
                change.warnings.append(_stays(new, key))


def without_key(spec: PostTypeSpec, posts: PostsSection, key: str) -> str:
    """A statement that drops a key from the payloads that have it."""
    return _updating(spec, posts, f"- {sql(key)}", key)


def _stays(spec: PostTypeSpec, key: str) -> str:
    return (
        f"{key} stays in the payloads that have it, and the validator refuses changes of such posts. To drop it: "
        f"mesh update {spec.name} --allow-data-loss"
    )


def in_the_way(spec: PostTypeSpec, taker: Field, types: list[str]) -> Problem:
    """A field is to have a key under which payloads hold something else."""
    message = f"needs the key {taker.name} as {taker.type}, which payloads hold as {' or '.join(types)}"
    remedy = "Give it another name, or run the command with --allow-data-loss, which drops those values first."
    return Problem(message, spec.place("fields", taker.key), remedy)


def _retyped(
    new: PostTypeSpec, before: Field, after: Field, held: Held, database: Database, change: TableChange
) -> None:
    """Values follow their field's type; what does not fit may be lost, or else all of them stay as they are."""
    former = [*held.get(before.name, ()), str(before.type)]
    was, now = [_shape(each, after, database) for each in former], database.shape_of(after)
    posts, key = database.posts, str(after.name)
    value = f"{sql_name(posts.payload_column)} -> {sql(key)}"
    found = json_conversion(f"({value})", was, now)
    if found is None:
        return
    if found.narrows and not database.allow_data_loss:
        change.leftovers += [Leftover(key, each, "key") for each in dict.fromkeys(former) if each != str(after.type)]
        if before.type != after.type:
            change.warnings.append(
                f"{key}: the values in payloads that are there stay {before.type}, and the validator refuses changes "
                f"of posts that hold what is no {after.type}. To convert them: mesh update {new.name} --allow-data-loss"
            )
        return
    rows = f"{_holding(new, posts, key)} AND jsonb_typeof({value}) <> 'null'"
    if found.narrows and (trial := json_conversion(VALUE, was, now)):
        told = (key, str(after.type))
        change.statements.append(refuse_misfits(value, rows, trial.expression, told, posts, database.refs))
    change.statements.append(_setting(posts, f"|| jsonb_build_object({sql(key)}, {found.expression})", rows))


def _shape(type_: str, field: Field, database: Database) -> Shape:
    """What the values of a type, as a spec writes it, are as JSON; anything for one that this project has no more."""
    found = parse_type(type_, database.refs)
    return database.shape_of(replace(field, type=found)) if isinstance(found, FieldType) else Shape("jsonb")


def _renamed(spec: PostTypeSpec, before: Field, after: Field, posts: PostsSection) -> str:
    was, now, column = sql(str(before.name)), sql(str(after.name)), sql_name(posts.payload_column)
    return _updating(spec, posts, f"- {was} || jsonb_build_object({now}, {column} -> {was})", before.name)


def _filled(spec: PostTypeSpec, before: Field | None, field: Field, posts: PostsSection, change: TableChange) -> None:
    value = field.backfill if field.backfill is not UNSET else field.default
    if value is UNSET:
        refuse_unfilled(spec, before, field, change)
        return
    has = f"jsonb_strip_nulls({sql_name(posts.payload_column)}) ? {sql(str(field.name))}"
    rows = f"{of_type(spec, posts)} AND NOT {has}"
    change.statements.append(_setting(posts, f"|| {sql({str(field.name): value})}::jsonb", rows))


def _updating(spec: PostTypeSpec, posts: PostsSection, operation: str, key: str) -> str:
    """An UPDATE of the posts whose payload has the key."""
    return _setting(posts, operation, _holding(spec, posts, key))


def _setting(posts: PostsSection, operation: str, rows: str) -> str:
    column = sql_name(posts.payload_column)
    table = sql_name(posts.table)
    return f"UPDATE {table}\n    SET {column} = {column} {operation}\n    WHERE {rows};"  # noqa: S608  of literals and quoted names


def _holding(spec: PostTypeSpec, posts: PostsSection, key: str) -> str:
    return f"{of_type(spec, posts)} AND {sql_name(posts.payload_column)} ? {sql(str(key))}"
