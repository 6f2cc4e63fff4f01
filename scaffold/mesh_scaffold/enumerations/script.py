"""What JavaScript, TypeScript and JSON list: arrays, objects, enums, unions, `switch` and chains of comparisons."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from mesh_scaffold.enumerations.listing import Listing, Member, Word
from mesh_scaffold.enumerations.tokens import Group, Token, grouped, is_sign, is_word, split, tokens

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
_COMPARING = ("===", "!==", "==", "!=")
_SURPRISED = re.compile(r"never|unreachable|exhaust", re.IGNORECASE)
_NOT_OBJECTS = ("import", "export", "interface", "class", "extends", "implements")


def read(text: str) -> list[Listing]:
    """Everything that the script lists."""
    return list(_Reader(()).group(tree(text)))


def tree(text: str) -> Group:
    """The script as a tree of brackets."""
    return grouped(map(_plain, tokens(text, _TOKEN)))


def compared(text: str) -> list[tuple[str, Word]]:
    """The comparisons of an expression: what is compared, and with what."""
    return list(_comparisons(tree(text).items))


def _plain(token: Token) -> Token:
    return Token("text", token.value[1:-1], token.line) if token.kind == "text" else token


class _Reader:
    """Walks through the brackets, with the names that lead to them."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def group(self, group: Group, before: Sequence[Item] = ()) -> Iterator[Listing]:
        """What the group lists, and every group in it."""
        items = group.items
        if members := _members(group, before):
            what = {"[": "array", "(": "call"}.get(group.value, "enum" if _is_enum(before) else "mapping")
            yield self._listing(what, group.line, group.end, members)
        yield from self._unions(items)
        yield from self._chains(items)
        yield from self._switches(items)
        yield from self._shown(items)
        for position, item in enumerate(items):
            if isinstance(item, Group):
                before = items[max(0, position - 8) : position]
                name = _name_of(before)
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
            found, position = _unit(items, position)
            operands = [found] if found is not None else []
            while found is not None and position < len(items) and is_sign(items[position], "|"):
                found, position = _unit(items, position + 1)
                operands += [found] if found is not None else []
            if len(operands) > 1:
                name = _name_of(items[max(0, start - 8) : start])
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
                    found, _ = _unit(block.items, index + 1)
                    members.append(found or {})
                elif is_word(inner, "default"):
                    raises = _gives_up(block.items[index + 2 : index + 8])
            if members:
                yield self._listing("switch", item.line, block.end, members, raises=raises)

    def _shown(self, items: Sequence[Item]) -> Iterator[Listing]:
        """JSX: {type === 'TEXT' && <TextCard />} beside {type === 'IMAGE' && ...}."""
        by_subject: dict[str, list[tuple[str, Word]]] = {}
        for item in items:
            if isinstance(item, Group) and item.value == "{" and any(is_sign(each, "&&") for each in item.items):
                for subject, word in _comparisons(item.items):
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
                found = list(_comparisons(conditions))
            else:
                found = list(_comparison(items, position))
                if is_sign(item, ";") and not _in_ifs(items, position):
                    yield from self._chain(compared, last, raises=False)
                    compared = []
            if found and compared and found[0][0] != compared[-1][0]:
                yield from self._chain(compared, last, raises=False)
                compared = []
            if found:
                compared += found
                last = item.line
                raises = False
            elif compared and is_word(item, "else") and not is_word(_at(items, position + 1), "if"):
                raises = _gives_up(items[position + 1 : position + 5])
                yield from self._chain(compared, item.line, raises=raises)
                compared = []
        yield from self._chain(compared, last, raises=raises)

    def _chain(self, compared: Sequence[tuple[str, Word]], end: int, *, raises: bool) -> Iterator[Listing]:
        if compared:
            subject = Counter(subject for subject, _ in compared).most_common(1)[0][0]
            words = [word for found, word in compared if found == subject]
            members: list[Member] = [{"": word} for word in words]
            yield self._listing("comparison", words[0].line, max(end, words[-1].line), members, raises=raises)


def _at(items: Sequence[Item], position: int) -> Item | None:
    return items[position] if position < len(items) else None


def _in_ifs(items: Sequence[Item], position: int) -> bool:
    """Whether an `else` or another `if` follows a statement that has no braces."""
    return is_word(_at(items, position + 1), "else", "if")


def _comparisons(items: Sequence[Item]) -> Iterator[tuple[str, Word]]:
    for position, item in enumerate(items):
        yield from _comparison(items, position)
        if isinstance(item, Group) and item.value == "(":
            yield from _comparisons(item.items)


def _comparison(items: Sequence[Item], position: int) -> Iterator[tuple[str, Word]]:
    """The subject of a comparison and what it is compared with, when one stands there."""
    if position == 0 or not is_sign(items[position], *_COMPARING):
        return
    found, _ = _unit(items, position + 1)
    if found is not None and "" in found:
        yield _dotted_before(items, position), found[""]


