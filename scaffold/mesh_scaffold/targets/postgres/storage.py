"""A type whose fields are stored otherwise now: their values move into the payload, or into columns of their own.

All of it is one migration, which is one transaction: every post moves, or none does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place
from mesh_scaffold.render.literals import sql, sql_name
from mesh_scaffold.spec.changes import field_before, removed_fields
from mesh_scaffold.targets.postgres.column_changes import column_statements, index_of
from mesh_scaffold.targets.postgres.earlier import family, taken
from mesh_scaffold.targets.postgres.misfits import VALUE, refuse_misfits, refuse_posts
from mesh_scaffold.targets.postgres.payload import in_the_way, payload_statements, without_key
from mesh_scaffold.targets.postgres.references import reference
from mesh_scaffold.targets.postgres.table import dropping, of_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_scaffold.spec.model import Field, PostTypeSpec
    from mesh_scaffold.targets.postgres.table import Database, TableChange

_INFINITE = {"double precision", "numeric"}
"""Types that hold NaN and the infinities, which JSON has not."""


def storage_statements(old: PostTypeSpec, new: PostTypeSpec, database: Database, change: TableChange) -> None:
    """What goes is dropped as it is stored now; what stays moves; then it is changed as it is stored from then on."""
    gone = {each.name for each in removed_fields(old, new)}
    after = {before.name: field for field in new.fields if (before := field_before(old, field))}
    fields = tuple(each for each in old.fields if each.name not in gone)
    staying = replace(old, fields=fields, path=new.path, places=new.places)
    if new.storage == "json":
        column_statements(old, staying, database, change)
        between = replace(staying, storage="json", fields=tuple(replace(each, column=None) for each in fields))
        payload_statements(between, new, _into_payload(staying, new, database, change), change)
    else:
        payload_statements(old, staying, database, change)
        named = tuple(replace(each, column=new.column_of(after[each.name])) for each in fields)
        between = replace(staying, storage="columns", fields=named)
        column_statements(between, new, _into_columns(between, new, database, change), change)


def _into_payload(spec: PostTypeSpec, new: PostTypeSpec, database: Database, change: TableChange) -> Database:
    """Values move from columns into the payload, then the type's own columns go; returns what the database is then."""
    posts, names = database.posts, [str(each.name) for each in spec.fields]
    in_way = [each for each in database.leftovers if each.where == "key" and each.name in names]
    for key in dict.fromkeys(each.name for each in in_way):
        if database.allow_data_loss:
            change.statements.append(without_key(new, posts, key))
        elif field := new.field_named(key) or next(iter(new.fields), None):
            change.problems.append(in_the_way(new, field, [each.type for each in in_way if each.name == key]))
    change.statements += _refused_in_payload(spec, database)
    payload, table = sql_name(posts.payload_column), sql_name(posts.table)
    added = "".join(f"\n        || {_entry(spec, each, database)}" for each in spec.fields)
    change.statements.append(
        f"UPDATE {table}\n    SET {payload} = coalesce({payload}, '{{}}'){added}\n    WHERE {of_type(new, posts)};"  # noqa: S608  of literals and quoted names
    )
    own = [each for each in spec.fields if each.column is None and spec.column_of(each) not in database.shared]
    change.warnings += [
        f"The column {posts.table}.{spec.column_of(each)} stays: it may be shared."
        for each in spec.fields
        if each not in own
    ]
    change.statements += _dropped(spec, own, database)
    change.notices.append(f"The values of {new.enum_value} posts move into their payloads.")
    change.notices += [
        f"{each.name} has no foreign key any more: PostgreSQL has none in payloads."
        for each in spec.fields
        if each.type.single_ref
    ]
    return replace(database, leftovers=tuple(each for each in database.leftovers if each not in in_way))


def _refused_in_payload(spec: PostTypeSpec, database: Database) -> Iterator[str]:
    """Payloads that hold something already, and values that JSON has not."""
    posts, own = database.posts, of_type(spec, database.posts)
    payload = sql_name(posts.payload_column)
    keys = ", ".join(sql(str(each.name)) for each in spec.fields)
    if keys:
        rows = f"{own} AND (jsonb_typeof({payload}) <> 'object' OR {payload} ?| ARRAY[{keys}])"
        yield refuse_posts(payload, rows, "posts whose payload is taken", posts, database.refs)
    for each in spec.fields:
        column, kind = sql_name(spec.column_of(each)), database.column_type(each)
        rows = f"{column}::text IN ('NaN', 'Infinity', '-Infinity')" if kind in _INFINITE else f"NOT isfinite({column})"
        if kind in {*_INFINITE, "date", "timestamptz"}:
            told = f"posts whose {each.name} has no place in JSON"
            yield refuse_posts(column, f"{own} AND {rows}", told, posts, database.refs)


