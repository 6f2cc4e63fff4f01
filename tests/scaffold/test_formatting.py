"""The project's formatters run on generated text, and what they do to a file is no edit."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pytest

from mesh_scaffold.formatting import FormatterError, Formatters, same_after_format
from mesh_scaffold.testing import assert_patch, assert_unchanged, project

if TYPE_CHECKING:
    from pathlib import Path

UPPER = (sys.executable, "-c", "import sys; print(sys.stdin.read().upper(), end='')")


def python(program: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-c", program, *arguments)


def test_a_text_goes_through_the_command_of_its_suffix_and_other_files_stay(tmp_path: Path) -> None:
    formatters = Formatters({".txt": UPPER}, tmp_path)
    assert formatters.formatted("a/b.txt", "é\n".encode()) == "É\n".encode()
    assert formatters.formatted("a/b.md", b"x\n") == b"x\n"
    assert formatters.formatted("a/b.txt", b"") == b""


def test_the_longest_suffix_counts(tmp_path: Path) -> None:
    formatters = Formatters({".txt": ("false",), ".big.txt": UPPER}, tmp_path)
    assert formatters.formatted("x.big.txt", b"x") == b"X"


def test_the_command_runs_in_the_projects_folder_and_is_told_the_path(tmp_path: Path) -> None:
    say = python("import os, sys; print(os.getcwd(), sys.argv[1])", "--stdin-filename={path}")
    said = Formatters({".txt": say}, tmp_path).formatted("a/b.txt", b"x").decode()
    assert said == f"{tmp_path} --stdin-filename=a/b.txt\n"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("no-such-formatter", "-"), "cannot be run on a.txt: no-such-formatter -: No such file or directory"),
        (python("import sys; sys.exit('line 3 is odd')"), "line 3 is odd"),
        (python("import sys; sys.exit(7)"), "ended with 7: it says not why"),
        (("true",), "the formatter wrote nothing for a.txt: true"),
    ],
)
def test_a_formatter_that_fails_is_named_with_what_it_said(
    command: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(FormatterError) as error:
        Formatters({".txt": command}, tmp_path).formatted("a.txt", b"x\n")
    problem = error.value.problems[0]
    assert message in problem.message
    assert (error.value.exit_code, str(problem.place)) == (2, 'mesh.toml, field format.".txt"')
    assert problem.remedy


def test_a_formatter_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    sleeper = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    started = time.monotonic()
    with pytest.raises(FormatterError, match=r"took longer than 0\.5 seconds"):
        Formatters({".txt": python(sleeper)}, tmp_path, seconds=0.5).formatted("a.txt", b"x\n")
    assert time.monotonic() - started < 10


def test_generated_files_are_formatted_and_shared_ones_when_they_were_before(tmp_path: Path) -> None:
    tree = project({"tidy.txt": "A\n", "wild.txt": "a\n", "other.txt": "a\n"})
    tree.write("tidy.txt", "A\nb\n")
    tree.write("wild.txt", "a\nb\n")
    tree.write("new.txt", "c\n")
    tree.write("spec.txt", "mine\n")
    tree.delete("other.txt")
    Formatters({".txt": UPPER}, tmp_path).format_generated(tree, ["new.txt"])
    assert_patch(tree, "tidy.txt", "+B")
    assert_patch(tree, "wild.txt", "+b")
    assert tree.read("new.txt") == b"C\n"
    assert tree.read("spec.txt") == b"mine\n"


def test_without_formatters_nothing_is_touched() -> None:
    tree = project({"a.txt": "a\n"})
    Formatters().format_generated(tree, ["a.txt"])
    assert_unchanged(tree)


def test_what_the_formatter_makes_equal_is_the_same(tmp_path: Path) -> None:
    formatters = Formatters({".txt": UPPER}, tmp_path)
    assert same_after_format("a.txt", b"a b", b"A b", formatters)
    assert not same_after_format("a.txt", b"a b", b"A c", formatters)
    assert not same_after_format("a.md", b"a", b"A", formatters)


def test_a_text_that_the_formatter_refuses_is_another(tmp_path: Path) -> None:
    picky = python("import sys; text = sys.stdin.read(); sys.exit(1) if '!' in text else print(text)")
    assert not same_after_format("a.txt", b"a", b"a!", Formatters({".txt": picky}, tmp_path))
    with pytest.raises(FormatterError, match="cannot be run"):
        same_after_format("a.txt", b"a", b"b", Formatters({".txt": ("no-such-formatter",)}, tmp_path))


LAID_OUT = b'''def f(a, b):
    """Say.

        More.
    """
    # why
    return g("x", [a, b], {"k": 1})
'''


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (LAID_OUT.replace(b'"x"', b"'x'"), True),
        (LAID_OUT.replace(b"g(", b"(g(").replace(b"1})", b"1}))"), True),
        (LAID_OUT.replace(b"[a, b], ", b"[\n        a,\n        b,\n    ],\n"), True),
        (LAID_OUT.replace(b"Say.\n", b"Say.   \n"), True),
        (LAID_OUT.replace(b"\n", b"\r\n"), True),
        (LAID_OUT.replace(b"# why", b"# why not"), False),
        (LAID_OUT.replace(b"    # why\n", b""), False),
        (LAID_OUT.replace(b"1}", b"2}"), False),
        (LAID_OUT.replace(b"More", b"Less"), False),
        (LAID_OUT.replace(b"return", b"return return"), False),
        (b"\xff", False),
    ],
)
def test_python_is_compared_by_what_it_says(other: bytes, same: bool) -> None:
    assert same_after_format("a.py", LAID_OUT, other) is same
