"""Whatever the file looks like: other bytes stay, twice is once, the result parses, taking out restores it."""

from __future__ import annotations

import ast
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_scaffold.targets.python.edits import (
    ClassField,
    DictEntry,
    Edit,
    Edited,
    Element,
    EnumMember,
    GuardedItem,
    ImportedName,
    Refused,
    Source,
    decode,
    parse,
)

STEADY = settings(deadline=None, derandomize=True)
"""The same examples on every machine, however busy it is."""
NEWLINES = st.sampled_from(["\n", "\r\n", "\r"])
INDENTS = st.sampled_from(["    ", "\t", "  "])
SPACES = st.sampled_from(["", " ", "   ", "\t"])
COMMENTS = st.sampled_from(["", "  # note, with ] and 'quotes'", " # ünïcode ✓"])
QUOTES = st.sampled_from(['"', "'"])


@st.composite
def collections(draw: st.DrawFn) -> str:
    """A list, tuple or set of members, in one line or many, with and without commas and comments."""
    opening, closing = draw(st.sampled_from(["[]", "()", "{}"]))
    count = draw(st.integers(1 if opening == "{" else 0, 3))
    members = [f"PostType.OLD{n}" if draw(st.booleans()) else f"(PostType.OLD{n})" for n in range(count)]
    trailing = bool(members) and (draw(st.booleans()) or (opening == "(" and count == 1))
    if draw(st.booleans()):
        gap = draw(SPACES)
        separator = f",{draw(SPACES)}"
        body = gap + separator.join(members) + ("," if trailing else "") + draw(SPACES)
        return opening + body + closing
    indent = draw(INDENTS)
    lines = [draw(COMMENTS)]
    for number, member in enumerate(members):
        if draw(st.booleans()):
            lines.append(f"{indent}# about the next")
        comma = "," if number < count - 1 or trailing else ""
        lines.append(f"{indent}{member}{draw(SPACES) if comma else ''}{comma}{draw(COMMENTS)}")
    if draw(st.booleans()):
        lines.append(f"{indent}# the end")
    hugging = draw(st.booleans()) and "#" not in lines[-1]
    return opening + "\n".join(lines) + ("" if hugging else "\n") + closing


@st.composite
def entries(draw: st.DrawFn) -> str:
    """The inside of a dict literal, in one line or many."""
    quote = draw(QUOTES)
    pairs = [f"{quote}old{n}{quote}: fields.get({quote}old{n}{quote})" for n in range(draw(st.integers(0, 3)))]
    comma = "," if pairs and draw(st.booleans()) else ""
    if draw(st.booleans()):
        return "{" + ", ".join(pairs) + comma + draw(SPACES) + "}"
    body = f",{draw(COMMENTS)}\n        ".join(pairs)
    return "{\n        " + body + comma + draw(COMMENTS) + "\n    }"


@st.composite
def class_bodies(draw: st.DrawFn) -> str:
    """A class with a docstring, members, a method, some of them or none."""
    kind, members = draw(st.sampled_from([("StrEnum", 'OLD{n} = "OLD{n}"'), ("Base", "old{n}: int | None = None")]))
    del kind
    if draw(st.integers(0, 5)) == 0:
        return f"class Thing(Base): {draw(st.sampled_from(['pass', '...', 'x = 1']))}{draw(COMMENTS)}\n"
    lines = []
    if draw(st.booleans()):
        lines.append('    """A thing.\n\n    Of many lines."""' + draw(COMMENTS))
    for n in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            lines.append("    # about the next")
        lines.append("    " + members.format(n=n) + draw(COMMENTS))
    if draw(st.booleans()) or not lines:
        lines.append("\n    def method(self) -> int:\n        x: int = 1\n        return x")
    return "class Thing(Base):\n" + "\n".join(lines) + draw(st.sampled_from(["\n", "\n\n\ny = 1\n"]))


@st.composite
def functions(draw: st.DrawFn) -> str:
    """A function that fills a dict key by key."""
    blocks = "".join(
        f'    if "old{n}" in params:{draw(COMMENTS)}\n        data["old{n}"] = fields.get("old{n}"){draw(COMMENTS)}\n'
        for n in range(draw(st.integers(0, 2)))
    )
    start = draw(st.sampled_from(["data = {}", "data: dict[str, object] = {}"]))
    return f"async def change(params):\n    {start}{draw(COMMENTS)}\n{blocks}    # save it\n    return data\n"


@st.composite
def import_blocks(draw: st.DrawFn) -> str:
    """The head of a module."""
    choices = [
        "from __future__ import annotations",
        "import re",
        "from datetime import datetime",
        "from datetime import (\n    datetime,  # a moment\n)",
        "from decimal import Decimal, localcontext",
        "from pydantic import BaseModel",
        "from app.models import Post",
    ]
    lines = [line for line in choices if draw(st.booleans())] or choices[:1]
    if "from datetime import datetime" in lines and any("(" in line for line in lines):
        lines.remove("from datetime import datetime")
    head = draw(st.sampled_from(["", '"""A module."""\n\n', "#!/usr/bin/python\n# -*- coding: utf-8 -*-\n"]))
    return head + "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\nx = 1\n"]))


