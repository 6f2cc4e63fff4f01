"""What the readers of languages find: anything that lists members, whatever the members are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class UnreadableError(Exception):
    """The text is not what its file's name says, so that nobody knows what it lists."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True, slots=True)
class Word:
    """A text or a name that may stand for a type.

    Attributes:
        text: the text without quotes; of `PostType.TEXT` the last name.
        line: where it stands, from 1.
        is_name: whether it is a name of the language: only names may stand for a type with something around them
            (`TextCard`, `render_text`).
    """

    text: str
    line: int
    is_name: bool = False


Member = dict[str, Word]
"""A member's words by slot: "" for a bare one, else the key or position in the member ("type", "0")."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The database object that a piece of SQL defines.

    Attributes:
        kind: "view", "function", "constraint", "table", "type"; "once" for what runs once and stays nowhere.
        name: in lower case where it is not quoted.
        table: the table that a constraint, policy or trigger belongs to.
    """

    kind: str
    name: str = ""
    table: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """Some members in one place.

    Attributes:
        what: what it is, for messages: "list", "match", "IN".
        line: its first line, from 1.
        end: its last line.
        members: at least one; a member without words is something that no type can be.
        names: what it is called, outermost first: the function, the variable, the key.
        scope: the first and the last line of the statement that it is a part of.
        raises: whether what is not listed is an error: `case _: raise`, `default: throw`.
        owner: of SQL, what it belongs to.
    """

    what: str
    line: int
    end: int
    members: tuple[Mapping[str, Word], ...]
    names: tuple[str, ...] = ()
    scope: tuple[int, int] = (0, 0)
    raises: bool = False
    owner: Owner | None = None
