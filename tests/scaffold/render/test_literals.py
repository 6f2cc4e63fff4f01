from __future__ import annotations

import ast
import html as html_escapes
import json
import tomllib
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from mesh_scaffold.render.literals import UnsafeTextError, comment, html, js, name, py, sql, sql_name, toml
from mesh_scaffold.spec.model import UNSET

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")) | st.sampled_from(
    [
        '"',
        "'",
        "'\"",
        "\\",
        "*/",
        "${x}",
        "</script>",
        "\n",
        "$$",
        "\u202e",
        "😀",
        "{{ x }}",
        "{% if %}",
        "#}",
        "\\u0041",
        '"""',
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(VALUES)
def test_a_python_literal_is_the_value(value: Any) -> None:
    assert ast.literal_eval(str(py(value))) == value


@given(TEXT)
def test_a_python_literal_of_text_is_one_printable_line(text: str) -> None:
    assert str(py(text)).isprintable()


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("it's", '"it\'s"'),
        ('say "x"', "'say \"x\"'"),
        ("both ' and \"", '"both \' and \\""'),
        (Decimal("1.10"), 'Decimal("1.10")'),
        (date(2025, 1, 31), "date(2025, 1, 31)"),
        (datetime(2025, 1, 31, 20, 5, tzinfo=UTC), "datetime(2025, 1, 31, 20, 5, tzinfo=UTC)"),
        (datetime(2025, 1, 31, 0, 0, 0, 7, tzinfo=UTC), "datetime(2025, 1, 31, 0, 0, 0, 7, tzinfo=UTC)"),
        ((1, "a"), '[1, "a"]'),
        ("a\u202eb", '"a\\u202eb"'),
    ],
)
def test_python_literals_are_written_as_the_formatter_writes_them(value: object, literal: str) -> None:
    assert py(value) == literal


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (None, "NULL"),
        (True, "true"),
        (-5, "-5"),
        (1e-07, "1e-07"),
        (Decimal("1.10"), "1.10"),
        ("it's $$ \\", "'it''s $$ \\'"),
        ("it's\r\n\\ \u202e", "E'it''s\\r\\n\\\\ \\u202e'"),
        (datetime(2025, 1, 31, 20, tzinfo=UTC), "'2025-01-31T20:00:00+00:00'"),
        (["it's", 1], "'[\"it''s\", 1]'"),
        ({"a": Decimal("1.10")}, '\'{"a": "1.10"}\''),
    ],
)
def test_sql_literals(value: object, literal: str) -> None:
    assert sql(value) == literal


def test_sql_names_are_quoted() -> None:
    assert sql_name('a"b') == '"a""b"'
    for bad in ("", "a\0", "é" * 32):
        with pytest.raises(UnsafeTextError, match="is no PostgreSQL identifier"):
            sql_name(bad)


@given(VALUES.filter(lambda value: value is not None and "None" not in repr(value)))
def test_a_toml_literal_is_the_value(value: Any) -> None:
    assert tomllib.loads(f"x = {toml(value)}")["x"] == value


@given(VALUES)
def test_a_javascript_literal_is_the_value_and_ends_no_script_and_begins_no_template(value: Any) -> None:
    literal = str(js(value))
    assert json.loads(literal) == value
    assert not any(danger in literal for danger in ("<", ">", "{{", "{%", "{#", "`", "$", "&", "'"))


@given(TEXT)
def test_html_in_a_template_of_the_app_shows_the_text(text: str) -> None:
    rendered = Environment(autoescape=True, keep_trailing_newline=True).from_string(str(html(text))).render()
    assert html_escapes.unescape(rendered) == html_escapes.unescape(html_escapes.escape(text))
    assert "<" not in rendered
    assert "\r" not in rendered  # a browser would read it as a line feed


@given(TEXT)
def test_a_comment_is_one_line_that_ends_nothing(text: str) -> None:
    line = str(comment(text))
    assert len(line.splitlines()) <= 1
    assert not any(ending in line for ending in ("*/", "-->", '"""', "{{", "}}", "{%", "%}", "{#", "#}"))


def test_a_name_is_an_identifier_or_an_error() -> None:
    assert name("poll_id") == "poll_id"
    for bad in ("", "1a", "a b", "é", "a\n"):
        with pytest.raises(UnsafeTextError, match="is no identifier"):
            name(bad)


@pytest.mark.parametrize("filter_", [py, sql, toml])
def test_what_is_no_value_has_no_literal(filter_: Any) -> None:
    for value in (UNSET, object(), float("inf"), float("nan")):
        with pytest.raises(UnsafeTextError):
            filter_(value)
