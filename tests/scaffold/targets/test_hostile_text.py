"""Whatever a spec's texts hold, the generated files say exactly that and nothing more."""

from __future__ import annotations

import ast
import html
import json
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined

from mesh_scaffold.spec.model import Field, FieldType, Name, PostTypeSpec
from mesh_scaffold.tree import Memory, Tree

if TYPE_CHECKING:
    from mesh_scaffold.steps import Target

PIECES = ["'", '"', "\\", "{{", "}}", "{%", "%}", "{#", "#}", "$$", "${x}", "*/", "</script>", "<b>", "&amp;", "\n",
          "\t", "\u202e", "🎉", "é", "--", ";", "%s", "%(x)s", "a", " ", '"""', "\\n", "\r"]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)


def spec_with(label: str, help_: str, value: str, default: str) -> PostTypeSpec:
    enum = Field(Name("mood"), Name("mood"), FieldType("enum"), label, values=(value, "other"), default=value)
    text = Field(Name("body"), Name("body"), FieldType("text"), label, help=help_, default=default)
    many = Field(Name("tags"), Name("tags"), FieldType("string", is_list=True), label, default=(default,))
    json_ = replace(text, key="data", name=Name("data"), type=FieldType("json"), default={default: [value]})
    return PostTypeSpec(Name("odd"), label, (enum, text, many, json_), icon=None)


@settings(deadline=None, derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, TEXTS, TEXTS.filter(lambda value: value != "other"), TEXTS)
def test_texts_come_through_unchanged(
    app_files: dict[str, bytes], target: Target, label: str, help_: str, value: str, default: str
) -> None:
    tree, spec = Tree(Memory(app_files)), spec_with(label, help_, value, default)
    for step in target.steps("post-type"):
        step.change(tree, None, spec, ())

    strings = _strings(tree.read_text("app/validators/odd.py") or "")
    assert {value, default} <= strings
    assert {value, default} <= _strings(tree.read_text("tests/test_odd.py") or "")
    assert tomllib.loads(tree.read_text("plugins/odd/plugin.toml") or "")["label"] == label
    form = _rendered(tree.read_text("app/templates/forms/odd.html") or "")
    for text in (label, help_, value, default):
        assert _flat(text) in _flat(html.unescape(form))
    assert form.count("<b>") == 0
    assert json.dumps([default], ensure_ascii=False) in html.unescape(form)
    post = {"odd_mood": value, "odd_body": default, "odd_tags": [default], "odd_data": {default: value}}
    card = _rendered(tree.read_text("app/templates/cards/odd.html") or "", post=post)
    assert _flat(label) in _flat(html.unescape(card))


def _strings(code: str) -> set[str]:
    constants = (node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


def _rendered(template: str, **context: object) -> str:
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(template).render(context)


def _flat(text: str) -> str:
    """Templates read every line break as a line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
