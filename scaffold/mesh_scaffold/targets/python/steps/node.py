"""The type is a node of the canvas. Nodes come with node types; until then a spec that asks for one is told so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mesh_scaffold.steps import Made, NotApplicable, Unchanged
from mesh_scaffold.targets.python.steps.base import PythonStep

if TYPE_CHECKING:
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Outcome, Subject, Verdict
    from mesh_scaffold.tree import Tree


@dataclass(frozen=True, slots=True)
class NodeStep(PythonStep):
    """Nothing is generated yet."""

    name: ClassVar[str] = "node"
    title: ClassVar[str] = "node on the canvas"

    def check(self, tree: Tree, subject: Subject) -> Verdict:
        """Not asked of any type yet."""
        del tree
        asked = subject.spec is not None and subject.spec.node is not None
        return NotApplicable("this version makes no canvas nodes" if asked else "no canvas node")

    def add(self, tree: Tree, spec: PostTypeSpec) -> Outcome:
        """A notice to a spec that asks for a node."""
        del tree
        if spec.node is None:
            return Unchanged()
        return Made(notices=("node: this version makes no canvas nodes; the key is kept for one that does.",))
