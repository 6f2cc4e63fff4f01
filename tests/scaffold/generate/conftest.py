"""A target of two steps over text files, so that the use cases are tested without any language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from mesh_descriptors.errors import Place, Problem
from mesh_descriptors.project import ProjectFile
from mesh_scaffold.steps import (
    DEFAULT_TERMS,
    Blocked,
    Fragment,
    Holds,
    Made,
    Missing,
    NotApplicable,
    Outcome,
    Step,
    Subject,
    Terms,
    Unchanged,
    Unknown,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.tree import Tree

TYPES = "types.txt"


def lines_of(tree: Tree) -> list[str]:
    return (tree.read_text(TYPES) or "").splitlines()


@dataclass(frozen=True)
class TypeLine:
    """`types.txt` has a line with the type's name."""

    name: str = "type-line"
    title: str = "line in types.txt"

    def check(self, tree: Tree, subject: Subject) -> Verdict:
        lines = lines_of(tree)
        if subject.name in lines:
            return Holds(Place(TYPES, lines.index(subject.name) + 1))
        return Missing(Place(TYPES), f"Add the line {subject.name}.")

    def change(
        self,
        tree: Tree,
        old: PostTypeSpec | None,
        new: PostTypeSpec | None,
        fragments: tuple[Fragment, ...],
        terms: Terms = DEFAULT_TERMS,
    ) -> Outcome:
        del old, fragments, terms
        assert new is not None
        text = tree.read_text(TYPES)
        if text is None:
            return Blocked("there is no types.txt", Place(TYPES), "Write one.")
        tree.write(TYPES, f"{text}{new.name}\n")
        return Made((Fragment(self.name, TYPES, new.name, f"{new.name}\n"),), notices=("a line was added",))


@dataclass(frozen=True)
class Card:
    """`cards/<name>.txt` exists."""

    name: str = "card"
    title: str = "card"

    def check(self, tree: Tree, subject: Subject) -> Verdict:
        path = f"cards/{subject.name}.txt"
        if subject.spec and not subject.spec.card:
            return NotApplicable("card: false")
        text = tree.read_text(path)
        if text == "broken":
            return Unknown("the card is broken", Place(path, 1))
        return Missing(Place(path), "Write the card.") if text is None else Holds(Place(path))

    def change(
        self,
        tree: Tree,
        old: PostTypeSpec | None,
        new: PostTypeSpec | None,
        fragments: tuple[Fragment, ...],
        terms: Terms = DEFAULT_TERMS,
    ) -> Outcome:
        del old, fragments, terms
        assert new is not None
        if not new.card:
            return Unchanged()
        path = f"cards/{new.name}.txt"
        tree.write(path, f"{new.label}\n")
        return Made(files=(path,), warnings=("look at the card",))


@dataclass(frozen=True)
class TinyTarget:
    """A code base that is a list of names and a card each."""

    name: str = "tiny"

    def steps(self, kind: str) -> tuple[Step, ...]:
        assert kind == "post-type"
        return (TypeLine(), Card())

    def types(self, tree: Tree, kind: str) -> tuple[str, ...]:
        assert kind == "post-type"
        return tuple(lines_of(tree))

    def place_of_type(self, tree: Tree, kind: str, name: str) -> Place | None:
        assert kind == "post-type"
        return Place(TYPES, lines_of(tree).index(name) + 1)

    def objections(self, tree: Tree, spec: PostTypeSpec, others: Collection[PostTypeSpec]) -> tuple[Problem, ...]:
        del tree, others
        unknown = [feed for feed in spec.feeds if feed != "global"]
        return tuple(Problem(f"there is no feed {feed!r}", spec.place("feeds"), "Known: global.") for feed in unknown)

    def next_steps(self, spec: PostTypeSpec) -> tuple[str, ...]:
        return (f"look at cards/{spec.name}.txt",)


@pytest.fixture
def target() -> TinyTarget:
    """The tiny target."""
    return TinyTarget()


@pytest.fixture
def settings() -> ProjectFile:
    """The `mesh.toml` of a project of the tiny target."""
    return ProjectFile.model_validate({"project": {"name": "Tiny", "target": "tiny"}})
