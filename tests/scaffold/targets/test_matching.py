"""The generated test sends texts that a pattern matches, of the length that the bounds ask for."""

from __future__ import annotations

import re

import pytest

from mesh_scaffold.targets.python.matching import matching_text, other_text


@pytest.mark.parametrize(
    "pattern",
    ["^[A-Z]{3}-[0-9]+$", "a|b", "^(ab)+$", "[^x]y", "^.{4}$", "x?", "^[a-z]+( [a-z]+)*$", "\\.", "^[^A-Za-z0-9_]$"],
)
def test_a_text_matches(pattern: str) -> None:
    text = matching_text(pattern, 0, None)

    assert text is not None
    assert re.search(pattern, text)


def test_bounds_are_kept() -> None:
    assert matching_text("^[0-9]+$", 5, 6) == "00000"
    assert matching_text("ab", 5, 5) == "abxxx"
    assert matching_text("^a$", 2, None) is None


def test_a_text_that_does_not_match_is_thought_of_where_there_is_one() -> None:
    assert other_text("^[a-z]+$") == ""
    assert other_text(".*") is None
