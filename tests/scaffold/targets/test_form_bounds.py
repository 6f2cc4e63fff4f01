"""A form says the bounds that its controls cannot check, and the app's forms.js reads them where it says them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mesh_scaffold.testing import spec

if TYPE_CHECKING:
    from mesh_scaffold.steps import Target
    from mesh_scaffold.tree import Tree

POLL = spec("""kind: post-type
name: poll
fields:
  options: {type: "list[string]", min_items: 2, max_items: 6}
  tags: {type: "list[string]", required: false, max_items: 3, default: []}
  day: {type: date, min: 2000-01-01, max: 2100-12-31}
  ends: {type: datetime, min: 2000-01-01T00:00:00Z, max: 2100-12-31T23:59:59Z}
  body: {type: text, pattern: '^[a-z]+$'}
""")


def _form(tree: Tree, target: Target) -> str:
    (step,) = (step for step in target.steps("post-type") if step.name == "form")
    step.change(tree, None, POLL, ())
    return tree.read_text("app/templates/forms/poll.html") or ""


def test_a_form_carries_and_shows_every_bound(tree: Tree, target: Target) -> None:
    form = _form(tree, target)
    assert 'name="poll_options" data-kind="list" data-min-items="2" data-max-items="6">' in form
    assert 'name="poll_tags" data-kind="list" data-value="[]" data-max-items="3">' in form
    assert 'type="date" min="2000-01-01" max="2100-12-31"' in form
    assert 'data-min="2000-01-01T00:00:00Z" data-max="2100-12-31T23:59:59Z"' in form
    assert 'data-pattern="^[a-z]+$"' in form
    hints = re.findall(r'<p class="field-help">(.*)</p>', form)
    assert hints == ["2 to 6 items.", "Up to 3 items.", "In your own time zone.",
                     "2000-01-01 00:00:00 UTC to 2100-12-31 23:59:59 UTC.", "Must match ^[a-z]+$"]  # fmt: skip


def test_every_bound_in_a_data_attribute_is_read_by_the_apps_script(tree: Tree, target: Target) -> None:
    script = tree.read_text("app/static/forms.js") or ""
    (line,) = re.findall(r"const \{ kind, (.+) \} = input\.dataset;", script)
    named = set(re.findall(r"data-(min|max|pattern|min-items|max-items)=", _form(tree, target)))
    assert {re.sub(r"-(.)", lambda found: found[1].upper(), name) for name in named} == set(line.split(", "))
