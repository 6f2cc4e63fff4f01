"""Values as literals of the generated languages: the only way for text from a spec to enter code."""

from __future__ import annotations

import html as html_escapes
import json
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from jinja2 import Undefined
from markupsafe import Markup

from mesh_scaffold.spec.model import Name
from mesh_scaffold.spec.plain import plain


class Code(Markup):
    """Text that is code already and may be written as it is."""

    __slots__ = ()


class UnsafeTextError(TypeError):
    """A template wrote a string that may come from a spec without a literal filter."""


_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def py(value: Any) -> Code:
    """A Python expression, quoted as `ruff format` quotes.

    Decimals, dates and times are written as `Decimal(...)`, `date(...)` and `datetime(..., tzinfo=UTC)`, which the
    template imports from `decimal` and `datetime`. Sequences are lists.
    """
    return Code(_python(value))


def _python(value: Any) -> str:
    match value:
        case str():
            return _python_text(value)
        case None | bool() | int():
            return repr(value)
        case float():
            return _finite(value)
        case Decimal():
            return f'Decimal("{value}")'
        case datetime():
            moment = ", ".join(str(part) for part in _significant(value))
            return f"datetime({moment}, tzinfo=UTC)"
        case date():
            return f"date({value.year}, {value.month}, {value.day})"
        case list() | tuple():
            return f"[{', '.join(_python(item) for item in value)}]"
        case dict():
            return f"{{{', '.join(f'{_python(key)}: {_python(item)}' for key, item in value.items())}}}"
    raise UnsafeTextError(f"{type(value).__name__} has no Python literal")


def _significant(moment: datetime) -> list[int]:
    parts = [moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, moment.microsecond]
    while len(parts) > 5 and parts[-1] == 0:
        parts.pop()
    return parts


def _finite(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        raise UnsafeTextError(f"{value!r} is no literal in any generated language")
    return repr(value)


def _python_text(text: str) -> str:
    quote = "'" if text.count('"') > text.count("'") else '"'
    body = "".join(_ESCAPES.get(char) or (f"\\{quote}" if char == quote else _printable(char)) for char in text)
    return f"{quote}{body}{quote}"


def _printable(char: str) -> str:
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"


def visible(text: str) -> str:
    """Somebody else's text for people to read: on one line, with escapes for what a screen does not show."""
    return "".join(char if char.isprintable() else _ESCAPES.get(char) or _printable(char) for char in text)


def sql(value: Any) -> Code:
    """A PostgreSQL literal: text in single quotes, numbers, true and false, null; lists and objects as JSON text.

    Text with characters that a screen does not show is an escape string, so that a file shows and keeps each of them.
    """
    match value:
        case None:
            return Code("NULL")
        case bool():
            return Code("true" if value else "false")
        case int() | Decimal():
            return Code(str(value))
        case float():
            return Code(_finite(value))
        case str():
            return Code(_sql_text(value))
        case date():
            return Code(_sql_text(value.isoformat()))
        case list() | tuple() | dict():
            return Code(_sql_text(json.dumps(plain(value), ensure_ascii=False)))
    raise UnsafeTextError(f"{type(value).__name__} has no SQL literal")


def _sql_text(text: str) -> str:
    if "\0" in text:
        raise UnsafeTextError("PostgreSQL text cannot hold a NUL character")
    quoted = text.replace("'", "''")
    if quoted.isprintable():
        return f"'{quoted}'"
    # A line break is an escape too: git and editors may write the one in a file otherwise.
    return "E'" + "".join(_ESCAPES.get(char) or _printable(char) for char in quoted) + "'"


def sql_name(value: str) -> Code:
    """A PostgreSQL identifier in double quotes."""
    if not value or "\0" in value or len(value.encode("utf-8")) > 63:
        raise UnsafeTextError(f"{value!r} is no PostgreSQL identifier")
    return Code('"' + value.replace('"', '""') + '"')


def toml(value: Any) -> Code:
    """A TOML value."""
    match value:
        case bool():
            return Code("true" if value else "false")
        case str():
            return Code(_toml_text(value))
        case int() | datetime() | date():
            return Code(value.isoformat() if isinstance(value, date) else str(value))
        case float():
            return Code(_finite(value))
        case Decimal():
            return Code(_toml_text(str(value)))
        case list() | tuple():
            return Code(f"[{', '.join(toml(item) for item in value)}]")
        case dict():
            return Code(f"{{ {', '.join(f'{_toml_text(key)} = {toml(item)}' for key, item in value.items())} }}")
    raise UnsafeTextError(f"{type(value).__name__} has no TOML value")


def _toml_text(text: str) -> str:
    body = "".join('\\"' if char == '"' else _ESCAPES.get(char) or _printable(char) for char in text)
    return f'"{body}"'


def js(value: Any) -> Code:
    """A JavaScript (and JSON) literal that is also safe inside `<script>` and inside a Jinja template."""
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
    text = re.sub(r'"(?:[^"\\]|\\.)*"', lambda found: _guarded(found[0]), text)
    return Code(text)


def _guarded(literal: str) -> str:
    dangerous = "<>&{}'`$"
    return "".join(
        f"\\u{ord(char):04x}" if char in dangerous or not (char.isprintable() or ord(char) > 0xFFFF) else char
        for char in literal
    )


def html(value: Any) -> Code:
    """Text or an attribute's value in HTML that is itself a Jinja template: its braces are no template code."""
    escaped = html_escapes.escape(str(plain(value)), quote=True)
    # Jinja and browsers read a carriage return as a line feed, unless it is written as a reference.
    return Code(escaped.replace("{", "&#123;").replace("}", "&#125;").replace("\r", "&#13;"))


def comment(value: str) -> Code:
    """One line of text for a comment in any generated language."""
    line = " ".join("".join(char if char.isprintable() else " " for char in value).split())
    for ending in ("*/", "-->", "#}", "{#", "%}", "}}", "{{", "{%", '"""'):
        line = line.replace(ending, " ".join(ending))
    return Code(line)


def name(value: str) -> Code:
    """An identifier that a template put together, checked to be one."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise UnsafeTextError(f"{value!r} is no identifier")
    return Code(value)


def output(value: Any) -> Any:
    """What a template may write: code, checked names and whole numbers.

    Raises:
        UnsafeTextError: it is another string, or a value that needs a literal filter.
    """
    if isinstance(value, Markup | Name) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, Undefined):
        str(value)  # raises its own error, which names the variable
    raise UnsafeTextError(
        f"a template writes the {type(value).__name__} {value!r} bare: pass it through a literal filter "
        "(py, sql, sql_name, toml, js, html, comment, name), or write constant text outside of {{ }}"
    )
