"""Records become items: the few fields that matter, cleaned, by the paths that a manifest declares."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from mesh_runtime.ingest.normalise import creator_key, title_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh_descriptors.connector import FileForm, Source

TEXT_LENGTH = 500
_MILLISECONDS_FROM = 100_000_000_000  # as seconds, the year 5138
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")

Keys = tuple[str | int, ...]


class Item(NamedTuple):
    """One thing that a user liked, played or banned; texts are "" where the export says nothing."""

    schemes: tuple[str, ...]
    ids: tuple[str, ...]
    title: str
    creator: str
    album: str
    genre: str
    title_key: str
    creator_key: str
    at: datetime | None
    ms_played: int | None


class ItemReader:
    """Turns the records of one form into items and counts those it leaves out.

    Attributes:
        skipped: how many records were left out, by reason.
    """

    def __init__(self, form: FileForm, scheme: str) -> None:
        self.skipped: Counter[str] = Counter()
        self._scheme = scheme
        self._skip = [(_keys(skip.path), skip.equals) for skip in form.skip]
        fields = form.map
        self._id, self._isrc = _getter(fields.id), _getter(fields.isrc)
        self._title, self._creator = _getter(fields.title), _getter(fields.creator)
        self._album, self._genre = _getter(fields.album), _getter(fields.genre)
        self._at, self._ms_played = _getter(fields.at), _getter(fields.ms_played)

    def read(self, record: Any) -> Item | None:
        """The record's item; None when it is to be skipped or names nothing."""
        if any(self._is_skipped(record, keys, equals) for keys, equals in self._skip):
            self.skipped["left out by rule"] += 1
            return None
        schemes, ids = self._identifiers(record)
        title, creator, album = _text(self._title(record)), _text(self._creator(record)), _text(self._album(record))
        if not ids and not title and not creator:
            self.skipped["names nothing"] += 1
            return None
        key = title_key(title), creator_key(creator, album)
        if ids and not title and not creator:
            key = f"{schemes[0]}:{ids[0]}", "~id"
        at, ms_played = _time(self._at(record)), _count(self._ms_played(record))
        return Item(schemes, ids, title, creator, album, _text(self._genre(record)), *key, at, ms_played)

    def _identifiers(self, record: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
        own, isrc = _text(self._id(record)), _text(self._isrc(record)).upper().replace("-", "")
        pairs = [(self._scheme, own)] if own else []
        if _ISRC.fullmatch(isrc):
            pairs.append(("isrc", isrc))
        return tuple(scheme for scheme, _ in pairs), tuple(value for _, value in pairs)

    @staticmethod
    def _is_skipped(record: Any, keys: Keys, equals: object) -> bool:
        value = _at_path(record, keys)
        return value is not None if equals is None else value == equals


def _keys(path: str) -> Keys:
    return tuple(int(part) if part.isdecimal() else part for part in path.split("."))


def _at_path(value: Any, keys: Keys) -> Any:
    for key in keys:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):  # absent, a shorter list, or null on the way
            return None
    return value


def _getter(source: Source | None) -> Callable[[Any], Any]:
    if source is None:
        return lambda _record: None
    paths = [_keys(path) for path in source.paths]
    if source.pattern is None:
        return lambda record: _first(record, paths)
    pattern = re.compile(source.pattern)

    def part(record: Any) -> Any:
        value = _first(record, paths)
        found = pattern.search(value) if isinstance(value, str) else None
        return found[1] if found else None

    return part


def _first(record: Any, paths: list[Keys]) -> Any:
    for keys in paths:
        value = _at_path(record, keys)
        if value is not None and value != "":
            return value
    return None


def _text(value: Any) -> str:
    """A text that PostgreSQL stores: no NUL, no lone surrogates, not endless; "" for whatever is no text."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return ""
    text: str = value if value.isprintable() else value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    return text.strip()[:TEXT_LENGTH]


def _count(value: Any) -> int | None:
    """A number of milliseconds; None for whatever is none, or for one that no play lasts."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value[:20])
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MILLISECONDS_FROM:
        return None
    return int(value)


def _time(value: Any) -> datetime | None:
    """An ISO time, or seconds or milliseconds since 1970; UTC unless it says otherwise; None for whatever is none."""
    try:
        if isinstance(value, str) and not value.isdecimal():
            read = datetime.fromisoformat(value)
            return read if read.tzinfo else read.replace(tzinfo=UTC)
        if isinstance(value, bool) or not isinstance(value, int | float | str) or not float(value) > 0:
            return None
        seconds = float(value)
        return datetime.fromtimestamp(seconds / 1000 if seconds >= _MILLISECONDS_FROM else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
