from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_descriptors.errors import Place
from mesh_scaffold.spec.findings import SpecError
from mesh_scaffold.spec.model import UNSET, FieldType, Node, PostTypeSpec
from mesh_scaffold.spec.read import read_document, read_spec
from mesh_scaffold.spec.write import to_document, to_yaml

RECIPE = """# A dish.
kind: post-type
name: recipe
label: Recipe
icon: utensils
storage: columns
feeds: [global]
fields:
  title:      {type: string, max_length: 120}
  servings:   {type: int, required: false, min: 1, max: 50}
  difficulty: {type: enum, values: [easy, medium, hard], default: easy}
  steps:      {type: "list[string]", min_items: 1, max_items: 40}
  photo:      {type: image, required: false}
  chef:       {type: "ref[user]", required: false, renamed_from: cook}
card: true
form: true
node: {width: 320}
"""


def read(fields: str, head: str = "") -> PostTypeSpec:
    """A spec named poll with these field lines."""
    lines = "\n  ".join(fields.split("\n"))
    return read_spec(f"kind: post-type\nname: poll\n{head}fields:\n  {lines}\n".encode(), "specs/poll.yaml")


def default(field: str) -> Any:
    """The default of the one field."""
    return read(field).fields[0].default


def test_the_example_of_the_documentation_is_read_whole() -> None:
    spec = read_spec(RECIPE.encode(), "specs/recipe.yaml")
    assert (spec.kind, spec.name, spec.label, spec.icon) == ("post-type", "recipe", "Recipe", "utensils")
    assert (spec.storage, spec.feeds, spec.card, spec.form, spec.node) == (
        "columns",
        ("global",),
        True,
        True,
        Node(320),
    )
    assert (spec.enum_value, spec.class_name, spec.path) == ("RECIPE", "Recipe", "specs/recipe.yaml")
    title, servings, difficulty, steps, photo, chef = spec.fields
    assert (title.type, title.max_length, title.required, title.label) == (FieldType("string"), 120, True, "Title")
    assert (servings.min, servings.max, servings.required) == (1, 50, False)
    assert (difficulty.values, difficulty.default) == (("easy", "medium", "hard"), "easy")
    assert (steps.type, steps.min_items, steps.max_items) == (FieldType("string", is_list=True), 1, 40)
    assert (photo.type.name, photo.has_default, photo.default) == ("image", False, UNSET)
    assert (chef.type, str(chef.type), chef.renamed_from) == (FieldType("ref", ref="user"), "ref[user]", "cook")
    assert [spec.column_of(field) for field in (title, chef)] == ["recipe_title", "recipe_chef"]


def test_what_is_left_out_has_its_default() -> None:
    spec = read("apple_pies: {type: int}")
    assert (spec.label, spec.icon, spec.storage, spec.feeds) == ("Poll", None, "columns", ("global",))
    assert (spec.card, spec.form, spec.node, spec.renamed_from) == (True, True, None, None)
    assert (spec.fields[0].label, spec.fields[0].required) == ("Apple pies", True)


def test_scalars_stay_source_text_until_the_type_reads_them() -> None:
    values = (
        read("f: {type: enum, values: [on, off, yes, 12:30, 1.10, 010, null, ~, 2025-01-01, 0x1F]}").fields[0].values
    )
    assert values == ("on", "off", "yes", "12:30", "1.10", "010", "null", "~", "2025-01-01", "0x1F")
    assert default("f: {type: string, default: 12:30}") == "12:30"
    assert default("f: {type: string, default: 1.10}") == "1.10"
    assert default("f: {type: text, default: off}") == "off"
    assert str(default("f: {type: decimal, default: 1.10}")) == "1.10"


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("f: {type: int, default: -5}", -5),
        ("f: {type: int, default: '5'}", 5),
        ("f: {type: int, default: 9223372036854775807}", 2**63 - 1),
        ("f: {type: float, default: 1e-3}", 0.001),
        ("f: {type: float, default: 3}", 3.0),
        ("f: {type: decimal, default: -12.50}", Decimal("-12.50")),
        ("f: {type: bool, default: False}", False),
        ("f: {type: date, default: 2024-02-29}", date(2024, 2, 29)),
        ("f: {type: datetime, default: 2025-01-31 20:00:00+02:00}", datetime(2025, 1, 31, 18, tzinfo=UTC)),
        ("f: {type: datetime, default: 2025-01-31T20:00:00.25Z}", datetime(2025, 1, 31, 20, 0, 0, 250000, tzinfo=UTC)),
        ("f: {type: url, default: https://a.org/b?c=d#e}", "https://a.org/b?c=d#e"),
        ("f: {type: image, default: /static/none.png}", "/static/none.png"),
        ('f: {type: string, default: ""}', ""),
        ('f: {type: "list[int]", default: []}', ()),
        ('f: {type: "list[date]", default: [2024-02-29]}', (date(2024, 2, 29),)),
        ('f: {type: json, default: {a: [1, 2.5, true, "1", on, null, 1.10, 12:30]}}',
         {"a": [1, 2.5, True, "1", "on", None, 1.1, "12:30"]}),
        ("f: {type: json, default: 3}", 3),
    ],
)  # fmt: skip
def test_a_default_has_the_python_type_of_its_field(field: str, expected: object) -> None:
    found = default(field)
    assert found == expected
    assert type(found) is type(expected)