def _entry(spec: PostTypeSpec, field: Field, database: Database) -> str:
    """A field as a JSON object, empty where a post has no value; as the app writes it."""
    column, kind = sql_name(spec.column_of(field)), database.column_type(field)
    value = f"to_jsonb({column})"
    if kind == "jsonb":
        value = str(column)
    elif kind == "numeric":
        value = f"to_jsonb({column}::text)"
    elif kind == "timestamptz":
        value = f"to_jsonb((to_jsonb({column} AT TIME ZONE 'UTC') #>> '{{}}') || 'Z')"
    return f"CASE WHEN {column} IS NULL THEN '{{}}' ELSE jsonb_build_object({sql(str(field.name))}, {value}) END"


def _dropped(spec: PostTypeSpec, own: Sequence[Field], database: Database) -> Iterator[str]:
    """The columns that nobody needs any more, unless posts of other types have values there."""
    posts = database.posts
    for each in own:
        column = spec.column_of(each)
        rows = f"NOT ({of_type(spec, posts)}) AND {sql_name(column)} IS NOT NULL"
        yield refuse_posts(sql_name(column), rows, f"posts of other types that hold {column}", posts, database.refs)
    yield from dropping(posts.table, [spec.column_of(each) for each in own])


def _into_columns(spec: PostTypeSpec, new: PostTypeSpec, database: Database, change: TableChange) -> Database:
    """Values move from the payload into columns; returns what the database is then."""
    names = {str(each.name) for each in spec.fields}
    change.leftovers[:] = [each for each in change.leftovers if each.where != "key" or each.name not in names]
    columns, left = dict(database.columns), database.leftovers
    table = database.posts.table
    for each in spec.fields:
        column, kind = str(spec.column_of(each)), database.column_type(each)
        stayed = next((one for one in left if one.where == "column" and one.name == column), None)
        if stayed and family(stayed.type) != family(kind) and database.allow_data_loss:
            change.statements += dropping(table, [column])
            left = tuple(one for one in left if one != stayed)
            columns.pop(column, None)
        if problem := taken(spec, each, kind, table, columns, may_be_dropped=stayed is not None):
            change.problems.append(problem)
        change.statements += _refused_in_columns(spec, each, database)
        definition = f"{sql_name(column)} {kind} {reference(each, database.refs)}".rstrip()
        change.statements.append(f"ALTER TABLE {sql_name(table)}\n    ADD COLUMN IF NOT EXISTS {definition};")
        columns[column] = (kind.partition(" ")[0], Place(new.path))
    change.statements += [
        _moved(spec, database),
        *(index_of(spec, each, database) for each in spec.fields if each.type.single_ref),
    ]
    change.notices.append(f"The values of {new.enum_value} posts move from their payloads into columns.")
    return replace(database, columns=columns, leftovers=left)


def _refused_in_columns(spec: PostTypeSpec, field: Field, database: Database) -> Iterator[str]:
    """Values that are none of the column's type, and references to what is not there."""
    posts, key = database.posts, sql(str(field.name))
    value = f"{sql_name(posts.payload_column)} -> {key}"
    rows = f"{of_type(spec, posts)} AND jsonb_typeof({value}) <> 'null'"
    converted = f"jsonb_array_length({VALUE})" if field.type.is_list else _from_json(VALUE, field, database)
    if field.type.is_list or database.column_type(field) not in {"text", "jsonb"}:
        told = (str(field.name), str(field.type))
        yield refuse_misfits(value, rows, converted, told, posts, database.refs)
    if name := field.type.single_ref:
        ref = database.refs[name]
        own = f"{sql_name(posts.table)}.{sql_name(posts.payload_column)} -> {key}"
        found = f"{sql_name('referred')}.{sql_name(ref.column)} = {_from_json(f'({own})', field, database)}"
        missing = f"NOT EXISTS (SELECT FROM {sql_name(ref.table)} AS referred WHERE {found})"
        told_of = f"posts whose {field.name} refers to what is not there"
        yield refuse_posts(value, f"{rows} AND {missing}", told_of, posts, database.refs)


def _moved(spec: PostTypeSpec, database: Database) -> str:
    """All values into their columns, where none is left of what they held before; what else payloads hold stays."""
    posts = database.posts
    payload = sql_name(posts.payload_column)
    fields = [(each, f"({payload} -> {sql(str(each.name))})") for each in spec.fields]
    sets = [f"{sql_name(spec.column_of(each))} = {_from_json(value, each, database)}" for each, value in fields]
    keys = ", ".join(sql(str(each.name)) for each in spec.fields)
    sets.append(f"{payload} = nullif({payload} - ARRAY[{keys}]::text[], '{{}}')")
    setting = ",\n        ".join(sets)
    return f"UPDATE {sql_name(posts.table)}\n    SET {setting}\n    WHERE {of_type(spec, posts)};"  # noqa: S608  of literals and quoted names


def _from_json(value: str, field: Field, database: Database) -> str:
    kind = database.column_type(field)
    if kind == "jsonb":
        return f"nullif({value}, 'null')"
    return f"({value} #>> '{{}}')" + (f"::{kind}" if kind != "text" else "")
