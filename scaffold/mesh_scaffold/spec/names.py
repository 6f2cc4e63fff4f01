"""Which words may name a type, a field or a column, so that they are names in every generated language."""

from __future__ import annotations

import keyword
import re
import unicodedata
from typing import Final

MAX_BYTES: Final = 63
"""PostgreSQL cuts longer identifiers off silently (NAMEDATALEN - 1)."""

PYTHON: Final = frozenset(word.lower() for word in keyword.kwlist)

JAVASCRIPT: Final = frozenset(
    """arguments await break case catch class const continue debugger default delete do else enum eval export
    extends false finally for function if implements import in instanceof interface let new null package private
    protected public return static super switch this throw true try typeof undefined var void while with
    yield""".split()  # noqa: SIM905  a list would fill the page
)

SQL: Final = frozenset(
    """all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
    collation column concurrently constraint create cross current_catalog current_date current_role
    current_schema current_time current_timestamp current_user default deferrable desc distinct do else end
    except false fetch for foreign freeze from full grant group having ilike in initially inner intersect into
    is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on
    only or order outer overlaps placing primary references returning right select session_user similar some
    symmetric system_user table tablesample then to trailing true union unique user using variadic verbose when
    where window with""".split()  # noqa: SIM905  a list would fill the page
)
"""The words that PostgreSQL 18 reserves, or allows only as the name of a function or type."""

SYSTEM_COLUMNS: Final = frozenset({"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"})
"""The columns that every table of PostgreSQL has by itself; none can be added under such a name."""

_LANGUAGES: Final = {"Python": PYTHON, "JavaScript": JAVASCRIPT, "SQL": SQL}
ALL: Final = tuple(_LANGUAGES)
_SNAKE: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_CAMEL: Final = re.compile(r"[a-z][A-Za-z0-9]*")
_HUMPS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LOOK_ALIKE: Final = str.maketrans("абвгеікорсухѕјԁοανρτυхѵⅼһ", "abbreikopcyxsjdoavptuxvlh")


def snake(key: str) -> str:
    """A camel-case key in snake case: `image_url` for `imageUrl`, `html_text` for `HTMLText`."""
    return _HUMPS.sub("_", key).lower()


def name_problem(text: str, *, camel: bool = False, languages: tuple[str, ...] = ALL) -> tuple[str, str] | None:
    """What keeps `text` from being a name, and the remedy; None when it is one.

    Args:
        text: the word.
        camel: whether camel case is as good as snake case.
        languages: those in which it must not be reserved, of "Python", "JavaScript" and "SQL".
    """
    wanted = "snake_case or camelCase" if camel else "snake_case"
    if not text:
        return "the name is empty", f"Write a name in {wanted}."
    if "/" in text or "\\" in text or ".." in text:
        return f"{text!r} is a path, not a name", f"Write a name in {wanted}; places are set in mesh.toml."
    if foreign := next((char for char in text if not char.isascii()), None):
        return _foreign(text, foreign)
    if len(text) > MAX_BYTES:
        return f"the name {text!r} has {len(text)} bytes, PostgreSQL keeps {MAX_BYTES}", "Shorten it."
    if not (_SNAKE.fullmatch(text) or (camel and _CAMEL.fullmatch(text))):
        return f"{text!r} is no {wanted} name", _spelled(text)
    return _reserved(snake(text), languages)


def _foreign(text: str, char: str) -> tuple[str, str]:
    described = f"{char!r} ({unicodedata.name(char, 'unnamed')}, U+{ord(char):04X})"
    plain = unicodedata.normalize("NFKD", text.translate(_LOOK_ALIKE))
    ascii_text = "".join(char for char in plain if not unicodedata.combining(char))
    remedy = f"Write {ascii_text!r}, in ASCII letters." if _SNAKE.fullmatch(ascii_text) else "Use ASCII letters only."
    position = text.index(char) + 1
    return f"character {position} of the name {text!r} is {described}, no ASCII letter", remedy


def _spelled(text: str) -> str:
    guess = re.sub(r"[^a-z0-9]+", "_", snake(text)).strip("_")
    rule = "It begins with a letter, then letters, digits and single underscores."
    return f"Write {guess!r}. {rule}" if _SNAKE.fullmatch(guess) and guess != text else rule


def _reserved(name: str, languages: tuple[str, ...]) -> tuple[str, str] | None:
    owners = [language for language in languages if name in _LANGUAGES[language]]
    if not owners:
        return None
    return f"{name!r} is a reserved word of {' and '.join(owners)}", f"Choose another name, such as '{name}_value'."
