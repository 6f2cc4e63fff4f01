from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mesh_scaffold.apply import ApplyError, apply
from mesh_scaffold.recovery import RecoveryError

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_scaffold.plan import Plan

    from .conftest import Bench


def failure(plan: Plan, root: Path, files: Any) -> ApplyError | None:
    """How applying `plan` fails; None when it succeeds all the same."""
    try:
        apply(plan, root, files)
    except ApplyError as error:
        return error
    return None


def test_a_full_disk_at_any_call_leaves_the_old_tree_or_the_new_one_at_once(bench: Bench) -> None:
    assert len(bench.log) > 50
    for at, call in enumerate(bench.log):
        root, plan = bench.trial()
        error = failure(plan, root, bench.Faults(at, bench.no_space))
        assert bench.ended(root) == ("old" if error else "new"), call
        assert error is None or "No space left on device" in str(error)
        assert bench.recover(root) == []
        assert bench.ended(root) == ("old" if error else "new"), call


def test_a_disk_that_stays_full_is_recovered_when_it_has_space_again(bench: Bench) -> None:
    for at, call in enumerate(bench.log):
        root, plan = bench.trial()
        failure(plan, root, bench.FullDisk(at))
        bench.recover(root)
        bench.ended(root)
        assert bench.recover(root) == [], call


def test_a_full_disk_at_any_call_of_a_recovery_is_said_and_survived(bench: Bench) -> None:
    for at in range(0, len(bench.log), 5):
        files = bench.Faults()
        bench.recover(bench.killed(at), files)
        for second in range(len(files.log)):
            root = bench.killed(at)
            try:
                bench.recover(root, bench.Faults(second, bench.no_space))
            except (ApplyError, RecoveryError) as error:
                assert "No space left on device" in str(error)  # noqa: PT017  it may also succeed
            bench.recover(root)
            bench.ended(root)


def test_a_recovery_that_fails_names_the_change_the_files_and_the_remedy(bench: Bench) -> None:
    at = [call[0] for call in bench.log].index("replace")
    root = bench.killed(at + 3)
    for staged in root.glob(".mesh/local/undo/1/*.new"):
        staged.unlink()  # so that it cannot be finished
    with pytest.raises(RecoveryError) as caught:
        bench.recover(root, bench.FullDisk(4))  # the first four take the lock
    assert caught.value.exit_code == 2
    assert str(caught.value).startswith(".mesh/local/undo/1: mesh new post-type poll of 20")
    assert "was interrupted and cannot be taken back\n  Free space or correct the permissions" in str(caught.value)
    assert "app/cards/poll.html: could not be taken back: No space left on device" in str(caught.value)
