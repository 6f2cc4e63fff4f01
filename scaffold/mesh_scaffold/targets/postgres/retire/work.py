"""Collects from the catalogue what a swap of an enum has to do, and what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Problem
from mesh_scaffold.targets.postgres.constraints import short_name
from mesh_scaffold.targets.postgres.retire import statements
from mesh_scaffold.targets.postgres.retire.mentions import mentions, without_value
from mesh_scaffold.targets.postgres.retire.swap import Column, Swap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mesh_scaffold.targets.postgres.retire.catalogue import Catalogue, Dependents, Row
    from mesh_scaffold.targets.postgres.retire.statements import Replaced

_FIRST = "Drop it, or rewrite it without the type, in a migration of its own; apply that, then run the command again."
_STORED = frozenset({"index", "generated", "default", "STATISTICS"})
"""What is computed when a row is written: what it computes must be immutable, and a cast to text is not."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done.

    Attributes:
        swap: the swap.
        problems: what stands in the way.
        notices: what the user should know of it.
    """

    swap: Swap
    problems: tuple[Problem, ...]
    notices: tuple[str, ...]


def collect(catalogue: Catalogue, enum: Row, value: str) -> Work:
    """Everything that the swap has to do, from the catalogue alone."""
    name = enum["name"]
    found = catalogue.dependents(enum["oid"], enum["typarray"])
    columns = [row for row in _columns(catalogue, found.columns) if not row["generated"]]
    # A column of the type that is generated itself goes and comes back whole, as others that are computed from one.
    own = {(row["relation"], row["number"]) for row in columns}
    found.generated |= found.columns - own
    groups = _groups(catalogue, found, own)
    groups = {kind: [_rewritten(kind, item, name, value) for item in items] for kind, items in groups.items()}
    empty = [item for item in groups["index"] if statements.rows_of_one_value(item.predicate, name, value)]
    groups["index"] = [replace(item, create=()) if item in empty else item for item in groups["index"]]
    replaced = tuple(item for items in groups.values() for item in items)
    notices = [f"{item.described} is dropped for good: it holds {value} alone" for item in empty]
    notices += [f"{item.described} becomes the last column of its table" for item in groups["generated"]]
    return Work(
        _swap(enum, value, columns, _tables(catalogue, found), replaced),
        (*_impossible(catalogue, found, columns, enum["bare"]), *_naming(replaced, name, value)),
        tuple(notices),
    )


def _swap(
    enum: Row, value: str, columns: Sequence[Row], locked: tuple[str, ...], replaced: tuple[Replaced, ...]
) -> Swap:
    return Swap(
        enum=enum["name"],
        schema=enum["schema"],
        bare=enum["bare"],
        parked=_free_name(enum["bare"], enum["taken"]),
        value=value,
        labels=tuple(label for label in enum["labels"] if label != value),
        comment=enum["comment"],
        columns=tuple(
            Column(row["table"], row["name"], row["type"] == enum["typarray"])
            for row in columns
            if not row["inherited"]
        ),
        locked=locked,
        replaced=replaced,
    )


def _impossible(catalogue: Catalogue, found: Dependents, columns: Sequence[Row], enum: str) -> Iterator[Problem]:
    keys = [row["table"] for row in columns if row["partition_key"] and not row["inherited"]]
    whats = [*sorted(found.impossible), *_of_row_types(catalogue, columns)]
    for what in (*whats, *(f"the partition key of table {table}" for table in keys)):
        yield Problem(f"{what} depends on {enum} and cannot be recreated", remedy=_FIRST)


def _naming(replaced: Iterable[Replaced], enum: str, value: str) -> Iterator[Problem]:
    for item in replaced:
        if any(mentions(statement, enum, value) for statement in item.create):
            message = f"{item.described} names the value {value!r}, which it cannot when the value is gone"
            yield Problem(message, remedy=_FIRST)


def _columns(catalogue: Catalogue, which: Iterable[tuple[int, int]]) -> list[Row]:
    pairs = sorted(which)
    return catalogue.rows("columns", relations=[pair[0] for pair in pairs], numbers=[pair[1] for pair in pairs])


def _groups(catalogue: Catalogue, found: Dependents, own: set[tuple[int, int]]) -> dict[str, list[Replaced]]:
    """What goes and comes back, in the order in which it comes back."""
    views = found.of("view")
    named = found.of("rule", "trigger", "policy", "statistics")
    attached = catalogue.rows("attached", oids=named, relations=[])
    attached = [row for row in attached if row["relation"] not in views]
    defaults = [row for row in _columns(catalogue, found.defaults | own) if row["expression"] and not row["generated"]]
    defaults = [row for row in defaults if row["relation"] not in views]
    generated = [row for row in _columns(catalogue, found.generated) if not row["inherited"]]
    indexes = catalogue.rows("indexes", oids=found.of("index"), relations=[])
    on_views = {row["name"] for row in catalogue.rows("indexes", oids=[], relations=views)}
    constraints = catalogue.rows("constraints", oids=found.of("constraint", "foreign key"))
    return {
        "default": [statements.default(row) for row in defaults],
        "generated": [statements.generated(row) for row in generated],
        "STATISTICS": [statements.attached(row) for row in attached if row["kind"] == "STATISTICS"],
        "index": [statements.index(row) for row in indexes if row["name"] not in on_views],
        "constraint": [statements.constraint(row) for row in constraints],
        "view": list(_views(catalogue, views)),
        "attached": [statements.attached(row) for row in attached if row["kind"] != "STATISTICS"],
    }


def _views(catalogue: Catalogue, oids: Sequence[int]) -> Iterator[Replaced]:
    for row in statements.in_order(catalogue.rows("views", oids=oids)):
        indexes = catalogue.rows("indexes", oids=[], relations=[row["oid"]])
        attached = catalogue.rows("attached", oids=[], relations=[row["oid"]])
        parts = [*map(statements.index, indexes), *map(statements.attached, attached)]
        yield statements.view(row, parts)


def _of_row_types(catalogue: Catalogue, columns: Sequence[Row]) -> list[str]:
    """Columns that hold whole rows of a table whose column changes."""
    found = []
    for row_type in sorted({row["row_type"] for row in columns}):
        types = catalogue.dependents_of_type(row_type)
        found += [row["described"] for row in types if row["kind"] == "column"]
    return found


def _tables(catalogue: Catalogue, found: Dependents) -> tuple[str, ...]:
    relations = {relation for relation, _ in found.columns | found.generated | found.defaults} | found.relations
    return tuple(row["name"] for row in catalogue.rows("tables", oids=sorted(relations)))


def _rewritten(kind: str, item: Replaced, enum: str, value: str) -> Replaced:
    if kind in _STORED:
        return item
    return replace(item, create=tuple(without_value(statement, enum, value) for statement in item.create))


def _free_name(bare: str, taken: Iterable[str]) -> str:
    names = (short_name(bare, "going", *([str(count)] if count else [])) for count in range(len(list(taken)) + 1))
    return next(name for name in names if name not in taken)
