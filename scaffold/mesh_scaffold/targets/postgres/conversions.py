"""How a column's values become values of another type, and whether all of them can."""

from __future__ import annotations

from dataclasses import dataclass

WIDENINGS = frozenset({("bigint", "numeric"), ("integer", "bigint"), ("integer", "numeric"), ("date", "timestamptz")})
"""Every value of the first is one of the second. Any type but JSON also widens to text."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """An expression for `ALTER COLUMN ... TYPE ... USING`, and whether it refuses or loses some values."""

    expression: str
    narrows: bool


def conversion(column: str, was: str, now: str, *, from_list: bool, to_list: bool) -> Conversion | None:
    """How the column's values are converted; None when its type stays.

    Args:
        column: its name, quoted.
        was: its PostgreSQL type.
        now: the type that it is to have.
        from_list: whether it holds lists.
        to_list: whether it is to hold lists.
    """
    if was == now and from_list == to_list:
        return None
    if to_list and not from_list:
        return Conversion(f"CASE WHEN {column} IS NULL THEN NULL ELSE jsonb_build_array({column}) END", narrows=False)
    if from_list and now == "jsonb":
        return Conversion(f"{column} -> 0", narrows=True)
    if from_list:
        return Conversion(f"({column} ->> 0)::{now}", narrows=True)
    if was == "jsonb":
        return Conversion(f"({column} #>> '{{}}')::{now}", narrows=True)
    if now == "jsonb":
        return Conversion(f"to_jsonb({column})", narrows=False)
    if (was, now) == ("date", "timestamptz"):
        return Conversion(f"{column}::timestamp AT TIME ZONE 'UTC'", narrows=False)
    if (was, now) == ("timestamptz", "date"):
        return Conversion(f"({column} AT TIME ZONE 'UTC')::date", narrows=True)
    by_text = "::text" if "boolean" in (was, now) or now in ("date", "timestamptz") else ""
    return Conversion(f"{column}{by_text}::{now}", narrows=now != "text" and (was, now) not in WIDENINGS)
