"""What SQL lists: IN, ARRAY, ENUM, VALUES, CASE, and arrays in texts; with the object that each belongs to."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from mesh_scaffold.enumerations.listing import Listing, Member, Owner, Word
from mesh_scaffold.enumerations.tokens import Group, Token, grouped, is_sign, is_word, split, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_scaffold.enumerations.tokens import Item

_TOKEN = re.compile(
    r"""
    (?P<space> \s+ | --[^\n]* | /\*.*?\*/ )
  | (?P<dollar> \$(?:[A-Za-z_]\w*)?\$ )
  | (?P<text> [eE]?'(?:[^']|'')*' )
  | (?P<word> "(?:[^"]|"")*" | [A-Za-z_\u0080-\U0010ffff][\w$]* )
  | (?P<sign> :: | <> | != | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_LOOKS = re.compile(r"\b(?:in|array|values|when|any|enum)\b", re.IGNORECASE)
_ONCE = frozenset({"insert", "update", "delete", "do", "select", "with", "copy", "merge", "grant", "call"})
"""What runs when the file runs and leaves nothing that lists types."""
_KINDS = frozenset({"view", "function", "procedure", "trigger", "policy", "index", "type", "table", "domain", "rule"})
_FILLING = frozenset({"if", "not", "exists", "concurrently", "only"})


def may_list(text: str) -> bool:
    """Whether a text of another language may be SQL that lists something."""
    return text.count("'") >= 6 and _LOOKS.search(text) is not None


def read(text: str) -> list[Listing]:
    """Everything that the statements list, in order."""
    return [listing for statement in statements(text) for listing in listings(statement)]


def statements(text: str) -> Iterator[list[Token]]:
    """The tokens of each statement; the body of a function is a part of the statement that creates it."""
    statement: list[Token] = []
    quoted: str | None = None
    for token in tokens(text, _TOKEN):
        if token.kind == "dollar":
            if quoted in {None, token.value}:
                quoted = token.value if quoted is None else None
        elif quoted is None and token.kind == "sign" and token.value == ";":
            if statement:
                yield statement
            statement = []
        else:
            statement.append(_plain(token))
    if statement:
        yield statement


def _plain(token: Token) -> Token:
    if token.kind == "text":
        return Token("text", token.value[token.value.index("'") + 1 : -1].replace("''", "'"), token.line)
    if token.kind == "word":
        value = token.value
        return Token("word", value[1:-1] if value.startswith('"') else value.lower(), token.line)
    return token


def owner_of(statement: Sequence[Token]) -> Owner:
    """The object that a statement defines; kind "once" for a statement that defines none."""
    words = [token.value for token in statement if token.kind == "word"]
    if not words or words[0] in _ONCE:
        return Owner("once")
    kind = next((word for word in words[1:6] if word in _KINDS), "")
    if not kind:
        return Owner("statement", " ".join(words[:3]))
    name = name_after(statement, kind)
    table = name_after(statement, "on") if kind in {"policy", "trigger", "index", "rule"} else ""
    return Owner(kind, name, name if kind == "table" else table)


def name_after(statement: Sequence[Token], *words: str) -> str:
    """The last part of the name that follows the words, such as `c` after `a.b.c`."""
    for position in range(len(statement) - len(words)):
        if [token.value for token in statement[position : position + len(words)]] == list(words):
            rest = [token for token in statement[position + len(words) :] if not is_word(token, *_FILLING)]
            name = ""
            for token, after in zip(rest, [*rest[1:], None], strict=False):
                name = token.value if token.kind == "word" else name
                if not is_sign(after, ".") and not is_sign(token, "."):
                    break
            return name
    return ""


def listings(statement: Sequence[Token]) -> Iterator[Listing]:
    """What one statement lists."""
    owner = owner_of(statement)
    scope = (statement[0].line, statement[-1].line)
    yield from _Reader(owner, scope).group(grouped(statement))


class _Reader:
    """Walks through one statement; remembers the constraint that it is in."""

    def __init__(self, owner: Owner, scope: tuple[int, int]) -> None:
        self._owner = owner
        self._scope = scope

    def group(self, group: Group, what: str = "list") -> Iterator[Listing]:
        owner = self._owner
        if found := self._bracket(group, what):
            yield found
        yield from self._rows(group)
        yield from self._cases(group)
        for before, item in zip([None, *group.items], group.items, strict=False):
            if is_word(before, "constraint") and self._owner.kind == "table":
                self._owner = Owner("constraint", item.value, self._owner.table)
            elif is_sign(item, ","):
                self._owner = owner
            if isinstance(item, Group):
                yield from self.group(item, before.value.upper() if before and before.kind == "word" else "list")
            elif item.kind == "text" and item.value.startswith("{") and item.value.endswith("}"):
                words: list[Member] = [{"": Word(part.strip('" '), item.line)} for part in item.value[1:-1].split(",")]
                yield self._listing("array", item.line, item.line, words)
        self._owner = owner

    def _listing(self, what: str, line: int, end: int, members: Sequence[Member]) -> Listing:
        names = (self._owner.name,) if self._owner.name else ()
        return Listing(what, line, end, tuple(members), names, self._scope, owner=self._owner)

    def _bracket(self, group: Group, what: str) -> Listing | None:
        """The texts between two brackets: IN (...), ARRAY[...], ENUM (...)."""
        if not group.value:
            return None
        members = [_member(part) for part in split(group.items)]
        return self._listing(what, group.line, group.end, members) if any(members) else None

    def _rows(self, group: Group) -> Iterator[Listing]:
        """VALUES (...), (...)."""
        for position, item in enumerate(group.items):
            if not is_word(item, "values"):
                continue
            rows: list[Group] = []
            for after in group.items[position + 1 :]:
                if isinstance(after, Group):
                    rows.append(after)
                elif not is_sign(after, ","):
                    break
            members: list[Member] = [
                {str(index): word[""] for index, part in enumerate(split(row.items)) if (word := _member(part))}
                for row in rows
            ]
            if rows:
                yield self._listing("VALUES", rows[0].line, rows[-1].end, members)

    def _cases(self, group: Group) -> Iterator[Listing]:
        """CASE type WHEN 'TEXT' ...; CASE WHEN type = 'TEXT' ...; type = 'TEXT' OR type = 'IMAGE'."""
        compared: list[tuple[str, Token]] = []
        items = group.items
        for position, item in enumerate(items):
            before = items[position - 1] if position else None
            if not isinstance(item, Token) or item.kind != "text":
                continue
            if is_word(before, "when"):
                compared.append(("case", item))
            elif is_sign(before, "=", "<>") and position > 1:
                compared.append((_subject(items[: position - 1]), item))
        for _, pairs in groupby(compared, key=lambda pair: pair[0]):
            found = [token for _, token in pairs]
            members: list[Member] = [{"": Word(token.value, token.line)} for token in found]
            yield self._listing("comparison", found[0].line, found[-1].line, members)


def _subject(items: Sequence[Item]) -> str:
    """What is compared: the word before the sign, without a cast."""
    rest = list(items)
    while len(rest) > 2 and is_sign(rest[-2], "::"):
        rest = rest[:-2]
    last = rest[-1]
    if isinstance(last, Group):
        return str([item.value for item in last.items])
    return last.value


def _member(part: Sequence[Item]) -> Member:
    """A text, with or without a cast."""
    first = part[0]
    plain = len(part) == 1 or (len(part) > 2 and is_sign(part[1], "::"))
    return {"": Word(first.value, first.line)} if plain and first.kind == "text" else {}
