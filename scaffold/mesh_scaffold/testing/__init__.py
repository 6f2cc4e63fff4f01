r"""The vocabulary of tests of steps and generators: a project in memory, and what was made of it.

A test reads as before and after:

    tree = project({"app/models.py": BEFORE})
    step.change(tree, None, spec(POLL), ())
    assert_patch(tree, "app/models.py", "+    POLL = \"POLL\"")

Trees and plans are asked alike. `assert_step` holds a step to what every step promises. As a pytest plug-in it offers
the fixture `mesh_app`: a fresh app in memory. See docs/testing-generators.md.
"""

from __future__ import annotations

from mesh_scaffold.testing.apps import MemoryApp, new_app
from mesh_scaffold.testing.steps import assert_blocked, assert_step
from mesh_scaffold.testing.trees import (
    assert_creates,
    assert_deletes,
    assert_patch,
    assert_unchanged,
    project,
    spec,
)

__all__ = [
    "MemoryApp",
    "assert_blocked",
    "assert_creates",
    "assert_deletes",
    "assert_patch",
    "assert_step",
    "assert_unchanged",
    "new_app",
    "project",
    "spec",
]
