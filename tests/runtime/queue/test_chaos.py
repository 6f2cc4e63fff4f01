from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.runtime.queue.chaos.scene import Plan, play
from tests.runtime.queue.chaos.storm import Every

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_nothing_is_lost_doubled_or_over_its_limit_while_everything_is_killed(tmp_path: Path) -> None:
    report = play(Plan(seconds=15, backlog=800, every=Every(restart=6, freeze=4)), tmp_path)
    print(report.figures)
    assert report.problems == []
    for deed in ("kill", "drop", "ghost", "freeze", "thaw", "restart"):
        assert report.figures[deed] > 0, f"no {deed} happened"
    assert report.figures["completed"] > 0
