"""Renders the templates of generated files, so that text from a spec enters code through literal filters only.

In a template, `{{ spec.name }}` (a checked `Name`), whole numbers and the results of the filters below may be written;
any other string is an error, whatever it holds: `{{ spec.label }}` fails, `{{ spec.label | py }}` is right. A name that
the template puts together is checked: `{{ (spec.name ~ "_id") | name }}`. Undefined variables are errors.
Filters: py, sql, sql_name, toml, js, html, comment, name; `join` joins only what may be written.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from mesh_descriptors.errors import MeshError, Place
from mesh_scaffold.render import literals
from mesh_scaffold.render.literals import Code, UnsafeTextError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Code", "RenderError", "Templates", "UnsafeTextError", "render"]

FILTERS = ("py", "sql", "sql_name", "toml", "js", "html", "comment", "name")


class RenderError(MeshError):
    """A template is wrong: that is a mistake of its author, never of the spec's."""


def _join(items: Iterable[Any], separator: str = "") -> Code:
    return Code(separator.join(str(literals.output(item)) for item in items))


@dataclass(frozen=True)
class Templates:
    """The templates in a folder; each of them is compiled once."""

    folder: Path

    @cached_property
    def environment(self) -> Environment:
        """What Jinja renders them in."""
        found = Environment(
            loader=FileSystemLoader(self.folder, encoding="utf-8"),
            undefined=StrictUndefined,
            autoescape=True,  # marks what macros and blocks return as code; `output` refuses what it would escape
            finalize=literals.output,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        found.filters |= {filter_name: getattr(literals, filter_name) for filter_name in FILTERS}
        found.filters["join"] = _join
        return found


def render(templates: Templates, template: str, **context: Any) -> str:
    """The text of the template file `template` in `context`.

    Raises:
        RenderError: the template is missing, has a syntax error, uses an undefined variable, or writes text bare.
    """
    try:
        return templates.environment.get_template(template).render(context)
    except (TemplateError, UnsafeTextError) as error:
        line = getattr(error, "lineno", None) or _line_in_template(error)
        raise RenderError(
            f"the template cannot be rendered: {error}",
            place=Place(f"templates/{template}", line),
            remedy="Report this to the template's author.",
        ) from error


def _line_in_template(error: BaseException) -> int | None:
    """The template's line on the traceback, which Jinja rewrites to point into the template."""
    line, trace = None, error.__traceback__
    while trace:
        if "__jinja_exception__" in trace.tb_frame.f_globals:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
