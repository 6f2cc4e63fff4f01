"""What pytest loads of mesh by itself: fixtures for tests of steps and generators. Whatever is heavy waits for its use.

The runtime's fixtures, which need a database, are asked for: `pytest_plugins = ["mesh_runtime.testing"]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mesh_scaffold.testing import MemoryApp

pytest.register_assert_rewrite("mesh_scaffold.testing")  # so that a failed assertion shows both sides


@pytest.fixture
def mesh_app() -> MemoryApp:
    """A fresh app in memory."""
    from mesh_scaffold.testing import new_app  # lazily: every pytest run on this machine loads this module

    return new_app()
