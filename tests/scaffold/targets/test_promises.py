"""Every step of the python target keeps what steps promise, for types of every kind."""

from __future__ import annotations

import pytest

from mesh_scaffold.steps import Holds, Missing, NotApplicable, Subject, Unchanged
from mesh_scaffold.testing import MemoryApp, assert_blocked, assert_step, assert_unchanged, new_app, spec

POLL = """
kind: post-type
name: poll
label: "It's a \\"poll\\""
feeds: [global, reviews]
fields:
  question: {type: string, max_length: 200}
  options: {type: "list[string]", min_items: 2}
  level: {type: enum, values: [easy, hard], default: easy}
  price: {type: decimal, required: false}
  day: {type: date, required: false}
  about: {type: "ref[post]", required: false}
"""
NOTE = """
kind: post-type
name: note
storage: json
card: false
form: false
fields:
  body: {type: text}
"""
UNASKED = {"poll": {"node"}, "note": {"card", "form", "node", "create-menu"}}
FOUND = {"poll": set(), "note": {"post-fields", "create-params", "create-action", "update-params", "update-action"}}
STEPS = [step.name for step in new_app().target.steps("post-type")]


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("text", [POLL, NOTE], ids=["poll", "note"])
def test_a_step_keeps_its_promises(mesh_app: MemoryApp, text: str, name: str) -> None:
    asked, step = spec(text, "poll" if text is POLL else "note"), mesh_app.step(name)
    name_of_type, tree = str(asked.name), mesh_app.tree()
    verdict = step.check(tree, Subject(asked.kind, name_of_type, asked))
    assert isinstance(verdict, NotApplicable) == (name in UNASKED[name_of_type])
    assert isinstance(verdict, Holds) == (name in FOUND[name_of_type])
    if isinstance(verdict, Missing):
        assert_step(step, mesh_app.files, asked)
        return
    done = step.change(tree, None, asked, ())
    assert isinstance(done, Unchanged)
    assert {fragment.origin for fragment in done.fragments} <= {"found"}
    step.change(tree, asked, None, done.fragments)
    assert_unchanged(tree)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("enum-member", "app/models.py"),
        ("create-action", "app/actions.py"),
        ("validator-entry", "app/validators/__init__.py"),
        ("feeds", "app/feed.py"),
    ],
)
def test_a_step_does_not_guess_in_a_file_that_does_not_parse(mesh_app: MemoryApp, name: str, file: str) -> None:
    app = mesh_app.with_file(file, mesh_app.text(file) + "\ndef broken(:\n")
    tree = app.tree()
    assert_blocked(app.step(name).change(tree, None, spec(POLL), ()), "pars|syntax|Python")
    assert_unchanged(tree)
