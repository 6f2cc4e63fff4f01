"""Whether two conditions say the same of their values: PostgreSQL writes a condition otherwise, its literals not."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

_CAST = re.compile(r"::\s*(?:\"[^\"]+\"|\w+(?: varying| precision| with(?:out)? time zone)?)(?:\([\d, ]+\))?(?:\[\])?")
_PARTS = re.compile(
    r"(?P<escaped>[eE]'(?:[^'\\]|\\.|'')*')|(?P<text>'(?:[^']|'')*')|\"[^\"]*\"|[A-Za-z_]\w*"
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")


def same_literals(one: str, other: str) -> bool:
    """Whether the texts, numbers and moments in two conditions are the same: bounds, values and patterns."""
    return _literals(one) == _literals(other)


def _literals(condition: str) -> frozenset[str]:
    """Each literal in one way of writing; of a JSON text, that of its value."""
    found = set()
    for part in _PARTS.finditer(_CAST.sub("", condition)):
        if part["escaped"]:
            found.add(_plain(re.sub(r"\\(.)", r"\1", part["escaped"][2:-1].replace("''", "'"))))
        elif part["text"]:
            found.add(_plain(part["text"][1:-1].replace("''", "'")))
        elif part["number"]:
            found.add(_plain(part["number"]))
    return frozenset(found)


def _plain(text: str) -> str:
    try:
        if text.startswith(("[", "{")):
            return json.dumps(json.loads(text), sort_keys=True)
        if _MOMENT.match(text):
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
        return str(Decimal(text).normalize())
    except (ValueError, InvalidOperation):
        return text
