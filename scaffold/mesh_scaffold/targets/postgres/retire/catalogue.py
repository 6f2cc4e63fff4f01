"""What the catalogue says of an enum: who depends on it, and on what must go and come back because of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from psycopg.rows import dict_row

if TYPE_CHECKING:
    import psycopg

Row: TypeAlias = dict[str, Any]
_Reference: TypeAlias = tuple[str, int, int]
"""A catalogue, an object's id, and a column's number; -1 stands for the object and all of its columns."""

QUERIES = Path(__file__).parent / "queries"
ANY = -1
TYPES, RELATIONS, CONSTRAINTS = "pg_type", "pg_class", "pg_constraint"
_FOLLOWS_ITS_COLUMN = frozenset({"default", "index", "constraint", "statistics", "column"})
"""What PostgreSQL itself rebuilds when the type of a column changes, as long as it does not name the type."""


@dataclass(slots=True)
class Dependents:
    """The objects that depend on an enum, by what has to be done about them; all of them are ids of the catalogue.

    Attributes:
        columns: columns of tables of the type, or of arrays of it, as (relation, number).
        generated: generated columns that are dropped and added anew.
        defaults: columns whose default names the type.
        objects: ids of indexes, constraints, views, policies, rules, triggers and statistics, by kind.
        relations: tables that hold one of these.
        impossible: what cannot be recreated, as PostgreSQL describes it.
    """

    columns: set[tuple[int, int]] = field(default_factory=set)
    generated: set[tuple[int, int]] = field(default_factory=set)
    defaults: set[tuple[int, int]] = field(default_factory=set)
    objects: dict[str, set[int]] = field(default_factory=dict)
    relations: set[int] = field(default_factory=set)
    impossible: set[str] = field(default_factory=set)

    def of(self, *kinds: str) -> list[int]:
        """The ids of those kinds."""
        return sorted(oid for kind in kinds for oid in self.objects.get(kind, ()))


class Catalogue:
    """Reads a database's catalogue; names come out qualified, as they are written for any search path."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._ids = {
            str(row["name"]): int(row["id"])
            for row in self._fetch(
                "SELECT name, ('pg_catalog.' || name)::regclass::oid AS id FROM unnest(%(names)s::text[]) AS name",
                names=[TYPES, RELATIONS, CONSTRAINTS],
            )
        }

    def rows(self, query: str, **parameters: Any) -> list[Row]:
        """What the query in `queries/<query>.sql` finds."""
        return self._fetch((QUERIES / f"{query}.sql").read_text(encoding="utf-8"), **parameters)

    def dependents(self, enum: int, array: int) -> Dependents:
        """Everything that depends on the type, and what depends on what goes with it."""
        found = Dependents()
        waiting: deque[tuple[_Reference, bool]] = deque([((TYPES, enum, 0), True), ((TYPES, array, 0), True)])
        seen = {reference for reference, _ in waiting}
        while waiting:
            reference, goes = waiting.popleft()
            for row in self._dependents_of(reference):
                for follow in _taken(row, found, goes=goes, enum=enum, array=array):
                    if follow[0] not in seen:
                        seen.add(follow[0])
                        waiting.append(follow)
        return found

    def dependents_of_type(self, oid: int) -> list[Row]:
        """What depends on a type itself."""
        return self._dependents_of((TYPES, oid, 0))

    def _dependents_of(self, reference: _Reference) -> list[Row]:
        catalogue, oid, sub = reference
        return self.rows("dependents", classes=[self._ids[catalogue]], objects=[oid], subs=[sub])

    def _fetch(self, query: str, **parameters: Any) -> list[Row]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.encode("utf-8"), parameters).fetchall()


def _taken(row: Row, found: Dependents, *, goes: bool, enum: int, array: int) -> list[tuple[_Reference, bool]]:
    """Put a dependent where it belongs; what else depends on it is to be looked at, and whether it goes itself.

    `goes` says that the referred object is replaced: what depends on a column that only changes its type is mostly
    rebuilt by PostgreSQL.
    """
    kind, target, number = row["kind"], row["target"], row["number"]
    if kind == "own" and goes and target not in {enum, array}:  # a view's row type, which functions may return
        return [((TYPES, target, 0), True)]
    if kind in {"own", "skip"} or (kind in _FOLLOWS_ITS_COLUMN and not goes):
        return []
    if kind == "other" or (kind == "column" and row["of_object"] not in {enum, array}):
        found.impossible.add(row["described"])
        return []
    if kind == "view":
        found.objects.setdefault(kind, set()).add(target)
        return [((RELATIONS, target, ANY), True)]
    found.relations.add(row["relation"])
    if kind == "column":
        found.columns.add((target, number))
        return [((RELATIONS, target, number), False)]
    if kind == "generated":
        found.generated.add((target, number))
        return [((RELATIONS, target, number), True)]
    if kind == "default":
        found.defaults.add((target, number))
        return []
    found.objects.setdefault(kind, set()).add(target)
    return [((CONSTRAINTS, target, 0), True)] if kind in {"constraint", "foreign key"} else []
