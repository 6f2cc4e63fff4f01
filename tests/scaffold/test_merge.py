from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_scaffold.markers import marked_line
from mesh_scaffold.merge import merge_lines, merge_without_base, merge_words

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = st.lists(st.sampled_from("abcd"), max_size=8).map(lambda letters: "".join(f"{letter}\n" for letter in letters))


def test_what_one_side_left_alone_is_the_others() -> None:
    merge = merge_lines("a\nb\nc\nd\n", "a\nmine\nc\nd\n", "a\nb\nc\nnew\nd\n")
    assert (merge.marked, merge.conflicts) == ("a\nmine\nc\nnew\nd\n", 0)


def test_a_place_that_both_sides_changed_is_marked_as_git_does() -> None:
    merge = merge_lines("a\nb\nc\n", "a\nmine\nc\n", "a\nnew\nc\n")
    assert merge.conflicts == 1
    assert merge.marked == "a\n<<<<<<< yours\nmine\n=======\nnew\n>>>>>>> generated\nc\n"
    assert merge.mine == "a\nmine\nc\n"
    assert merge.generated == "a\nnew\nc\n"
    assert marked_line(merge.marked) == 2
    assert marked_line("a\n=======\nb\n") is None


@pytest.mark.parametrize(
    ("ours", "theirs", "merged"),
    [
        ("a\nmine\nc\n", "a\nb\nnew\nc\n", "a\nmine\nnew\nc\n"),
        ("a\nmine\nc\n", "a\nnew\nb\nc\n", "a\nnew\nmine\nc\n"),
        ("a\nb\nmine\nc\n", "a\nnew\nc\n", "a\nnew\nmine\nc\n"),
        ("a\nb\nmine", "a\nb\nc\nnew\n", "a\nb\nmine\nnew\n"),
    ],
)
def test_lines_beside_a_change_are_put_beside_it(ours: str, theirs: str, merged: str) -> None:
    merge = merge_lines("a\nb\nc\n", ours, theirs)
    assert (merge.marked, merge.conflicts) == (merged, 0)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("a\nc\n", "a\nb\nnew\nc\n"), ("a\nb\nmine\nc\n", "a\nc\n"), ("a\nb\nmine\nc\n", "a\nb\nnew\nc\n")],
)
def test_lines_beside_what_was_deleted_or_beside_others_are_a_conflict(ours: str, theirs: str) -> None:
    assert merge_lines("a\nb\nc\n", ours, theirs).conflicts == 1


@pytest.mark.parametrize(
    ("ours", "theirs", "merged"),
    [
        ("a\n\nmine\n", "a\nnew\n", "a\nnew\n\nmine\n"),
        ("a\nmine\n", "a\n\nnew\n", "a\nmine\n\nnew\n"),
        ("a\n\n\nmine", "a\nnew\n", "a\nnew\n\n\nmine"),
    ],
)
def test_what_goes_on_stands_before_what_begins_behind_a_blank_line(ours: str, theirs: str, merged: str) -> None:
    merge = merge_lines("a\n", ours, theirs)
    assert (merge.mine, merge.conflicts) == (merged, 0)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("a\n\nmine\n", "a\n\nnew\n"), ("a\n\nboth\n", "a\nnew\n\nboth\n"), ("\nmine\n", "new\n")]
)
def test_where_the_order_is_not_known_both_sides_are_marked(ours: str, theirs: str) -> None:
    merge = merge_lines("a\n", ours, theirs) if ours.startswith("a") else merge_without_base(ours, theirs)
    assert merge.conflicts == 1


def test_a_conflict_is_as_small_as_its_difference() -> None:
    merge = merge_lines("a\n", "x\nmine\ny\n", "x\nnew\ny\n")
    assert merge.marked == "x\n<<<<<<< yours\nmine\n=======\nnew\n>>>>>>> generated\ny\n"


def test_a_last_line_without_an_end_gets_one_before_a_marker() -> None:
    merge = merge_lines("a", "mine", "new")
    assert merge.marked == "<<<<<<< yours\nmine\n=======\nnew\n>>>>>>> generated\n"
    assert merge.mine == "mine"


def test_other_line_ends_are_no_change_of_lines() -> None:
    merge = merge_lines("a\nb\nc\n", "a\r\nmine\r\nc\r\n", "a\nb\nc\nd\n")
    assert (merge.marked, merge.conflicts) == ("a\r\nmine\r\nc\r\nd\r\n", 0)
    assert "<<<<<<< yours\r\n" in merge_lines("a\n", "mine\r\n", "new\n").marked


def test_without_a_base_only_what_both_wrote_in_one_place_is_a_conflict() -> None:
    assert merge_without_base("a\nmine\nb\n", "a\nb\nnew\n").marked == "a\nmine\nb\nnew\n"
    assert merge_without_base("a\nmine\n", "a\nnew\n").conflicts == 1


@pytest.mark.parametrize(
    ("ours", "merged"),
    [
        ('"cook": clean(get("cook"))', '"chef": clean(get("chef"))'),
        ('"cook":  get("cook")', '"chef":  get("chef")'),
        ('"cook": get("kitchen")', None),
    ],
)
def test_words_are_merged_where_the_sides_do_not_touch(ours: str, merged: str | None) -> None:
    assert merge_words('"cook": get("cook")', ours, '"chef": get("chef")') == merged


@given(TEXTS, TEXTS)
def test_a_side_that_changed_nothing_takes_all_of_the_other(base: str, other: str) -> None:
    assert merge_lines(base, base, other).marked == other
    assert merge_lines(base, other, base).marked == other
    assert merge_lines(base, other, other).marked == other


@given(TEXTS, TEXTS, TEXTS)
def test_every_line_of_a_side_is_in_the_merge_or_was_taken_out_by_the_other(base: str, ours: str, theirs: str) -> None:
    merge = merge_lines(base, ours, theirs)
    for side in (ours, theirs):
        for line in side.splitlines():
            assert merge.marked.splitlines().count(line) >= 1 or line in base.splitlines()
    if not merge.conflicts:
        assert merge.mine == merge.generated == merge.marked


@pytest.mark.skipif(shutil.which("git") is None, reason="git tells what git does")
@given(data=st.data())
def test_where_git_merges_the_same_comes_out(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder: Path = tmp_path_factory.mktemp("merge")
    lines = [f"line {number}\n" for number in range(12)]
    one, two = data.draw(st.integers(0, 4)), data.draw(st.integers(7, 11))
    base, ours, theirs = list(lines), list(lines), list(lines)
    ours[one] = data.draw(st.sampled_from(["", "mine\n", f"mine\n{lines[one]}"]))
    theirs[two] = data.draw(st.sampled_from(["", "new\n", f"{lines[two]}new\n"]))
    for name, side in (("base", base), ("ours", ours), ("theirs", theirs)):
        (folder / name).write_text("".join(side))
    merging = ["git", "merge-file", "-p", "ours", "base", "theirs"]
    done = subprocess.run(merging, cwd=folder, capture_output=True, text=True, check=True)
    assert merge_lines("".join(base), "".join(ours), "".join(theirs)).marked == done.stdout
