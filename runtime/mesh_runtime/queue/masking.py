"""Hides the fields of a payload that its model marks as secret, wherever a job is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK = "********"
"""What stands in the place of a secret; its length says nothing."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Hides the secrets of one payload: in the payload itself, and in texts and results that repeat them.

    Attributes:
        payload: as it is stored.
        paths: the secret fields; dots lead into objects, lists are passed through, and `*` stands for every key.
    """

    payload: object
    paths: Sequence[str]
    _found: re.Pattern[str] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_found", _pattern(self.payload, self.paths))

    def shown_payload(self) -> Any:
        """The payload, with MASK in the place of each secret that has a value."""
        shown = self.payload
        for path in self.paths:
            shown = _hidden(shown, _parts(path))
        return self.value(shown)  # a secret may stand in a field that nobody marked, too

    def text(self, text: str) -> str:
        """The text without the payload's secrets."""
        return self._found.sub(MASK, text) if self._found else text

    def value(self, value: Any) -> Any:
        """A JSON value without the payload's secrets."""
        if self._found is None:
            return value
        if isinstance(value, Mapping):
            return {key: self.value(part) for key, part in value.items()}
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Sequence):
            return [self.value(part) for part in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return MASK if self._found.fullmatch(str(value)) else value
        return value


def without_secrets(payload_text: str, paths: Sequence[str], text: str) -> str:
    """A text, such as an error's, without the secrets of a payload of JSON."""
    return Mask(json.loads(payload_text), paths).text(text) if paths else text


def _parts(path: str) -> list[str]:
    """The keys of a path; the empty one means the whole payload."""
    return path.split(".") if path else []


def _hidden(value: Any, path: Sequence[str]) -> Any:
    if not path:
        return value if value is None else MASK
    if isinstance(value, list):
        return [_hidden(part, path) for part in value]
    if isinstance(value, Mapping):
        shown = dict(value)
        for key in value:
            for rest in _rests(key, path):
                shown[key] = _hidden(shown[key], rest)
        return shown
    return value


def _rests(key: str, path: Sequence[str]) -> Iterator[Sequence[str]]:
    """What is left of a path behind a key; a key may hold dots itself."""
    for length in range(1, len(path) + 1):
        if ".".join(path[:length]) == key or (length == 1 and path[0] == "*"):
            yield path[length:]


def _secrets(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """The scalars under a path, whatever is nested in them."""
    if isinstance(value, list):
        for part in value:
            yield from _secrets(part, path)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            for rest in _rests(key, path) if path else ([],):
                yield from _secrets(part, rest)
    elif not path:
        yield value


def _pattern(payload: object, paths: Sequence[str]) -> re.Pattern[str] | None:
    """Finds the secrets in a text, also as Python, JSON and URLs write them; the longest first."""
    scalars = [scalar for path in paths for scalar in _secrets(payload, _parts(path))]
    texts: set[str] = set()
    for scalar in scalars:
        if isinstance(scalar, str) and scalar:
            texts |= {re.escape(form) for form in _forms(scalar)}
        elif isinstance(scalar, int | float) and not isinstance(scalar, bool):
            texts.add(rf"(?<![\d.]){re.escape(str(scalar))}(?![\d.])")
    return re.compile("|".join(sorted(texts, key=lambda text: (-len(text), text)))) if texts else None


def _forms(text: str) -> set[str]:
    written = {text, repr(text)[1:-1], json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    return written | {quote(text), quote(text, safe="")}
