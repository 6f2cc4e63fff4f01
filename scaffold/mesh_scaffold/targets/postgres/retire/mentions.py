"""The value in definitions that come back after it is gone: compared as text where it can be, else named."""

from __future__ import annotations

import re

_LIST = re.compile(r"(= ANY|<> ALL) \(ARRAY\[([^\]]*)\]\)")
_OPERAND = r"""(?P<left>(?:[A-Za-z_][\w$]*|"(?:[^"]|"")+")(?:\.(?:[A-Za-z_][\w$]*|"(?:[^"]|"")+"))*)"""


def without_value(definition: str, enum: str, value: str) -> str:
    """`definition`, as PostgreSQL writes it, saying the same of all rows without naming a value that no row has.

    `type = 'POLL'` is compared as text, and a list of values loses it. Text is not immutable: this is for what is
    computed when it is asked for (checks, views, policies, triggers), and not for what is stored.
    """
    literal = _literal(enum, value)
    compared = re.compile(rf"{_OPERAND} (?P<operator>=|<>) {re.escape(literal)}")
    text = f"'{_quoted(value)}'::text"
    definition = _LIST.sub(lambda found: _shorter(found, literal), definition)
    return compared.sub(lambda found: f"({found['left']})::text {found['operator']} {text}", definition)


def mentions(definition: str, enum: str, value: str) -> bool:
    """Whether the value stands in the definition as one of the enum, alone or in an array's literal."""
    if _literal(enum, value) in definition:
        return True
    arrays = re.findall(rf"'((?:[^']|'')*)'::{re.escape(enum)}\[\]", definition)
    return any(value in _items(array.replace("''", "'")) for array in arrays)


def _shorter(found: re.Match[str], literal: str) -> str:
    items = found[2].split(", ")
    left = [item for item in items if item != literal]
    return f"{found[1]} (ARRAY[{', '.join(left)}])" if left else found[0]


def _items(array: str) -> list[str]:
    found = re.findall(r'"((?:[^"\\]|\\.)*)"|([^{},]+)', array)
    return [re.sub(r"\\(.)", r"\1", quoted) if quoted else bare for quoted, bare in found]


def _literal(enum: str, value: str) -> str:
    return f"'{_quoted(value)}'::{enum}"


def _quoted(value: str) -> str:
    return value.replace("'", "''")
