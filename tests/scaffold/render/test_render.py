from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mesh_scaffold.render import RenderError, Templates, render
from mesh_scaffold.spec.model import Name, PostTypeSpec

if TYPE_CHECKING:
    from pathlib import Path

SPEC = PostTypeSpec(Name("poll"), "A 'poll' <b>", ())


def rendered(folder: Path, template: str) -> str:
    (folder / "x.jinja").write_text(template, "utf-8")
    return render(Templates(folder), "x.jinja", spec=SPEC)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("class {{ spec.class_name }}: {{ spec.name }}\n", "class Poll: poll\n"),
        ("{{ spec.label | py }} {{ spec.label | html }}", "\"A 'poll' <b>\" A &#x27;poll&#x27; &lt;b&gt;"),
        ("{{ (spec.name ~ '_id') | name }} {{ 3 }}", "poll_id 3"),
        ("{{ [spec.name, spec.class_name] | join(' < ') }}", "poll < Poll"),
        ("{% macro m(x) %}<{{ x }}> & {{ 'a<' | py }}{% endmacro %}{{ m(spec.name) }}", '<poll> & "a<"'),
        ("{% if true %}\n  a\n{% endif %}\nb", "  a\nb"),
    ],
)
def test_templates_write_names_numbers_and_literals(tmp_path: Path, template: str, text: str) -> None:
    assert rendered(tmp_path, template) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("\n{{ spec.label }}", "templates/x.jinja:2: the template cannot be rendered: a template writes the str"),
        ("{{ spec.name ~ '_id' }}", "a template writes the str 'poll_id' bare"),
        ("{{ spec.name | upper }}", "a template writes the str 'POLL' bare"),
        ("{{ [spec.name, spec.label] | join }}", "a template writes the str"),
        ("{{ spec.card }}", "a template writes the bool True bare"),
        ("{{ spec.icon }}", "a template writes the NoneType None bare"),
        ("\n\n{{ nothing }}", "templates/x.jinja:3: the template cannot be rendered: 'nothing' is undefined"),
        ("{{ spec.nothing }}", "has no attribute 'nothing'"),
        ("a\n{% if %}", "templates/x.jinja:2: the template cannot be rendered: Expected an expression"),
        ("{{ 'a b' | name }}", "'a b' is no identifier"),
    ],
)
def test_anything_else_is_an_error_of_the_template(tmp_path: Path, template: str, message: str) -> None:
    with pytest.raises(RenderError) as caught:
        rendered(tmp_path, template)
    assert message in str(caught.value)


def test_a_template_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"templates/none\.jinja: the template cannot be rendered"):
        render(Templates(tmp_path), "none.jinja")
