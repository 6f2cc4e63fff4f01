"""Every mistake in a spec, with the whole of its message: line, column, what is wrong, and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_scaffold.spec.fields import KEYS
from mesh_scaffold.spec.findings import SpecError
from mesh_scaffold.spec.model import SCALAR_TYPES
from mesh_scaffold.spec.read import KEYS as TOP_KEYS
from mesh_scaffold.spec.read import read_document, read_spec
from mesh_scaffold.spec.write import to_document

LISTS = {
    "{types}": ", ".join([*SCALAR_TYPES, "ref[user]", "ref[post]", "list[...]"]),
    "{field_keys}": ", ".join(KEYS),
    "{spec_keys}": ", ".join(TOP_KEYS),
}


def _cases(file: str) -> list[object]:
    """The cases of a file beside this one: a title, the text, and the message that it must give."""
    content = (Path(__file__).parent / file).read_text("utf-8")
    for word, known in LISTS.items():
        content = content.replace(word, known)
    cases = [block.partition("\n") for block in content.split("=== ")[1:]]
    split = [(title, *(part.strip("\n") for part in body.split(">>>\n"))) for title, _, body in cases]
    return [pytest.param(text, message, id=title) for title, text, message in split]


def _message(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        read_spec(text.encode(), "specs/poll.yaml")
    assert caught.value.exit_code == 2
    return str(caught.value).replace("specs/poll.yaml:", "")


@pytest.mark.parametrize(("text", "message"), _cases("field_mistakes.txt"))
def test_a_wrong_field_is_named_with_place_and_remedy(text: str, message: str) -> None:
    assert _message(f"kind: post-type\nname: poll\nfields:\n  {text}\n") == message


@pytest.mark.parametrize(("text", "message"), _cases("document_mistakes.txt"))
def test_a_wrong_document_is_named_with_place_and_remedy(text: str, message: str) -> None:
    assert _message(text) == message


def test_all_problems_are_reported_at_once_by_line() -> None:
    fields = "  a: {type: sting}\n  b: {type: int, min: 2, max: 1, default: x}"
    text = f"kind: post-type\nname: Poll\nlabl: x\nfields:\n{fields}"
    with pytest.raises(SpecError) as caught:
        read_spec(text.encode(), "specs/poll.yaml")
    places = [(problem.place.line, problem.place.column) for problem in caught.value.problems if problem.place]
    assert places == [(2, 7), (3, 1), (5, 13), (6, 23), (6, 43)]
    assert all(problem.remedy for problem in caught.value.problems)


def test_a_file_that_is_no_text_is_refused() -> None:
    with pytest.raises(SpecError, match=r"specs/poll.yaml:2: is not UTF-8 text\n  Save the file as UTF-8\."):
        read_spec(b"kind: post-type\nname: \xff\n", "specs/poll.yaml")


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    with pytest.raises(SpecError, match=r"is too large for a spec: 65537 bytes, at most 65536 are read"):
        read_spec(b"#" * 65537, "specs/poll.yaml")


def test_too_many_fields_are_refused() -> None:
    fields = "".join(f"  f{number}: {{type: int}}\n" for number in range(201))
    with pytest.raises(SpecError, match=r"specs/poll.yaml:4:3: 201 fields, at most 200 are allowed"):
        read_spec(f"kind: post-type\nname: poll\nfields:\n{fields}".encode(), "specs/poll.yaml")


def test_a_document_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(SpecError, match="is nested too deeply"):
        read_spec(("kind: " + "[" * 5000).encode(), "specs/poll.yaml")


GOOD = """kind: post-type
name: poll
feeds: [global]
fields:
  title: {type: string, max_length: 12, pattern: '^\\d+', default: "1"}
  level: {type: enum, values: [a, b], default: a}
  at: {type: "list[datetime]", min_items: 1, default: [2025-01-31T20:00:00Z]}
  meta: {type: json, required: false, default: {a: [1, 2.5]}}
node: {width: 320}
"""
DAMAGE = st.text(st.sampled_from("\n :,{}[]\"'&*!|>%@`#-?~0e\\\t\r\u2028\ufeff\x85é") | st.characters(), max_size=3)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(GOOD)), st.integers(0, 6), DAMAGE)
def test_a_damaged_spec_is_read_or_refused_and_never_a_crash(start: int, length: int, damage: str) -> None:
    text = GOOD[:start] + damage + GOOD[start + length :]
    try:
        spec = read_spec(text.encode("utf-8", "replace"), "specs/poll.yaml")
    except SpecError as error:
        places = [problem.place for problem in error.problems]
    else:
        places = []
        assert read_document(to_document(spec), "specs/poll.yaml") == spec
    assert all(place and place.line for place in places)
