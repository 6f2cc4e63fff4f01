"""A Python file as text whose parts are found by `ast` and changed by splicing, so that nothing else moves."""

from __future__ import annotations

import ast
import codecs
import io
import tokenize
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

INDENT = "    "


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an edit cannot be made: what was found, on which line, and what to do about it."""

    message: str
    remedy: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Splice:
    """The text from `start` to `end` gives way to `text`; offsets count characters."""

    start: int
    end: int
    text: str = ""


@dataclass(frozen=True)
class Source:
    """A Python file that parses.

    Attributes:
        text: the file's characters; line ends are as in the file, a byte order mark is left out.
        tree: the syntax tree of `text`.
        encoding: what the bytes were read with and are written with.
    """

    text: str
    tree: ast.Module = field(repr=False)
    encoding: str = "utf-8"

    @classmethod
    def empty(cls) -> Source:
        """A file without a line."""
        return cls("", ast.Module([], []))

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines with their ends, cut where Python's tokenizer cuts: not at form feeds or U+2028."""
        return tuple(_lines(self.text))

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        """The offset at which each line starts."""
        starts, offset = [], 0
        for line in self.lines:
            starts.append(offset)
            offset += len(line)
        return (*starts, offset)

    @cached_property
    def newline(self) -> str:
        """The file's own line end: that of its first line."""
        first = self.lines[0] if self.lines else ""
        return first[len(first.rstrip("\r\n")) :] or "\n"

    @cached_property
    def indent_unit(self) -> str:
        """What the file indents by: that of its first indented block."""
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.stmt) or not (body := getattr(node, "body", None)):
                continue
            outer, inner = self.indent_at(self.start(node)), self.indent_at(self.start(body[0]))
            if body[0].lineno > node.lineno and inner.startswith(outer) and inner != outer:
                return inner[len(outer) :]
        return INDENT

    def offset(self, line: int, column: int) -> int:
        """The offset of an `ast` position: lines from 1, columns in UTF-8 bytes."""
        before = self.lines[line - 1].encode("utf-8")[:column]
        return self.line_starts[line - 1] + len(before.decode("utf-8"))

    def start(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        """Where `node` starts; a decorated definition starts at its first decorator."""
        decorators: list[ast.expr] = getattr(node, "decorator_list", [])
        if decorators:
            return self.text.index("@", self.line_starts[decorators[0].lineno - 1])
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        """Where `node` ends."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.offset(node.end_lineno, node.end_col_offset)

    def code(self, node: ast.expr | ast.stmt | ast.alias) -> str:
        """The text of `node`."""
        return self.text[self.start(node) : self.end(node)]

    def line_of(self, offset: int) -> int:
        """The line, from 1, on which `offset` stands."""
        return bisect_right(self.line_starts, offset, hi=len(self.lines)) or 1

    def line_end(self, offset: int) -> int:
        """Where the line of `offset` ends, before its line break."""
        number = self.line_of(offset)
        return self.line_starts[number - 1] + len(self.lines[number - 1].rstrip("\r\n"))

    def indent_at(self, offset: int) -> str:
        """The white space that the line of `offset` starts with."""
        line = self.lines[self.line_of(offset) - 1]
        return line[: len(line) - len(line.lstrip(" \t\f"))]

    def edited(self, splices: Iterable[Splice]) -> Source | Refused:
        """The source with the splices done; refused when it would not parse any more."""
        text = self.text
        for splice in sorted(splices, key=lambda splice: splice.start, reverse=True):
            text = text[: splice.start] + splice.text + text[splice.end :]
        parsed = parse(text)
        return parsed if isinstance(parsed, Refused) else replace(parsed, encoding=self.encoding)

    def to_bytes(self) -> bytes:
        """The file's new content, in its own encoding."""
        return self.text.encode(self.encoding)


def parse(text: str) -> Source | Refused:
    """`text` as a Source; refused when it is not Python."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        return Refused(f"is not Python: {error.msg}", "Correct the file, then run the command again.", error.lineno)
    except ValueError as error:
        return Refused(f"is not Python: {error}", "Correct the file, then run the command again.")
    return Source(text, tree)


def decode(content: bytes) -> Source | Refused:
    """A Python file's bytes as a Source, in the encoding that the file declares."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError) as error:
        remedy = "Save the file as UTF-8, or declare its encoding on its first line."
        return Refused(f"is not text: {error}", remedy, _undecodable(content, error))
    if content.startswith(codecs.BOM_UTF8):
        text = text.removeprefix("\ufeff")
    parsed = parse(text)
    return parsed if isinstance(parsed, Refused) else replace(parsed, encoding=encoding)


def _undecodable(content: bytes, error: SyntaxError | UnicodeDecodeError) -> int:
    """The line of the first byte that is no text; the first, which declares the encoding, when it is unknown."""
    if isinstance(error, SyntaxError):
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as invalid:
            error = invalid
        else:
            return 1
    return content.count(b"\n", 0, error.start) + 1


def _lines(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        breaks = [at for at in (text.find("\n", start), text.find("\r", start)) if at >= 0]
        if not breaks:
            yield text[start:]
            return
        end = min(breaks)
        end += 2 if text.startswith("\r\n", end) else 1
        yield text[start:end]
        start = end
