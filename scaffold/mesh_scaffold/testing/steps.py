"""What every step promises, as one assertion."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mesh_scaffold.steps import Blocked, Holds, Made, Missing, Subject
from mesh_scaffold.testing.trees import after, assert_unchanged, project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Outcome, Step
    from mesh_scaffold.tree import Stored, Tree


def assert_step(step: Step, files: Mapping[str, Stored], spec: PostTypeSpec) -> Tree:
    """Hold a step to its promises, on a project that lacks its fact; returns the tree in which it holds.

    - `check` says that the fact is missing, where, and what to do; it changes nothing.
    - `change` makes it hold, and `check` says so. Without the spec `check` may be unable to tell, but is never wrong.
    - A second `change` changes no byte.
    - Taken out again, with the files that it generated deleted as the engine does, every byte is as it was.

    Args:
        step: the step.
        files: the project's files.
        spec: a new type that asks for the fact.
    """
    kind, name = spec.kind, str(spec.name)
    tree = project(files)
    before = step.check(tree, Subject(kind, name, spec))
    assert isinstance(before, Missing), f"{step.name} was not missing before: {before}"
    assert before.remedy, f"{step.name} does not say what to do"
    blind = step.check(tree, Subject(kind, name))
    assert not isinstance(blind, Holds), f"{step.name} holds before it was made, if nobody reads the spec: {blind}"
    assert_unchanged(tree)

    made = step.change(tree, None, spec, ())
    assert isinstance(made, Made), f"{step.name} did not make its fact hold: {made}"
    verdict = step.check(tree, Subject(kind, name, spec))
    assert isinstance(verdict, Holds), f"{step.name} made its fact hold, and its check says {verdict}"
    blind = step.check(tree, Subject(kind, name))
    assert not isinstance(blind, Missing), (
        f"{step.name} is missing after it was made, if nobody reads the spec: {blind}"
    )

    with_fact = after(files, tree)
    again = project(with_fact)
    assert not isinstance(step.change(again, None, spec, ()), Blocked), f"{step.name} cannot be taken twice"
    assert after(with_fact, again) == with_fact, f"{step.name} changed something the second time"

    out = project(with_fact)
    taken = step.change(out, spec, None, made.fragments)
    assert not isinstance(taken, Blocked), f"{step.name} cannot be taken out: {taken}"
    for path in made.files:
        out.delete(path)
    left = after(with_fact, out)
    differs = sorted(path for path in {*left, *files} if left.get(path) != files.get(path))
    assert not differs, f"{step.name} was taken out and left {', '.join(differs)} other than it was"
    return tree


def assert_blocked(outcome: Outcome, message: str) -> None:
    """The step could not do its part, says why (`message` is searched as a regular expression), and what to do."""
    assert isinstance(outcome, Blocked), f"the step was not blocked: {outcome}"
    assert re.search(message, outcome.message), f"the step says {outcome.message!r}"
    assert outcome.remedy, "the step does not say what to do"
