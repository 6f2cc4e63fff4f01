from __future__ import annotations

import pytest

from mesh_scaffold.spec.backtracking import explodes
from mesh_scaffold.spec.patterns import PatternError, portable


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$", "(a*)*", "([a-z]+)*!", r"^(\w+\s?)*$", "(a|ab|b)+c", "(.*)*x", "(a?b?)*c", "(x+x+)+y",
        "(?:[a-z]{1,3})+1", "(a+){20}", "([0-9]|12)*x", "((a|b)+c?)+d", "(a+)+?b", "^(([a-z])+.)+[A-Z]$",
    ],
)  # fmt: skip
def test_what_repeats_in_more_than_one_way_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError, match="the pattern can take forever: it repeats what repeats in more"):
        portable(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "^[a-z0-9]+(?:-[a-z0-9]+)*$", r"^\d{1,3}(\.\d{1,3}){3}$", "(ab)*", "(a|b)*", r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
        r"^(\w+\s)*\w+$", r"^#([0-9a-f]{3}){1,2}$", "a*a*", "(?:[a-z]+,)+", "([0-9]{16})+", r"^([a-z]+\.)+[a-z]{2,}$",
        "^[A-Z]", "(a|bc)*d", r"^(https?://)?[a-z]+(/[a-z]*)*$", "", "(|a)*", "^(?:[0-9]{4}-){3}[0-9]{4}$",
    ],
)  # fmt: skip
def test_what_repeats_in_one_way_is_allowed(pattern: str) -> None:
    assert portable(pattern) is not None


def test_a_long_pattern_is_looked_at_quickly_or_not() -> None:
    assert not explodes("[a-z]?" * 80)
    assert explodes("(" + "[a-z]?" * 80 + ")*")
    assert not explodes("(" + "[a-z]{1,9}[0-9]" * 40 + ")*")
