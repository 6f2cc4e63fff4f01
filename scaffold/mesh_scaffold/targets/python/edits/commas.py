"""Where elements and the commas behind them are: libcst tells, as `ast` keeps neither commas nor parentheses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst
from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Part:
    """An element; offsets count characters of the code. `comma` is the offset of the comma behind it."""

    start: int
    end: int
    comma: int | None


def parts_of_literal(code: str) -> tuple[Part, ...]:
    """The elements of a list, tuple, set or dict, parentheses around each included."""
    module = _parsed(code)
    value = libcst.ensure_type(_statement(module), libcst.Expr).value
    assert isinstance(value, libcst.List | libcst.Tuple | libcst.Set | libcst.Dict)
    return _parts(code, module, value.elements)


def parts_of_import(code: str) -> tuple[Part, ...]:
    """The names of a `from module import a, b`."""
    module = _parsed(code)
    names = libcst.ensure_type(_statement(module), libcst.ImportFrom).names
    assert not isinstance(names, libcst.ImportStar)
    return _parts(code, module, names)


def _parsed(code: str) -> MetadataWrapper:
    return MetadataWrapper(libcst.parse_module(code), unsafe_skip_copy=True)


def _statement(module: MetadataWrapper) -> libcst.BaseSmallStatement:
    return libcst.ensure_type(module.module.body[0], libcst.SimpleStatementLine).body[0]


def _parts(
    code: str,
    module: MetadataWrapper,
    elements: Sequence[libcst.BaseElement] | Sequence[libcst.BaseDictElement] | Sequence[libcst.ImportAlias],
) -> tuple[Part, ...]:
    spans, encoded = module.resolve(ByteSpanPositionProvider), code.encode("utf-8")

    def offset(byte: int) -> int:
        return len(encoded[:byte].decode("utf-8"))

    parts = []
    for element in elements:
        span = spans[element]
        comma = offset(spans[element.comma].start) if isinstance(element.comma, libcst.Comma) else None
        parts.append(Part(offset(span.start), offset(span.start + span.length), comma))
    return tuple(parts)