def _dotted_before(items: Sequence[Item], end: int) -> str:
    parts: list[str] = []
    for item in reversed(items[:end]):
        if item.kind != "word" and not is_sign(item, ".", "?."):
            break
        if parts and item.kind == "word" and parts[-1] not in {".", "?."}:
            break
        parts.append(item.value)
    return "".join(reversed(parts))


def _unit(items: Sequence[Item], position: int) -> tuple[Member | None, int]:
    """The text, name or object that stands there, and where it ends; None and the next position otherwise."""
    item = _at(items, position)
    if item is None:
        return None, position
    if item.kind == "text":
        return {"": Word(item.value, item.line)}, position + 1
    if isinstance(item, Group):
        return (_object(item) if item.value == "{" else None), position + 1
    if item.kind != "word":
        return None, position + 1
    while is_sign(_at(items, position + 1), ".", "?.") and (after := _at(items, position + 2)) and after.kind == "word":
        item, position = after, position + 2
    return {"": Word(item.value, item.line, is_name=True)}, position + 1


def _members(group: Group, before: Sequence[Item]) -> list[Member]:
    """The members of an array, object, enum or call; none for blocks, and where a spread hides some."""
    parts = split(group.items)
    if group.value == "" or any(is_sign(part[0], "...") for part in parts):
        return []
    if group.value == "[":
        return [_element(part) for part in parts]
    if group.value == "(":
        return [_element(part) if _is_argument(part) else {} for part in parts]
    if any(is_word(item, *_NOT_OBJECTS) for item in before[-2:]):
        return []
    if _is_enum(before):
        words = [part[0] for part in (parts if len(parts) > 1 else [[item] for item in group.items])]
        return [{"name": Word(word.value, word.line, is_name=True)} for word in words if word.kind == "word"]
    return [_property(part) for part in split(group.items, ",;")]


def _is_enum(before: Sequence[Item]) -> bool:
    return len(before) > 1 and is_word(before[-2], "enum")


def _is_argument(part: Sequence[Item]) -> bool:
    """A text or a dotted name: a bare name is a variable more often than a type."""
    return part[0].kind == "text" or len(part) > 2


def _element(part: Sequence[Item]) -> Member:
    """A member of an array: a text, a name, an object, an array, or a call with its arguments."""
    first, last = part[0], part[-1]
    if len(part) == 1 and isinstance(first, Group):
        return _object(first) if first.value == "{" else _positions(first)
    if isinstance(last, Group) and last.value == "(":
        inner = split(last.items)
        whole = inner[0][0] if len(inner) == 1 else None
        return _object(whole) if isinstance(whole, Group) and whole.value == "{" else _positions(last)
    found, end = _unit(part, 0)
    return found if found is not None and (end == len(part) or is_word(part[end], "as")) else {}


def _positions(group: Group) -> Member:
    found = ((str(index), _element(part)) for index, part in enumerate(split(group.items)))
    return {slot: word[""] for slot, word in found if "" in word}


def _object(group: Group) -> Member:
    """The values of an object by their keys."""
    words = {}
    for part in split(group.items, ",;"):
        pair = _property(part)
        if "key" in pair and "value" in pair:
            words[pair["key"].text] = pair["value"]
    return words


def _property(part: Sequence[Item]) -> Member:
    """A key and its value; nothing for what is no property, and for `{ text }`, which is a variable."""
    colon = next((index for index, item in enumerate(part) if is_sign(item, ":", "=")), 0)
    keys = [item for item in part[:colon] if not is_sign(item, "?") and not is_word(item, "readonly")]
    if len(keys) != 1:
        return {}
    key = keys[0]
    if isinstance(key, Group):
        named, _ = _unit(key.items, 0) if key.value == "[" else (None, 0)
        word = (named or {}).get("")
    else:
        word = Word(key.value, key.line, is_name=key.kind == "word") if key.kind in {"word", "text"} else None
    if word is None:
        return {}
    value = _element(part[colon + 1 :]) if part[colon + 1 :] else {}
    return {"key": word} | ({"value": value[""]} if "" in value else {})


def _name_of(before: Sequence[Item]) -> str:
    """The key or variable that a value is given to: the word before the last `:` or `=`, or `enum X`, `type X`."""
    for position in range(len(before) - 1, 0, -1):
        item, name = before[position], before[position - 1]
        if is_sign(item, ",", ";"):
            return ""
        if is_sign(item, ":", "=") and name.kind in {"word", "text"}:
            typed = position > 1 and is_sign(item, "=") and is_sign(before[position - 2], ":")
            return before[position - 3].value if typed and position > 2 else name.value
        if is_word(name, "enum", "interface", "function") and item.kind == "word":
            return item.value
    return ""


def _gives_up(items: Sequence[Item]) -> bool:
    """Whether what follows is an error: `throw`, or a call that TypeScript proves to be never made."""
    for item in items:
        if isinstance(item, Group):
            return item.value == "{" and _gives_up(item.items[:6])
        if is_word(item, "throw") or (item.kind == "word" and _SURPRISED.search(item.value)):
            return True
    return False
