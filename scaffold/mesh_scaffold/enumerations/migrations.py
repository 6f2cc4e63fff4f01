"""Of several migrations, what is still in force: the last definition of each object, with what was added to it."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mesh_scaffold.enumerations.listing import Listing, Word
from mesh_scaffold.enumerations.sql import listings, name_after, owner_of, statements
from mesh_scaffold.enumerations.tokens import is_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mesh_scaffold.enumerations.listing import Owner
    from mesh_scaffold.enumerations.tokens import Token

_FOLDER = re.compile(r"(?:^|/)(?:migrations|versions)/")


def is_migration(path: str, folder: str) -> bool:
    """Whether a file is a migration: one in `folder`, or in any folder that is called so."""
    return path.startswith(f"{folder}/") or _FOLDER.search(path) is not None


@dataclass(slots=True)
class _Defined:
    """A listing, and where it stands."""

    path: str
    listing: Listing


def in_force(files: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Listing]]:
    """The listings of migrations that later ones neither replace nor drop.

    What a statement did once (INSERT, UPDATE, DO) is history; a value that was added to a type is a member of it.

    Args:
        files: path and text of each migration, oldest first.
    """
    alive: list[_Defined] = []
    for path, text in files:
        for statement in statements(text):
            owner = owner_of(statement)
            if owner.kind == "once":
                continue
            dropped = _dropped(statement)
            alive = [each for each in alive if not _ends(statement, owner, dropped, each.listing.owner)]
            _add_value(statement, owner, alive)
            with contextlib.suppress(RecursionError):  # nobody wrote brackets that deep by hand
                alive += [_Defined(path, listing) for listing in listings(statement)]
    for each in alive:
        yield each.path, each.listing


def _dropped(statement: Sequence[Token]) -> frozenset[str]:
    """The constraints that it drops."""
    starts = (position for position, token in enumerate(statement) if is_word(token, "drop"))
    return frozenset(name_after(statement[position:], "drop", "constraint") for position in starts)


def _ends(statement: Sequence[Token], owner: Owner, dropped: frozenset[str], old: Owner | None) -> bool:
    """Whether the statement replaces or drops what `old` is."""
    assert old is not None
    first = statement[0]
    if is_word(first, "create", "drop") and owner.kind == old.kind:
        return owner.name == old.name and (not owner.table or owner.table == old.table)
    if is_word(first, "drop") and owner.kind == "table":
        return owner.name == old.table
    if not is_word(first, "alter") or owner.name not in {old.table, old.name}:
        return False
    if old.kind == "constraint":
        return old.name in dropped
    return old.kind == "table" and any(name.startswith(f"{old.table}_") and name.endswith("check") for name in dropped)


def _add_value(statement: Sequence[Token], owner: Owner, alive: Sequence[_Defined]) -> None:
    """ALTER TYPE ... ADD VALUE, and RENAME VALUE, which takes one out."""
    if not is_word(statement[0], "alter") or owner.kind != "type":
        return
    texts = [token.value for token in statement if token.kind == "text"]
    gone = texts[:1] if any(is_word(token, "rename") for token in statement) else []
    for each in alive:
        known = each.listing.owner
        if texts and known is not None and (known.kind, known.name) == (owner.kind, owner.name):
            added = {"": Word(texts[-1] if gone else texts[0], each.listing.line)}
            stays = [member for member in each.listing.members if gone != [word.text for word in member.values()]]
            each.listing = replace(each.listing, members=(*stays, added))
