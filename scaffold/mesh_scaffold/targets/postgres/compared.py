"""Whether two conditions say the same of their values: PostgreSQL writes a condition otherwise, its literals not."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

_PARTS = re.compile(
    r"(?P<escaped>[eE]'(?:[^'\\]|\\.|'')*')|(?P<text>'(?:[^']|'')*')"
    r"|::\s*(?:\"[^\"]+\"|\w+(?: varying| precision| with(?:out)? time zone)?)(?:\([\d, ]+\))?(?:\[\])?"
    r"|\"[^\"]*\"|[A-Za-z_]\w*|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{1,2})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")


def same_literals(one: str, other: str) -> bool:
    """Whether the texts, numbers and moments in two conditions are the same: bounds, values and patterns."""
    return _literals(one) == _literals(other)


def _literals(condition: str) -> frozenset[str]:
    """Each literal in one way of writing; of a JSON text, that of its value."""
    found = set()
    for part in _PARTS.finditer(condition):
        if part["escaped"]:
            found.add(_plain(_ESCAPE.sub(_unescaped, part["escaped"][2:-1].replace("''", "'"))))
        elif part["text"]:
            found.add(_plain(part["text"][1:-1].replace("''", "'")))
        elif part["number"]:
            found.add(_plain(part["number"]))
    return frozenset(found)


def _unescaped(escape: re.Match[str]) -> str:
    """The character that an escape of PostgreSQL's escape strings stands for."""
    code = escape[1] or escape[2] or escape[3]
    return chr(int(code, 16)) if code else _ESCAPED.get(escape[4], escape[4])


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
