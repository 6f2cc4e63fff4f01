"""What JavaScript, TypeScript and JSON list: arrays, objects, enums, unions, `switch` and chains of comparisons."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from mesh_scaffold.enumerations.listing import Listing, Member, Word
from mesh_scaffold.enumerations.script_members import (
    at,
    comparison,
    comparisons,
    gives_up,
    in_ifs,
    is_enum,
    members_of,
    name_of,
    unit_at,
)
from mesh_scaffold.enumerations.tokens import Group, Token, grouped, is_sign, is_word, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_scaffold.enumerations.tokens import Item

_TOKEN = re.compile(
    r"""
    (?P<space> \s+ | //[^\n]* | /\*.*?\*/ )
  | (?P<text> '(?:[^'\\\n]|\\.)*' | "(?:[^"\\\n]|\\.)*" | `(?:[^`\\]|\\.)*` )
  | (?P<word> [A-Za-z_$][\w$]* )
  | (?P<number> \d[\w.]* )
  | (?P<sign> === | !== | == | != | => | \|\| | && | \?\? | \?\. | \.\.\. | . )
    """,
    re.VERBOSE | re.DOTALL,
)


def read(text: str) -> list[Listing]:
    """Everything that the script lists."""
    return list(_Reader(()).group(tree(text)))


def tree(text: str) -> Group:
    """The script as a tree of brackets."""
    return grouped(map(_plain, tokens(text, _TOKEN)))


def compared(text: str) -> list[tuple[str, Word]]:
    """The comparisons of an expression: what is compared, and with what."""
    return list(comparisons(tree(text).items))


def _plain(token: Token) -> Token:
    return Token("text", token.value[1:-1], token.line) if token.kind == "text" else token


class _Reader:
    """Walks through the brackets, with the names that lead to them."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def group(self, group: Group, before: Sequence[Item] = ()) -> Iterator[Listing]:
        """What the group lists, and every group in it."""
        items = group.items
        if members := members_of(group, before):
            what = {"[": "array", "(": "call"}.get(group.value, "enum" if is_enum(before) else "mapping")
            yield self._listing(what, group.line, group.end, members)
        yield from self._unions(items)
        yield from self._chains(items)
        yield from self._switches(items)
        yield from self._shown(items)
        for position, item in enumerate(items):
            if isinstance(item, Group):
                before = items[max(0, position - 8) : position]
                name = name_of(before)
                reader = _Reader((*self._names, name)) if name else self
                yield from reader.group(item, before)

    def _listing(
        self, what: str, line: int, end: int, members: Sequence[Member], *, name: str = "", raises: bool = False
    ) -> Listing:
        names = (*self._names, name) if name else self._names
        return Listing(what, line, end, tuple(members), names, (line, end), raises)

    def _unions(self, items: Sequence[Item]) -> Iterator[Listing]:
        """'TEXT' | 'IMAGE' | 'POLL'."""
        position = 0
        while position < len(items):
            start = position
            found, position = unit_at(items, position)
            operands = [found] if found is not None else []
            while found is not None and position < len(items) and is_sign(items[position], "|"):
                found, position = unit_at(items, position + 1)
                operands += [found] if found is not None else []
            if len(operands) > 1:
                name = name_of(items[max(0, start - 8) : start])
                yield self._listing("union", items[start].line, items[position - 1].line, operands, name=name)

    def _switches(self, items: Sequence[Item]) -> Iterator[Listing]:
        for position, item in enumerate(items[:-2]):
            block = items[position + 2]
            if not is_word(item, "switch") or not isinstance(block, Group):
                continue
            members: list[Member] = []
            raises = False
            for index, inner in enumerate(block.items):
                if is_word(inner, "case"):
                    found, _ = unit_at(block.items, index + 1)
                    members.append(found or {})
                elif is_word(inner, "default"):
                    raises = gives_up(block.items[index + 2 : index + 8])
            if members:
                yield self._listing("switch", item.line, block.end, members, raises=raises)

    def _shown(self, items: Sequence[Item]) -> Iterator[Listing]:
        """JSX: {type === 'TEXT' && <TextCard />} beside {type === 'IMAGE' && ...}."""
        by_subject: dict[str, list[tuple[str, Word]]] = {}
        for item in items:
            if isinstance(item, Group) and item.value == "{" and any(is_sign(each, "&&") for each in item.items):
                for subject, word in comparisons(item.items):
                    by_subject.setdefault(subject, []).append((subject, word))
        for compared in by_subject.values():
            yield from self._chain(compared, compared[-1][1].line, raises=False)

    def _chains(self, items: Sequence[Item]) -> Iterator[Listing]:
        """Comparisons of one thing with several texts: joined by `||`, by `? :`, or by `if` and `else if`."""
        compared: list[tuple[str, Word]] = []
        last = 0
        raises = False
        for position, item in enumerate(items):
            conditions: Sequence[Item] = ()
            if is_word(item, "if") and position + 1 < len(items) and isinstance(items[position + 1], Group):
                conditions = items[position + 1].items  # type: ignore[union-attr]  # it is a Group
                found = list(comparisons(conditions))
            else:
                found = list(comparison(items, position))
                if is_sign(item, ";") and not in_ifs(items, position):
                    yield from self._chain(compared, last, raises=False)
                    compared = []
            if found and compared and found[0][0] != compared[-1][0]:
                yield from self._chain(compared, last, raises=False)
                compared = []
            if found:
                compared += found
                last = item.line
                raises = False
            elif compared and is_word(item, "else") and not is_word(at(items, position + 1), "if"):
                raises = gives_up(items[position + 1 : position + 5])
                yield from self._chain(compared, item.line, raises=raises)
                compared = []
        yield from self._chain(compared, last, raises=raises)

    def _chain(self, compared: Sequence[tuple[str, Word]], end: int, *, raises: bool) -> Iterator[Listing]:
        if compared:
            subject = Counter(subject for subject, _ in compared).most_common(1)[0][0]
            words = [word for found, word in compared if found == subject]
            members: list[Member] = [{"": word} for word in words]
            yield self._listing("comparison", words[0].line, max(end, words[-1].line), members, raises=raises)
