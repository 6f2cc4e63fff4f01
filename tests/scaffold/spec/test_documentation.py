from __future__ import annotations

import re
from pathlib import Path

import pytest

from mesh_scaffold.spec.fields import KEYS as FIELD_KEYS
from mesh_scaffold.spec.model import SCALAR_TYPES
from mesh_scaffold.spec.read import KEYS, KINDS, NODE_KEYS, read_spec

PAGE = (Path(__file__).parents[3] / "docs/spec.md").read_text("utf-8")


def rows(heading: str) -> str:
    """The first column of the table under a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return "\n".join(line.split("|")[1] for line in section.splitlines() if line.startswith("|"))


@pytest.mark.parametrize(
    ("heading", "words"), [("Keys", KEYS), ("Fields", FIELD_KEYS), ("Types", (*SCALAR_TYPES, "ref[user]", "list[...]"))]
)
def test_every_key_and_every_type_has_its_line(heading: str, words: tuple[str, ...]) -> None:
    documented = set(re.findall(r"`([^`]+)`", rows(heading)))
    assert set(words) <= documented
    assert documented - {"ref[post]"} <= set(words)


def test_kinds_and_the_size_of_a_node_are_named() -> None:
    assert all(f"`{kind}`" in PAGE for kind in KINDS)
    assert all(f"{key}: " in rows_of_node() for key in NODE_KEYS)


def rows_of_node() -> str:
    return next(line for line in PAGE.splitlines() if line.startswith("| `node`"))


def test_the_example_is_a_spec() -> None:
    example = PAGE.split("```yaml\n")[1].split("```")[0]
    assert read_spec(example.encode(), "specs/recipe.yaml").name == "recipe"
