from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from tests.runtime.queue.conftest import Rows


def test_a_gate_is_defined_changed_and_checked(rows: Rows) -> None:
    rows("SELECT mesh.define_gate('a', 2)")
    rows("SELECT mesh.define_gate('a', 2, 0.5)")
    rows("SELECT mesh.define_gate('b', rate => 3, burst => 1)")
    found = "SELECT key, most_running, rate, burst, round(tokens) FROM mesh.gates ORDER BY key"
    assert rows(found) == [("a", 2, 0.5, 1, 1), ("b", None, 3, 1, 1)]
    rows("SELECT mesh.define_gate('a', 3)")
    assert rows(found)[0] == ("a", 3, None, None, None)
    for wrong, why in (
        ("''", "no key"),
        ("'debounce:x', 1", "the queue's own"),
        ("'a'", "limits nothing"),
        ("'a', 0", "most_running is not positive"),
        ("'a', rate => 'NaN'", "not a positive number"),
        ("'a', 1, burst => 2", "burst needs a rate"),
        ("'a', rate => 1, burst => 0", "burst is not positive"),
    ):
        with pytest.raises(psycopg.Error, match=why) as raised:
            rows(f"SELECT mesh.define_gate({wrong})")
        assert raised.value.sqlstate == "PT422"


def test_as_many_jobs_are_admitted_as_the_gate_has_room_for(rows: Rows) -> None:
    rows("SELECT mesh.define_gate('a', 2)")
    rows("SELECT mesh.enqueue('process_image', gate => 'a', priority => n) FROM generate_series(1, 5) n")
    waiting = "SELECT status, array_agg(priority ORDER BY priority) FROM mesh.jobs GROUP BY 1 ORDER BY 1"
    assert rows(waiting) == [("blocked", [1, 2, 3]), ("pending", [4, 5])]
    assert rows("SELECT admitted FROM mesh.gates") == [(2,)]
    rows("SELECT mesh.define_gate('a', 4)")
    assert rows("SELECT admitted, (SELECT count(*) FROM mesh.jobs WHERE status = 'pending') FROM mesh.gates") == [(4, 4)]
