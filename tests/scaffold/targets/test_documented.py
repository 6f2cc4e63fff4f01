"""Every step and every place is explained in docs/steps.md."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mesh_scaffold.spec.model import SCALAR_TYPES
from mesh_scaffold.targets.python.kinds import KINDS
from mesh_scaffold.targets.python.places import PythonPlaces

if TYPE_CHECKING:
    from mesh_scaffold.steps import Target

PAGE = (Path(__file__).parents[3] / "docs" / "steps.md").read_text("utf-8")


def test_every_step_is_explained(target: Target) -> None:
    assert [step.name for step in target.steps("post-type") if f"| `{step.name}` |" not in PAGE] == []


def test_every_place_is_explained_with_its_default() -> None:
    defaults = {name: str(field.default) for name, field in PythonPlaces.model_fields.items()}

    assert [name for name, default in defaults.items() if f"`{name}`" not in PAGE or f"`{default}`" not in PAGE] == []


def test_every_type_has_a_row_in_the_table() -> None:
    assert set(KINDS) == set(SCALAR_TYPES)
    assert [name for name in KINDS if f"`{name}`" not in PAGE] == []
