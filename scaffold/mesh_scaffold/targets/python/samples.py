"""Values for the generated test: two that a field takes, and some that it must refuse, as JSON written in Python."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mesh_scaffold.render.literals import py
from mesh_scaffold.spec.model import MEDIA_TYPES, ORDERED_TYPES, TEXT_TYPES
from mesh_scaffold.spec.plain import plain
from mesh_scaffold.targets.python.matching import matching_text, other_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mesh_descriptors.project import RefSection
    from mesh_scaffold.spec.model import Field

POST_ID = "POST_ID"
"""Stands for the id of a post that the test makes first."""
_IDS = ("018f6b1e-7b1a-7c3d-9e5f-0a1b2c3d4e5f", "018f6b1e-7b1a-7c3d-9e5f-0a1b2c3d4e60")
_STANDARD: dict[str, tuple[Any, Any]] = {
    "int": (3, 5),
    "float": (2.5, 4.25),
    "decimal": (Decimal("12.50"), Decimal("0.75")),
    "bool": (True, False),
    "date": (date(2026, 5, 17), date(2026, 6, 1)),
    "datetime": (datetime(2026, 5, 17, 18, 30, tzinfo=UTC), datetime(2026, 6, 1, 9, 0, tzinfo=UTC)),
    "json": ({"depth": [1, None, "two"]}, [0, False, ""]),
}
_STEPS: dict[str, Any] = {
    "int": 1,
    "float": 0.5,
    "decimal": Decimal("0.5"),
    "date": timedelta(days=1),
    "datetime": timedelta(hours=1),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """What the test sends for a field; all of it Python expressions whose values are JSON.

    Attributes:
        value: a value that it takes; None when none was thought of.
        other: another one, the same where there is only one.
        wrong: values that it refuses.
        empty: values that are falsy and yet taken: 0, false, "" and [].
        needs_post: whether `value` is the id of a post that the test makes first.
    """

    value: str | None
    other: str | None
    wrong: tuple[str, ...]
    empty: tuple[str, ...]
    needs_post: bool = False


def sample_of(field: Field, refs: Mapping[str, RefSection], *, in_payload: bool) -> Sample:
    """The values for a field.

    Args:
        field: the field.
        refs: `[refs]` of `mesh.toml`.
        in_payload: whether it is stored in the payload, where references are not checked by the database.
    """
    checked = not in_payload and not field.type.is_list
    item = _reference(field, refs, checked=checked) if field.type.name == "ref" else _single(field)
    return _list(field, item) if field.type.is_list else item


def _list(field: Field, item: Sample) -> Sample:
    if item.value is None or item.other is None:
        return Sample(None, None, ('"no list"',), ())
    least, most = field.min_items or 0, field.max_items
    count = max(least, 1 if most is None or most >= 1 else 0)
    wrong = [f"[{code}]" for code in item.wrong[:1]] + ['"no list"']
    wrong = [f"[{', '.join([item.value] * (least - 1) + [code])}]" for code in item.wrong if least > 1] or wrong
    if most is not None:
        wrong.append(f"[{item.value}] * {most + 1}")
    if least > 0:
        wrong.append(f"[{item.value}] * {least - 1}" if least > 1 else "[]")
    values = [item.value, *[item.other] * (count - 1)] if count else []
    other = [item.other] * count
    return Sample(f"[{', '.join(values)}]", f"[{', '.join(other)}]", tuple(wrong), ("[]",) if not least else ())


def _single(field: Field) -> Sample:
    name = field.type.name
    if field.values:
        value, other = field.values[0], field.values[-1]
        return Sample(_code(value), _code(other), ('"none of the values"', "0"), ())
    if name in MEDIA_TYPES or name == "url":
        return _address(field)
    if name in TEXT_TYPES:
        return _text(field)
    value, other = _in_range(field)
    return Sample(_code(value), _code(other), tuple(_wrong(field)), tuple(_falsy(field)))


def _text(field: Field) -> Sample:
    least, most = field.min_length or 0, field.max_length
    if field.pattern is not None:
        match = matching_text(field.pattern, least, most)
        value = other = None if match is None else _code(match)
    else:
        value, other = _code(_sized("A short text", least, most)), _code(_sized("Another", least, most))
    empty = ('""',) if not least and (field.pattern is None or not _refuses(field.pattern, "")) else ()
    return Sample(value, other, ("5", *_wrong_lengths(field), *_wrong_pattern(field)), empty)


def _sized(text: str, least: int, most: int | None) -> str:
    return text.ljust(least, "!")[: most if most is not None else None]


def _address(field: Field) -> Sample:
    """Addresses of the length that the bounds ask for; a pattern leaves only the default to send."""
    least, most = field.min_length or 0, field.max_length
    urls = [f"https://example.com/{name}".ljust(least, "0") for name in ("a", "b")]
    if most is not None and len(urls[0]) > most:
        urls = [f"http://{host}".ljust(least, "0") for host in ("a.b", "a.c")]
    fits = (most is None or len(urls[0]) <= most) and not (field.pattern and _refuses(field.pattern, urls[0]))
    if not fits:
        urls = [field.default, field.default] if isinstance(field.default, str) else []
    value, other = (_code(urls[0]), _code(urls[1])) if urls else (None, None)
    return Sample(value, other, ('"javascript:alert(1)"', "5", *_wrong_pattern(field)), ())


def _wrong_lengths(field: Field) -> Iterator[str]:
    if field.max_length is not None:
        yield f'"x" * {field.max_length + 1}'
    if field.min_length:
        yield f'"x" * {field.min_length - 1}' if field.min_length > 1 else '""'


def _wrong_pattern(field: Field) -> Iterator[str]:
    if field.pattern is not None and (text := other_text(field.pattern)) is not None:
        yield _code(text)


def _refuses(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is None


def _reference(field: Field, refs: Mapping[str, RefSection], *, checked: bool) -> Sample:
    """A reference that the database checks must exist: user 1 does, a post is made, of others nothing is known."""
    key = refs[field.type.ref or ""].type
    wrong = ('"no id"',) if key != "text" else ("5",)
    if key == "uuid":
        post = POST_ID if field.type.ref == "post" and checked else None
        missing = (_code(_IDS[0]),) if checked else ()
        value, other = (post, post) if checked else (_code(_IDS[0]), _code(_IDS[1]))
        return Sample(value, other, (*wrong, *missing), (), needs_post=post is not None)
    if key == "text":
        return Sample(None, None, wrong, ()) if checked else Sample('"one"', '"two"', wrong, ())
    known = not checked or field.type.ref == "user"
    missing = ("2147483647",) if checked else ()
    value = "1" if known else None
    return Sample(value, value, (*wrong, *missing), ())


def _in_range(field: Field) -> tuple[Any, Any]:
    """Two values within the bounds; one of the bounds, and a step from it, where the usual ones are outside."""
    standard = _STANDARD[field.type.name]
    if field.type.name not in ORDERED_TYPES:
        return standard
    least, most = _comparable(field, field.min), _comparable(field, field.max)

    def fits(value: Any) -> bool:
        return (least is None or value >= least) and (most is None or value <= most)

    start = least if least is not None else most
    step = _STEPS[field.type.name]
    beside = () if start is None else (start, start + step if least is not None else start - step)
    found = [value for value in (*standard, *beside) if fits(value)]
    return found[0], found[min(1, len(found) - 1)]


def _comparable(field: Field, bound: Any) -> Any:
    return float(bound) if field.type.name == "float" and bound is not None else bound


def _wrong(field: Field) -> Iterator[str]:
    yield {"json": "None"}.get(field.type.name, '"not one"')
    if field.type.name == "datetime":
        yield '"2026-05-17T18:30:00"'
    step = _STEPS.get(field.type.name)
    for bound, sign in ((field.min, -1), (field.max, 1)):
        if bound is not None and step is not None:
            try:
                yield _code(_comparable(field, bound) + sign * step)
            except OverflowError:
                continue


def _falsy(field: Field) -> Iterator[str]:
    least, most = field.min, field.max
    if field.type.name in {"int", "float", "decimal"}:
        zero = {"int": 0, "float": 0.0, "decimal": Decimal("0")}[field.type.name]
        if (least is None or least <= zero) and (most is None or most >= zero):  # type: ignore[operator]  # numbers
            yield _code(zero)
    elif field.type.name == "bool":
        yield "False"
    elif field.type.name == "json":
        yield from ("0", "False", '""', "[]")


def _code(value: Any) -> str:
    return str(py(plain(value)))
