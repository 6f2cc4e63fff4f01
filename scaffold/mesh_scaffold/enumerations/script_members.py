"""Members of what scripts list, and the words in them that may stand for a type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mesh_scaffold.enumerations.listing import Member, Word
from mesh_scaffold.enumerations.tokens import Group, is_sign, is_word, split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_scaffold.enumerations.tokens import Item

_COMPARING = ("===", "!==", "==", "!=")
_SURPRISED = re.compile(r"never|unreachable|exhaust", re.IGNORECASE)
_NOT_OBJECTS = ("import", "export", "interface", "class", "extends", "implements")


def at(items: Sequence[Item], position: int) -> Item | None:
    """The item at `position`; None behind the last one."""
    return items[position] if position < len(items) else None


def in_ifs(items: Sequence[Item], position: int) -> bool:
    """Whether an `else` or another `if` follows a statement that has no braces."""
    return is_word(at(items, position + 1), "else", "if")


def comparisons(items: Sequence[Item]) -> Iterator[tuple[str, Word]]:
    """What the items compare, in parentheses too: each subject with a word."""
    for position, item in enumerate(items):
        yield from comparison(items, position)
        if isinstance(item, Group) and item.value == "(":
            yield from comparisons(item.items)


def comparison(items: Sequence[Item], position: int) -> Iterator[tuple[str, Word]]:
    """The subject of a comparison and what it is compared with, when one stands there."""
    if position == 0 or not is_sign(items[position], *_COMPARING):
        return
    found, _ = unit_at(items, position + 1)
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


def unit_at(items: Sequence[Item], position: int) -> tuple[Member | None, int]:
    """The text, name or object that stands there, and where it ends; None and the next position otherwise."""
    item = at(items, position)
    if item is None:
        return None, position
    if item.kind == "text":
        return {"": Word(item.value, item.line)}, position + 1
    if isinstance(item, Group):
        return (_object(item) if item.value == "{" else None), position + 1
    if item.kind != "word":
        return None, position + 1
    while is_sign(at(items, position + 1), ".", "?.") and (after := at(items, position + 2)) and after.kind == "word":
        item, position = after, position + 2
    return {"": Word(item.value, item.line, is_name=True)}, position + 1


def members_of(group: Group, before: Sequence[Item]) -> list[Member]:
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
    if is_enum(before):
        words = [part[0] for part in (parts if len(parts) > 1 else [[item] for item in group.items])]
        return [{"name": Word(word.value, word.line, is_name=True)} for word in words if word.kind == "word"]
    return [_property(part) for part in split(group.items, ",;")]


def is_enum(before: Sequence[Item]) -> bool:
    """Whether a brace belongs to an `enum`."""
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
    found, end = unit_at(part, 0)
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
        named, _ = unit_at(key.items, 0) if key.value == "[" else (None, 0)
        word = (named or {}).get("")
    else:
        word = Word(key.value, key.line, is_name=key.kind == "word") if key.kind in {"word", "text"} else None
    if word is None:
        return {}
    value = _element(part[colon + 1 :]) if part[colon + 1 :] else {}
    return {"key": word} | ({"value": value[""]} if "" in value else {})


def name_of(before: Sequence[Item]) -> str:
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


def gives_up(items: Sequence[Item]) -> bool:
    """Whether what follows is an error: `throw`, or a call that TypeScript proves to be never made."""
    for item in items:
        if isinstance(item, Group):
            return item.value == "{" and gives_up(item.items[:6])
        if is_word(item, "throw") or (item.kind == "word" and _SURPRISED.search(item.value)):
            return True
    return False
