from __future__ import annotations

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_scaffold.spec.names import name_problem, snake


@pytest.mark.parametrize("name", ["poll", "apple_music", "a", "top_10", "x1", "type", "match", "p" * 63])
def test_snake_case_words_are_names(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a/b", "'a/b' is a path, not a name"),
        ("..", "'..' is a path, not a name"),
        ("C:\\poll", r"'C:\\poll' is a path, not a name"),
        ("poll\n", "'poll\\n' is no snake_case name"),
        ("po ll", "'po ll' is no snake_case name"),
        ("a__b", "'a__b' is no snake_case name"),
        ("a_", "'a_' is no snake_case name"),
        ("__init__", "'__init__' is no snake_case name"),
        ("poll\u200b",
         "character 5 of the name 'poll\\u200b' is '\\u200b' (ZERO WIDTH SPACE, U+200B), no ASCII letter"),
        ("\uff50oll", "character 1 of the name '\uff50oll' is '\uff50' (FULLWIDTH LATIN SMALL LETTER P, U+FF50), "
                      "no ASCII letter"),
    ],
)  # fmt: skip
def test_other_words_are_refused(name: str, message: str) -> None:
    problem = name_problem(name)
    assert problem is not None
    assert problem[0] == message


def test_a_look_alike_is_told_what_it_looks_like() -> None:
    problem = name_problem("p\u043ell")
    assert problem is not None
    assert "CYRILLIC SMALL LETTER O, U+043E" in problem[0]
    assert problem[1] == "Write 'poll', in ASCII letters."


def test_words_may_be_reserved_in_one_language_and_free_in_another() -> None:
    assert name_problem("order", languages=("Python", "JavaScript")) is None
    assert name_problem("order") == ("'order' is a reserved word of SQL", "Choose another name, such as 'order_value'.")


@pytest.mark.parametrize("word", keyword.kwlist)
def test_no_keyword_of_python_is_a_name(word: str) -> None:
    assert name_problem(word.lower()) is not None


@pytest.mark.parametrize(
    ("key", "name"), [("imageUrl", "image_url"), ("imageURL", "image_url"), ("HTMLText", "html_text"), ("a1B", "a1_b")]
)
def test_camel_case_becomes_snake_case(key: str, name: str) -> None:
    assert snake(key) == name


@given(st.text(max_size=80))
def test_any_text_is_a_python_identifier_or_refused(text: str) -> None:
    if name_problem(text, camel=True) is None:
        assert snake(text).isidentifier()
        assert not keyword.iskeyword(snake(text))
        assert len(snake(text)) < 130
