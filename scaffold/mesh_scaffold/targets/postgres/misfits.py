"""Before values are converted: a statement that names the posts whose value is none of the new type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_scaffold.render.literals import sql, sql_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_descriptors.project import PostsSection, RefSection

VALUE = "post.value"
"""What a value is called where it is converted on trial."""
_REMEDY = "Change or clear these values, then apply the migration again; or take it back: mesh undo."
_TRIED = """\
DO $mesh$
DECLARE
    post record;
    misfits text[] := '{{}}';
BEGIN
    FOR post IN SELECT {key} AS key, {value} AS value FROM {table} WHERE {rows} LOOP
        BEGIN
            PERFORM {converted};
        EXCEPTION WHEN data_exception THEN
            misfits := misfits || format('%s holds %s', post.key, left(post.value::text, 60));
        END;
    END LOOP;
"""
_COUNTED = """\
DO $mesh$
DECLARE
    misfits text[];
BEGIN
    SELECT array_agg(format('%s holds %s', {key}, left(({value})::text, 60))) INTO misfits FROM {table} WHERE {rows};
"""
_REFUSED = """\
    IF cardinality(misfits) > 0 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'data_exception',
            MESSAGE = format({message}, cardinality(misfits)),
            DETAIL = array_to_string(misfits[:10] || CASE WHEN misfits[11] <> '' THEN '...' END, '; '),
            HINT = {remedy};
    END IF;
END
$mesh$;"""


def refuse_misfits(
    value: str, rows: str, converted: str, told: tuple[str, str], posts: PostsSection, refs: Mapping[str, RefSection]
) -> str:
    """A statement that fails while posts hold what cannot be converted, and lists the first ten of them.

    Args:
        value: an expression for the value of a post.
        rows: which posts have one.
        converted: how it is converted, told of `VALUE`.
        told: what the field is called, and the type that it is to have.
        posts: the table.
        refs: what says how its rows are known.
    """
    found = _TRIED.format(**_posts(value, rows, posts, refs), converted=converted)
    return found + _refused(f"posts whose {told[0]} cannot become {told[1]}")


def refuse_posts(value: str, rows: str, told: str, posts: PostsSection, refs: Mapping[str, RefSection]) -> str:
    """A statement that fails while there are such posts, and lists the first ten of them.

    Args:
        value: an expression for what is shown of a post.
        rows: which posts there must not be.
        told: what they are called.
        posts: the table.
        refs: what says how its rows are known.
    """
    return _COUNTED.format(**_posts(value, rows, posts, refs)) + _refused(told)


def _posts(value: str, rows: str, posts: PostsSection, refs: Mapping[str, RefSection]) -> dict[str, str]:
    """Which posts are looked at, what of them, and by what a person knows them."""
    key = next((ref.column for ref in refs.values() if ref.table == posts.table), "ctid")
    return {"key": sql_name(key), "value": value, "table": sql_name(posts.table), "rows": rows}


def _refused(told: str) -> str:
    return _REFUSED.format(message=sql(f"{told}: %s"), remedy=sql(_REMEDY))