def test_bounds_of_a_list_bind_its_items() -> None:
    field = read('f: {type: "list[decimal]", min: 0.10, max: 2, min_items: 1}').fields[0]
    assert (field.min, field.max, field.min_items) == (Decimal("0.10"), Decimal(2), 1)


def test_camel_case_keys_are_snake_case_names() -> None:
    spec = read("imageUrl: {type: image}\nHTMLText: {type: text}".replace("HTML", "html"))
    assert [(field.key, field.name) for field in spec.fields] == [("imageUrl", "image_url"), ("htmlText", "html_text")]


def test_shorthand_classes_of_a_pattern_are_written_out() -> None:
    assert read(r"f: {type: string, pattern: '^\d+[\w-]$'}").fields[0].pattern == r"^[0-9]+[A-Za-z0-9_\-]$"


def test_a_byte_order_mark_and_windows_line_ends_are_read() -> None:
    text = "\ufeff" + RECIPE.replace("\n", "\r\n")
    assert read_spec(text.encode(), "specs/recipe.yaml") == read_spec(RECIPE.encode(), "specs/recipe.yaml")


def test_a_spec_knows_where_its_keys_stand() -> None:
    spec = read_spec(RECIPE.encode(), "specs/recipe.yaml")
    assert spec.place("fields", "chef", "renamed_from") == Place("specs/recipe.yaml", 14, 66)
    assert spec.place("fields", "title", "default") == Place("specs/recipe.yaml", 9, 3)
    assert spec.place("label") == Place("specs/recipe.yaml", 4, 8)
    assert spec.place("renamed_from") == Place("specs/recipe.yaml", 2, 1)


def test_comments_places_and_order_of_keys_are_no_part_of_the_value() -> None:
    moved = "# another\n\n" + RECIPE.replace("label: Recipe\n", "")
    assert read_spec(moved.encode(), "specs/recipe.yaml") == read_spec(RECIPE.encode(), "specs/recipe.yaml")


def test_another_project_may_have_other_references() -> None:
    text = b'kind: post-type\nname: poll\nfields:\n  f: {type: "ref[venue]"}\n'
    assert read_spec(text, "specs/poll.yaml", ["venue"]).fields[0].type.ref == "venue"


EVERYTHING = r"""
a: {type: string, min_length: 1, max_length: 9, pattern: '^\w+$', default: x, help: "a \"b\"\n\t{{c}}", label: "Ä '"}
b: {type: float, min: 1e-7, max: 1e+300, default: 0.1, column: shared}
c: {type: "list[ref[post]]", required: false, min_items: 0, max_items: 3}
d: {type: datetime, min: "2020-01-01T00:00:00Z", default: "2025-01-01T00:00:00+05:30", backfill: "2021-01-01T00:00:00Z"}
e: {type: json, default: {"x y": [1, "1", null, true, "true", "null", {"": []}]}}
f: {type: "list[enum]", values: ["true", "1", "~", "a, b", "null"], default: ["1", "~"]}
g: {type: decimal, default: 0.10, renamed_from: h}
""".strip()


@pytest.mark.parametrize("head", ["", "card: false\nform: false\nnode: true\nfeeds: []\nicon: x\nrenamed_from: old\n"])
def test_a_record_and_a_written_file_read_back_as_the_same_spec(head: str) -> None:
    spec = read(EVERYTHING, head)
    document = to_document(spec)
    assert read_document(document, "specs/poll.yaml") == spec
    assert read_spec(to_yaml(document).encode(), "specs/poll.yaml") == spec


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=30))
def test_any_text_of_a_label_survives_the_way_to_a_file_and_back(text: str) -> None:
    if not text.strip():
        text += "x"
    document = {"kind": "post-type", "name": "poll", "label": text, "fields": {"a": {"type": "enum", "values": [text]}}}
    from_record = read_document(document, "specs/poll.yaml")
    assert (from_record.label, from_record.fields[0].values) == (text, (text,))
    assert read_spec(to_yaml(document).encode(), "specs/poll.yaml") == from_record


def test_two_escapes_of_json_are_one_character_and_half_of_them_is_none() -> None:
    assert default('a: {type: string, default: "\\ud83d\\ude00 \\uD83D\\uDE00"}') == "\U0001f600 \U0001f600"
    with pytest.raises(SpecError, match=r"poll\.yaml:4:30: the character U\+D83D, which no text in Postgre"):
        read('a: {type: string, default: "\\ud83d!"}')
