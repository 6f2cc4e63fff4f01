"""`mesh undo`: a change is taken back by a plan of its own, so that it can be shown, refused, and undone in turn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mesh_descriptors.errors import MeshError, Place, Problem
from mesh_descriptors.project import PROJECT_FILE
from mesh_scaffold.base import digest
from mesh_scaffold.generate.conflicts import Clash, ConflictError, resolution
from mesh_scaffold.history import Past, history
from mesh_scaffold.journal import UNDO
from mesh_scaffold.plan import Plan

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_scaffold.entry import Entry
    from mesh_scaffold.generate.conflicts import Resolve
    from mesh_scaffold.journal import Move, Side
    from mesh_scaffold.tree import Tree

CHOICES = "or choose: --on-conflict keep, overwrite, merge or markers"


class UndoError(MeshError):
    """There is no such change, or it cannot be taken back."""


@dataclass(slots=True)
class _Work:
    """What was found on the way through the files."""

    later: tuple[Past, ...]
    refused: list[Problem] = field(default_factory=list)
    marked: list[Problem] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def plan_undo(tree: Tree, root: Path, number: int | None, resolve: Resolve, migrations: str) -> Plan:
    """The plan that takes a change back; without changes when that has been done.

    Args:
        tree: the project.
        root: its folder, which holds what is kept of each change.
        number: which change; None for the last one that is neither an undo nor undone.
        resolve: what happens to files that were changed since.
        migrations: the folder of migrations.

    Raises:
        UndoError: there is no such change, or what is kept of it is damaged.
        ConflictError: with every file that was changed since; nothing is to be written.
    """
    changes = history(root)
    past = _chosen(changes, number)
    if past.undone_by:
        notice = f"{past.id} is undone already, by {past.undone_by}; to bring it back: mesh undo {past.undone_by}"
        return Plan.of(tree, f"undo {past.id}", notices=(notice,))
    if past.entry is None or past.status != "done":
        raise UndoError(
            f"the change {past.id} is {past.status}",
            place=Place(f"{UNDO}/{past.id}"),
            remedy="mesh log lists the changes; those that are done can be undone.",
        )
    work = _Work(tuple(later for later in changes if later.id > past.id and later.status == "done"))
    for move in reversed(past.moves):
        _take_back(tree, past.entry, move, resolve, work)
    if work.refused:
        raise ConflictError(problems=work.refused)
    warnings = _warnings(tree, past, migrations)
    made = Plan.of(tree, f"undo {past.id}", tuple(work.notices), warnings)
    return replace(made, conflicts=tuple(work.marked), undoes=past.id)


def _chosen(changes: tuple[Past, ...], number: int | None) -> Past:
    if number is None:
        found = [past for past in changes if past.status == "done" and past.undoes is None and not _makes_project(past)]
        if not found:
            raise UndoError(
                "there is nothing to undo",
                remedy="mesh log lists what mesh did here; to take back mesh init itself, name its ID.",
            )
        return found[-1]
    for past in changes:
        if past.id == number:
            return past
    raise UndoError(f"there is no change {number}", remedy="mesh log lists the changes that are kept.")


def _makes_project(past: Past) -> bool:
    """Whether the project began with this change: one `mesh undo` too many must not take all of it away."""
    return any(move.path == PROJECT_FILE and move.old is None for move in past.moves)


def _take_back(tree: Tree, entry: Entry, move: Move, resolve: Resolve, work: _Work) -> None:
    current = tree.read(move.path)
    if _is(current, move.new):
        _restore(tree, move, _kept(entry, move))
    elif not _is(current, move.old):
        _resolve(tree, entry, move, current, resolve, work)


def _restore(tree: Tree, move: Move, content: bytes | None) -> None:
    if content is None or move.old is None:
        tree.delete(move.path)
        return
    as_it_is = move.new is not None and move.new.mode == move.old.mode
    tree.write(move.path, content, None if as_it_is else move.old.mode)


def _resolve(tree: Tree, entry: Entry, move: Move, current: bytes | None, resolve: Resolve, work: _Work) -> None:
    """The user's side is the file as it is, the other one the file as it was."""
    old = _kept(entry, move)
    if old is None or current is None:
        clash = Clash(move.path, current or b"", old or b"", None)
    elif (after := _after(entry, move)) is not None:
        clash = Clash.of(move.path, current, old, after)
    else:
        clash = Clash.of_sides(move.path, current, old)
    choice = resolve(clash)
    found = resolution(clash, choice)
    if found.refused:
        refused = _refused(move, old, current, work.later)
        work.refused.append(replace(refused, place=Place(move.path, clash.line)))
    elif choice == "keep" and clash.merge is None:
        work.notices.append(f"{move.path} was changed since, and is left as it is")
    elif old is None:
        tree.delete(move.path)
    else:
        tree.write(move.path, found.content)
    if found.marked:
        work.marked.append(found.marked)


def _refused(move: Move, old: bytes | None, current: bytes | None, later: tuple[Past, ...]) -> Problem:
    message = "was deleted since" if current is None else "was changed since"
    by = [past for past in later if any(other.path == move.path for other in past.moves)]
    choices = CHOICES if old is not None and current is not None else "or choose: --on-conflict keep or overwrite"
    if by:
        remedy = f"Undo that first: mesh undo {by[-1].id} (mesh {by[-1].command}), {choices}."
    else:
        remedy = f"Save your edits elsewhere, {choices}."
    return Problem(f"{message}; nothing was written", Place(move.path), remedy)


def _is(content: bytes | None, side: Side | None) -> bool:
    return (digest(content) if content is not None else None) == (side.sha256 if side else None)


def _kept(entry: Entry, move: Move) -> bytes | None:
    if move.old is None:
        return None
    try:
        content = entry.kept(move).read_bytes()
    except OSError:
        content = None
    if not _is(content, move.old):
        raise UndoError(
            "is not kept as it was before the change",
            place=Place(move.path),
            remedy=f"{UNDO}/{entry.journal.id}/{move.number}.old is missing or damaged; restore the file from git.",
        )
    return content


def _after(entry: Entry, move: Move) -> bytes | None:
    """The file as the change left it, which merging starts from; None where that is not kept, or was damaged since."""
    try:
        content = entry.after(move).read_bytes()
    except OSError:
        return None
    return content if _is(content, move.new) else None


def _warnings(tree: Tree, past: Past, migrations: str) -> tuple[str, ...]:
    changed = {change.path for change in tree.changes()}
    touched = sorted(path for path in changed if path.startswith(f"{migrations}/"))
    if not touched:
        return ()
    return (
        f"{', '.join(touched)}: where mesh db migrate has run since change {past.id}, the database keeps what it made",
    )