def _value(edit: Edited | Refused) -> Edited:
    assert isinstance(edit, Edited), edit
    return edit


def _source(text: str) -> Source:
    source = parse(text)
    assert isinstance(source, Source), (source, text)
    return source


def _is_subsequence(small: str, large: str) -> bool:
    rest = iter(large)
    return all(char in rest for char in small)


def _holds_for(text: str, edits: list[Edit]) -> None:
    """Adds every edit in turn, then takes them out in every order."""
    before = source = _source(text)
    insertions = {}
    for edit in edits:
        result = _value(edit.ensure(source))
        assert result.insertion.made
        assert _is_subsequence(source.text, result.source.text)
        inserted = len(result.source.text) - len(source.text)
        parts = (result.insertion.before, result.insertion.text, result.insertion.after)
        assert inserted == sum(map(len, parts))
        assert result.source.text.count(result.insertion.text) >= 1
        again = _value(edit.ensure(result.source))
        assert again.source.text == result.source.text
        assert not again.insertion.made
        insertions[edit.syntax_path] = result.insertion
        source = result.source
    for order in itertools.permutations(edits):
        rest = source
        for edit in order:
            smaller = edit.subtract(rest, insertions[edit.syntax_path])
            assert isinstance(smaller, Source), (smaller, rest.text)
            assert edit.subtract(smaller, insertions[edit.syntax_path]) is smaller
            rest = smaller
        assert rest.text == before.text, [edit.syntax_path for edit in order]


def _with_newline(text: str, newline: str) -> str:
    return text.replace("\n", newline)


@STEADY
@given(collections(), NEWLINES, st.booleans(), st.integers(1, 3))
def test_an_element_goes_in_and_comes_out(code: str, newline: str, in_dict: bool, count: int) -> None:
    text = f'FEEDS = {{"a": {code}}}\n' if in_dict else f"TYPES = {code}\n"
    name, key = ("FEEDS", "a") if in_dict else ("TYPES", None)
    edits: list[Edit] = [Element(name, f"PostType.NEW{n}", key) for n in range(count)]
    _holds_for(_with_newline(text, newline), edits)


@STEADY
@given(entries(), NEWLINES, st.booleans(), st.integers(1, 3))
def test_an_entry_goes_in_and_comes_out(code: str, newline: str, in_function: bool, count: int) -> None:
    text = f"def create(fields):\n    row: dict = {code}\n    return row" if in_function else f"row = {code}"
    function = "create" if in_function else None
    edits: list[Edit] = [DictEntry("row", f"new{n}", f'fields.get("new{n}")', function) for n in range(count)]
    _holds_for(_with_newline(text, newline), edits)


@STEADY
@given(class_bodies(), NEWLINES, INDENTS, st.booleans(), st.integers(1, 3))
def test_a_member_goes_in_and_comes_out(code: str, newline: str, indent: str, enum: bool, count: int) -> None:
    text = _with_newline(code.replace("    ", indent), newline)
    edits: list[Edit] = [
        EnumMember("Thing", f"NEW{n}", f"NEW{n}") if enum else ClassField("Thing", f"new{n}", "str | None")
        for n in range(count)
    ]
    _holds_for(text, edits)


@STEADY
@given(functions(), NEWLINES, INDENTS, st.integers(1, 3))
def test_a_block_goes_in_and_comes_out(code: str, newline: str, indent: str, count: int) -> None:
    text = _with_newline(code.replace("    ", indent), newline)
    edits: list[Edit] = [GuardedItem("change", "data", f"new{n}", "params", "fields.get({key})") for n in range(count)]
    _holds_for(text, edits)


@STEADY
@given(import_blocks(), NEWLINES)
def test_an_import_goes_in_and_comes_out(code: str, newline: str) -> None:
    edits: list[Edit] = [
        ImportedName("datetime", "date"),
        ImportedName("app.validators.poll", "PollValidation"),
        ImportedName("uuid", "UUID"),
    ]
    _holds_for(_with_newline(code, newline), edits)


@STEADY
@given(collections(), st.sampled_from([b"", b"\xef\xbb\xbf", b"# -*- coding: latin-1 -*-\n"]))
def test_bytes_survive_a_byte_order_mark_and_an_encoding(code: str, head: bytes) -> None:
    code = code.replace("✓", "x")
    encoding = "latin-1" if b"latin" in head else "utf-8"
    content = head + f"# é\nTYPES = {code}".encode(encoding)
    source = decode(content)
    assert isinstance(source, Source)
    assert source.to_bytes() == content
    result = _value(Element("TYPES", "PostType.NEW").ensure(source))
    assert result.source.to_bytes().startswith(head)
    smaller = Element("TYPES", "PostType.NEW").subtract(result.source, result.insertion)
    assert isinstance(smaller, Source)
    assert smaller.to_bytes() == content


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_positions_agree_with_python_for_odd_line_breaks(newline: str) -> None:
    text = f"x = 'é\u2028\x0c'{newline}\x0cy = [\x0c'ü', 2]{newline}"
    source = _source(text)
    second = source.tree.body[1]
    assert isinstance(second, ast.Assign)
    assert source.code(second) == "y = [\x0c'ü', 2]"
