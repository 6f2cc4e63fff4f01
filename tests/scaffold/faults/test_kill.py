from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh_scaffold.apply import apply, changing
from mesh_scaffold.plan import Plan
from mesh_scaffold.tree import Disk, Tree

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Bench


@pytest.mark.parametrize("strike", ["kill", "tear"])
def test_a_kill_at_any_call_is_recovered_to_the_old_tree_before_the_mark_and_to_the_new_one_after(
    bench: Bench, strike: str
) -> None:
    ends = []
    for at in range(len(bench.log)):
        root = bench.killed(at, getattr(bench, strike))
        said = bench.recover(root)
        ends.append(bench.ended(root))
        assert len(said) <= 1
        assert bench.recover(root) == []
        tree = Tree(Disk(root))
        tree.write("app/feed.py", "FEEDS = [1, 2]\n")
        apply(Plan.of(tree, "new post-type quiz"), root)  # all goes on as if nothing had been
        assert (root / "app/feed.py").read_bytes() == b"FEEDS = [1, 2]\n"
    mark = next(turn for turn, call in enumerate(bench.log) if call[0] == "write_new" and call[1].name == "committed")
    torn = 1 if strike == "tear" else 0  # an empty file has no middle: torn, the mark is there
    assert ends == ["old"] * (mark + 1 - torn) + ["new"] * (len(ends) - mark - 1 + torn)


@pytest.mark.slow
def test_a_kill_at_any_call_of_the_recovery_is_recovered(bench: Bench) -> None:
    for at in range(len(bench.log)):
        files = bench.Faults()
        bench.recover(bench.killed(at), files)
        for second in range(len(files.log)):
            root = bench.killed(at)
            assert bench.in_child(partial(bench.recover, root, bench.Faults(second, bench.kill)))
            bench.recover(root)
            bench.ended(root)


def test_two_kills_in_a_row_during_recovery_are_recovered(bench: Bench) -> None:
    for at in range(len(bench.log)):
        for second in range(at % 12, 60, 12):
            root = bench.killed(at)
            if not bench.in_child(partial(bench.recover, root, bench.Faults(second, bench.kill))):
                break
            bench.in_child(partial(bench.recover, root, bench.Faults((at + second) % 12, bench.kill)))
            bench.recover(root)
            bench.ended(root)


def test_a_kill_while_an_error_is_taken_back_is_recovered(bench: Bench) -> None:
    def strike_twice(first: int, second: int) -> Any:
        files = bench.Faults(first, bench.no_space)

        def next_strike(call: tuple[object, ...]) -> None:
            files._at, files._strike = second, bench.kill
            bench.no_space(call)

        files._strike = next_strike
        return files

    for first in range(0, len(bench.log), 4):
        for second in range(first + 1, first + 60, 3):
            root, plan = bench.trial()
            if not bench.in_child(partial(apply, plan, root, strike_twice(first, second))):
                break
            bench.recover(root)
            bench.ended(root)


def test_a_recovery_says_what_it_did(bench: Bench) -> None:
    names = [call[0] for call in bench.log]
    (said,) = bench.recover(bench.killed(names.index("keep")))
    assert said.startswith("mesh new post-type poll of 20")
    assert said.endswith("was interrupted; it is discarded now")
    (said,) = bench.recover(bench.killed(names.index("replace") + 2))
    assert said.endswith("was interrupted; it is finished now")


def test_a_new_project_whose_making_was_killed_can_be_made(bench: Bench) -> None:
    def make(root: Path, files: Any = None) -> None:
        with changing(root, "init", files, tell=lambda _: None) as commit:
            tree = Tree(Disk(root))
            tree.write("app/models.py", "x = 1\n")
            tree.write(".mesh/record/app.json", "{}")
            commit(Plan.of(tree, "init"))

    counted = bench.Faults()
    root = bench.folder()
    make(root / "deep/app", counted)
    made = bench.snapshot(root / "deep/app")
    for at in range(len(counted.log)):
        root = bench.folder()
        assert bench.in_child(partial(make, root / "deep/app", bench.Faults(at, bench.kill)))
        make(root / "deep/app")
        assert bench.snapshot(root / "deep/app") == made


PATHS = st.sampled_from(["a", "b", "c/d", "c/e", "f/g/h", "f/g/i", "plugins/x/plugin.toml", ".mesh/record/x.json"])
FILES = st.dictionaries(PATHS, st.binary(max_size=2))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=FILES, new=FILES, gone=st.sets(PATHS), at=st.integers(0, 70))
def test_any_change_killed_anywhere_ends_as_the_old_tree_or_the_new_one(
    bench: Bench, before: dict[str, bytes], new: dict[str, bytes], gone: set[str], at: int
) -> None:
    def make(root: Path) -> Plan:
        for path, content in before.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        (root / ".mesh").mkdir(parents=True, exist_ok=True)
        tree = Tree(Disk(root))
        for path in gone:
            tree.delete(path)
        for path, content in new.items():
            tree.write(path, content)
        return Plan.of(tree, "new")

    root = bench.folder()
    plan = make(root)
    old = bench.snapshot(root)
    apply(plan, root)
    after = bench.snapshot(root)
    root = bench.folder()
    plan = make(root)
    bench.in_child(partial(apply, plan, root, bench.Faults(at, bench.kill)))
    bench.recover(root)
    assert bench.snapshot(root) in (old, after)
