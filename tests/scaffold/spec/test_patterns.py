from __future__ import annotations

import re
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import StringConstraints, TypeAdapter

from mesh_scaffold.spec.patterns import PatternError, portable


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        ("", ""),
        ("^[a-z]+(-[a-z]+)*$", "^[a-z]+(-[a-z]+)*$"),
        (r"^\d{4}-\d\d$", "^[0-9]{4}-[0-9][0-9]$"),
        (r"\S\s", r"[^ \t\n\r\f\v][ \t\n\r\f\v]"),
        (r"[\w.+-]+@", r"[A-Za-z0-9_.+\-]+@"),
        (r"[a-z-9]", r"[a-z\-9]"),
        ("[()/|]", r"[\(\)\/\|]"),
        (r"a{2,}?(?:b|c)??\.", r"a{2,}?(?:b|c)??\."),
        (r"\u00e9[^\]\\]", r"\u00e9[^\]\\]"),
        ("(|a)", "(|a)"),
        ("a.b/c", "a.b/c"),
    ],
)
def test_a_portable_pattern_is_kept_or_written_out(pattern: str, written: str) -> None:
    assert portable(pattern) == written


@pytest.mark.parametrize(
    ("pattern", "message", "remedy"),
    [
        ("(?P<a>x)", "a named group in Python's own spelling (character 1)", "Write '(...)' without a name."),
        ("(?P=a)", "a named group's reference, which only Python knows (character 1)", "Write the text out again."),
        ("(?<a>x)", "a named group (character 1)", "Write '(...)' without a name."),
        ("x(?=a)", "a lookahead (character 2)", "Write the pattern for the whole text instead."),
        ("x(?!a)", "a lookahead (character 2)", "Write the pattern for the whole text instead."),
        ("(?<=a)b", "a lookbehind (character 1)", "Write the pattern for the whole text instead."),
        ("(?<!a)b", "a lookbehind (character 1)", "Write the pattern for the whole text instead."),
        ("(?>a)", "an atomic group, which only Python knows (character 1)", "Write '(?:...)'."),
        ("(?#a)", "a comment (character 1)", "Put it into the spec, after '#'."),
        ("(?(1)a|b)", "a condition, which only Python knows (character 1)", "Write alternatives: '(a|b)'."),
        ("(?i)a", "flags in the pattern (character 1)", "Write both cases out: '[Aa]'."),
        (r"\Aa", r"the escape '\A' (character 1)", "Write '^'."),
        (r"a\Z", r"the escape '\Z' (character 2)", "Write '$'."),
        (r"\bword", r"the escape '\b' (character 1)", "Write out what stands around the word."),
        (r"(a)\1", r"the escape '\1' (character 4)", "References to groups are not shared: write the text out again."),
        (r"\x41", r"the escape '\x' (character 1)", r"Write '\u00..' with four digits."),
        (r"\@", r"the escape '\@' (character 1)", "Write '@' without '\\'."),
        (r"\p{L}", r"the escape '\p' (character 1)", "It is not shared by Python, JavaScript and PostgreSQL."),
        (r"[\D]", r"the escape '\D' (character 2)", "It is not shared by Python, JavaScript and PostgreSQL."),
        ("a*+", "the possessive '*+', which only Python knows (character 2)", "Write '*'."),
        ("a**", "'*' with nothing to repeat before it (character 3)", r"Write '\*' for the character."),
        ("^*", "'*' with nothing to repeat before it (character 2)", r"Write '\*' for the character."),
        ("a{1,256}", "a count that is too high, '{1,256}' (character 2)", "PostgreSQL counts to 255."),
        ("a{", "a bare '{' (character 2)", r"Write '\{' for the character."),
        ("]", "a bare ']' (character 1)", r"Write '\]' for the character."),
        ("[]a]", "an empty '[]' (character 2)", r"Write '\]' for the character."),
        ("[a", "a '[' without its ']' (character 3)", r"Write '\[' for the character."),
        ("[[:alpha:]]", "a '[' inside of '[...]' (character 2)",
         r"Write '\[' for the character; POSIX classes are not shared."),
        ("[a&&b]", "'&&' inside of '[...]' (character 3)", "Write the character once."),
    ],
)  # fmt: skip
def test_what_the_languages_do_not_share_is_refused_with_a_remedy(pattern: str, message: str, remedy: str) -> None:
    with pytest.raises(PatternError) as caught:
        portable(pattern)
    assert str(caught.value) == f"the pattern has {message}"
    assert caught.value.remedy == remedy


@pytest.mark.parametrize("pattern", ["(a", "a)", "[z-a]", "a{2,1}", r"[\d-z]", "(" * 101])
def test_what_python_does_not_compile_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError, match="the pattern does not compile"):
        portable(pattern)


def test_a_pattern_that_is_a_page_long_is_refused() -> None:
    with pytest.raises(PatternError, match="the pattern has 501 characters"):
        portable("a" * 501)


@settings(deadline=None)
@given(st.text(r"abz09_-^$.*+?()[]{}|/\dwsDWS,&# é", max_size=12))
def test_whatever_is_accepted_compiles_in_python_and_in_rust(pattern: str) -> None:
    try:
        written = portable(pattern)
    except PatternError:
        return
    re.compile(written)
    TypeAdapter(Annotated[str, StringConstraints(pattern=written)])
    assert portable(written) == written


@given(st.text("abz09_- ", max_size=6))
def test_a_written_out_pattern_matches_the_same_ascii_text(text: str) -> None:
    for pattern in (r"^\w+$", r"[\w-]{2}", r"^[^\d]+$", r"\s", r"\W", "^[a-b-]+$"):
        assert bool(re.search(portable(pattern), text)) == bool(re.search(pattern, text, re.ASCII))
