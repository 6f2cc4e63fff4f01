"""JSON that PostgreSQL can store."""

from __future__ import annotations

import json
import re

from pydantic_core import to_json

# An escaped NUL, but no escaped backslash that "u0000" follows.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def write_json(value: object) -> str:
    """The value as JSON.

    Raises:
        ValueError: it holds what JSON or PostgreSQL cannot; the message says what.
    """
    encoded = to_json(value)
    check_json(encoded)
    return encoded.decode()


def check_json(encoded: bytes) -> None:
    """Look for what PostgreSQL cannot store in JSON that pydantic wrote.

    Raises:
        ValueError: there is some; the message says what.
    """
    if b"\\u0000" in encoded and _NUL.search(encoded):
        raise ValueError("it holds a NUL character, which PostgreSQL cannot store")
    if b"NaN" in encoded or b"Infinity" in encoded:
        json.loads(encoded, parse_constant=_refused)  # tells the numbers from the same letters in a string


def _refused(constant: str) -> object:
    raise ValueError(f"it holds the number {constant}, which JSON does not have")
