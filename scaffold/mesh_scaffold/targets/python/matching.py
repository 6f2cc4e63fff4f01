"""A text that matches a pattern of a spec, for the generated test to send."""

from __future__ import annotations

import re
from re import _constants as constants  # type: ignore[attr-defined]  # the parse tree of `re` has no public name
from re import _parser as parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def matching_text(pattern: str, least: int, most: int | None) -> str | None:
    """A text of `least` to `most` characters in which `pattern` is found; None when none was thought of."""
    shortest = _text(parser.parse(pattern), 0)
    longer = (_text(parser.parse(pattern), extra) for extra in range(1, max(least, 1) + 1))
    padded = (shortest + "x" * (least - len(shortest)), "x" * (least - len(shortest)) + shortest)
    for text in (shortest, *padded, *longer):
        if len(text) >= least and (most is None or len(text) <= most) and re.search(pattern, text):
            return text
    return None


def other_text(pattern: str) -> str | None:
    """A text in which `pattern` is not found; None when it seems to be found in all."""
    return next((text for text in ("", "~", "a", "0", " ", "A-1 b") if not re.search(pattern, text)), None)


def _text(parts: Iterable[tuple[Any, Any]], extra: int) -> str:
    """The shortest text of a parse tree; `extra` more repetitions where it repeats."""
    return "".join(_part(operation, argument, extra) for operation, argument in parts)


def _part(operation: Any, argument: Any, extra: int) -> str:
    if operation is constants.LITERAL:
        return chr(argument)
    if operation is constants.ANY:
        return "x"
    if operation is constants.NOT_LITERAL:
        return "x" if argument != ord("x") else "y"
    if operation is constants.IN:
        return _member(argument)
    if operation in (constants.MAX_REPEAT, constants.MIN_REPEAT):
        least, most, repeated = argument
        count = least + extra if most is constants.MAXREPEAT else min(least + extra, most)
        return str(_text(repeated, 0) * count)
    if operation is constants.SUBPATTERN:
        return _text(argument[3], extra)
    return _text(argument[1][0], extra) if operation is constants.BRANCH else ""


def _member(members: list[tuple[Any, Any]]) -> str:
    """A character of a class; letters and digits are tried for one that excludes."""
    if members[0][0] is constants.NEGATE:
        inside = re.compile(f"[{''.join(map(_written, members[1:]))}]")
        return next((char for char in "xyaA0-_ .,:;!#~" if not inside.match(char)), "")
    operation, argument = members[0]
    return chr(argument if operation is constants.LITERAL else argument[0])


def _written(member: tuple[Any, Any]) -> str:
    operation, argument = member
    if operation is constants.LITERAL:
        return re.escape(chr(argument))
    if operation is constants.RANGE:
        return f"{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}"
    return {constants.CATEGORY_SPACE: r"\s", constants.CATEGORY_DIGIT: r"\d"}.get(argument, r"\w")
