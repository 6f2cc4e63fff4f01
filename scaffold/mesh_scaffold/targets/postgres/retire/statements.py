"""The statements that drop and recreate what the catalogue has: each knows its own way back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mesh_scaffold.targets.postgres.retire.catalogue import Row

_ENABLED = {"D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


@dataclass(frozen=True, slots=True)
class Replaced:
    """Something that goes before the swap and comes back after it.

    Attributes:
        described: as PostgreSQL describes it.
        drop: the statement that takes it away.
        create: the statements that bring it back, in order.
        right: which rights and owner it has to be given back: (kind, name, what GRANT calls it, column).
        predicate: of an index: the condition of the rows that it holds.
    """

    described: str
    drop: str | None
    create: tuple[str, ...]
    right: tuple[str, str, str, str] | None = None
    predicate: str | None = None


def constraint(row: Row) -> Replaced:
    """A CHECK, a key, an exclusion or a foreign key."""
    table, name = row["table"], row["name"]
    create = [f"ALTER TABLE {table} ADD CONSTRAINT {name} {row['definition']}"]
    create += _comment(row, f"CONSTRAINT {name} ON {table}")
    create += _marks(row, name)
    return Replaced(row["described"], f"ALTER TABLE {table} DROP CONSTRAINT {name}", tuple(create))


def index(row: Row) -> Replaced:
    """An index; that of a partition is attached to its parent again."""
    definition = str(row["definition"])
    if row["tablespace"]:
        head, where, rest = definition.partition(" WHERE ")
        definition = f"{head} TABLESPACE {row['tablespace']}{where}{rest}"
    create = [definition, *_comment(row, f"INDEX {row['name']}"), *_marks(row, row["bare"])]
    if row["parent"]:
        create.append(f"ALTER INDEX {row['parent']} ATTACH PARTITION {row['name']}")
    drop = None if row["parent"] else f"DROP INDEX {row['name']}"
    return Replaced(row["described"], drop, tuple(create), predicate=row["predicate"])


def default(row: Row) -> Replaced:
    """A column's default, without those of partitions."""
    at = f"ALTER TABLE ONLY {row['table']} ALTER COLUMN {row['name']}"
    described = f"default of column {row['name']} of table {row['table']}"
    create = (f"{at} SET DEFAULT {row['expression']}",)
    return Replaced(described, f"{at} DROP DEFAULT", create)


def generated(row: Row) -> Replaced:
    """A generated column, which comes back as the table's last."""
    table, name = row["table"], row["name"]
    create = (
        f"ALTER TABLE {table} ADD COLUMN {name} {row['definition']}",
        *_comment(row, f"COLUMN {table}.{name}"),
    )
    return Replaced(
        f"generated column {name} of table {table}",
        f"ALTER TABLE {table} DROP COLUMN {name}",
        create,
        ("COLUMN", table, "TABLE", name),
    )


def attached(row: Row) -> Replaced:
    """A rule, a trigger, a policy, or extended statistics."""
    kind, name, table = row["kind"], row["name"], row["table"]
    on = "" if kind == "STATISTICS" else f" ON {table}"
    create = [str(row["definition"]), *_comment(row, f"{kind} {name}{on}")]
    if enabled := _ENABLED.get(row["enabled"]):
        create.append(f"ALTER TABLE {table} {enabled} {kind} {name}")
    right = (kind, name, "", "") if kind == "STATISTICS" else None
    return Replaced(row["described"], f"DROP {kind} {name}{on}", tuple(create), right)


def view(row: Row, parts: Iterable[Replaced]) -> Replaced:
    """A view, with the rules, triggers and indexes that it has."""
    name, kind = row["name"], row["kind"]
    options = f" WITH ({row['options']})" if row["options"] else ""
    place = f" TABLESPACE {row['tablespace']}" if row["tablespace"] else ""
    data = " WITH NO DATA" if kind == "MATERIALIZED VIEW" and not row["populated"] else ""
    create = [f"CREATE {kind} {name}{options}{place} AS\n{row['query']}{data}"]
    create += _comment(row, f"{kind} {name}")
    create += row["extras"]
    create += [statement for part in parts for statement in part.create]
    right = (kind, name, "TABLE", "")
    return Replaced(f"view {name}", f"DROP {kind} {name}", tuple(create), right)


def in_order(views: Sequence[Row]) -> Iterator[Row]:
    """The views, each after those that it reads."""
    by_id = {row["oid"]: row for row in views}
    graph = {oid: [used for used in row["uses"] if used in by_id] for oid, row in by_id.items()}
    return (by_id[oid] for oid in TopologicalSorter(graph).static_order())


def rows_of_one_value(predicate: str | None, enum: str, value: str) -> bool:
    """Whether an index with that condition holds rows of that value alone: without the value it is always empty."""
    equal = rf"\(*[\w.\"]+ = '{re.escape(value)}'::{re.escape(enum)}\)*"
    return any(re.fullmatch(equal, part.strip()) for part in (predicate or "").split(" AND "))


def _comment(row: Row, what: str) -> list[str]:
    return [f"COMMENT ON {what} IS {row['comment']}"] if row["comment"] else []


def _marks(row: Row, index_name: str) -> Iterator[str]:
    if row["clustered"]:
        yield f"ALTER TABLE {row['table']} CLUSTER ON {index_name}"
    if row["replica_identity"]:
        yield f"ALTER TABLE {row['table']} REPLICA IDENTITY USING INDEX {index_name}"
