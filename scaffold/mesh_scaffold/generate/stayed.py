"""Stored values that stayed when their field went or changed its type: what `mesh check` says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place, Problem
from mesh_scaffold.record import record_path
from mesh_scaffold.spec.names import snake
from mesh_scaffold.targets.postgres.table import Keeping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_scaffold.record import Record
    from mesh_scaffold.steps import Leftover, Target
    from mesh_scaffold.tree import Tree


def stayed(tree: Tree, target: Target, record: Record) -> Iterator[Problem]:
    """A problem for each column and key that the record remembers and no migration has dropped since."""
    steps = [step for step in target.steps(record.kind) if isinstance(step, Keeping)] if record.leftovers else []
    for step in steps:
        for each in step.still_there(tree, record.leftovers):
            remedy = f"mesh update {record.name} --allow-data-loss {_done(record, each)}."
            yield Problem(_said(record, each), Place(record_path(record.kind, record.name)), remedy)


def _said(record: Record, left: Leftover) -> str:
    if _is_read(record, left):
        return f"{record.name}: payloads of older posts hold {left.name} as {left.type} still"
    what = f"the column {left.name}" if left.where == "column" else f"the key {left.name} of payloads"
    return f"{record.name}: {what} stayed, with what it holds, when its field went"


def _done(record: Record, left: Leftover) -> str:
    return "converts them" if _is_read(record, left) else "drops it"


def _is_read(record: Record, left: Leftover) -> bool:
    """Whether a field has the key: then its values are only of another type."""
    return left.where == "key" and left.name in map(snake, record.spec.get("fields", {}))
