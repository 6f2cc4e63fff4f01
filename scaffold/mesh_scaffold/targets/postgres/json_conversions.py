"""How JSON values of one field type become values of another: in payloads, and the items of lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_scaffold.targets.postgres.conversions import WIDENINGS, Conversion

if TYPE_CHECKING:
    from collections.abc import Collection

_AS_TEXT = frozenset({"text", "uuid", "date", "timestamptz", "numeric"})
"""Types whose values are JSON strings; decimals are, so that no digit is lost."""
_WHOLE = frozenset({"bigint", "integer"})
_FRACTIONS = frozenset({"numeric", "double precision"})


@dataclass(frozen=True, slots=True)
class Shape:
    """What a field's JSON is: the PostgreSQL type of a value, or of each item of a list."""

    item: str
    is_list: bool = False


def json_conversion(value: str, was: Collection[Shape], now: Shape) -> Conversion | None:
    """How a JSON value is rewritten, which is not null; None when every such value will do as it is.

    A value that is as it is to be already stays so.

    Args:
        value: an expression for it.
        was: what it may be.
        now: what it is to be.
    """
    others = [each for each in was if not _serves(each, now)]
    if not others:
        return None
    fractions = any(each.item in _FRACTIONS for each in others)
    from_list = any(each.is_list for each in others)
    narrows = any(_narrows(each, now) for each in others)
    return Conversion(_rewritten(value, now, fractions=fractions, from_list=from_list), narrows)


def _serves(was: Shape, now: Shape) -> bool:
    """Whether all values of the one are values of the other, in the same letters."""
    if now.item == "jsonb":
        return was.is_list or not now.is_list
    same = was.item == now.item or (now.item == "text" and was.item in _AS_TEXT)
    return was.is_list == now.is_list and (same or (was.item in _WHOLE and now.item in _WHOLE | {"double precision"}))


def _narrows(was: Shape, now: Shape) -> bool:
    """Whether some values of the one are none of the other."""
    if was.is_list and not now.is_list:
        return True
    if now.item in ("text", "jsonb"):
        return was.item == "jsonb" != now.item
    return was.item != now.item and (was.item, now.item) not in WIDENINGS


def _rewritten(value: str, now: Shape, *, fractions: bool, from_list: bool) -> str:
    one = _scalar(value, now.item, fractions=fractions)
    if not now.is_list and not from_list:
        return one
    if not now.is_list:
        first = _scalar(f"({value} -> 0)", now.item, fractions=fractions)
        return f"CASE jsonb_typeof({value}) WHEN 'array' THEN {first} ELSE {one} END"
    item = _scalar("item", now.item, fractions=fractions)
    items = (
        f"(SELECT coalesce(jsonb_agg({item} ORDER BY place), '[]') "  # noqa: S608  of expressions of ours
        f"FROM jsonb_array_elements({value}) WITH ORDINALITY AS items (item, place))"
    )
    return f"CASE jsonb_typeof({value}) WHEN 'array' THEN {items} ELSE jsonb_build_array({one}) END"


def _scalar(value: str, now: str, *, fractions: bool) -> str:
    """A single value, by way of PostgreSQL's own type: what is none of it is refused by the cast."""
    text = f"({value} #>> '{{}}')"
    if now == "jsonb":
        return value
    if now == "date":
        # A moment's day is its day in UTC; a date is one in every zone.
        return f"to_jsonb(({text}::timestamptz AT TIME ZONE 'UTC')::date)"
    if now == "timestamptz":
        return f"to_jsonb((to_jsonb({text}::timestamptz AT TIME ZONE 'UTC') #>> '{{}}') || 'Z')"
    if now == "numeric":
        return f"to_jsonb({text}::numeric::text)"
    if now in _WHOLE and fractions:
        return f"to_jsonb({text}::numeric::{now})"
    return f"to_jsonb({text}::{now})"
