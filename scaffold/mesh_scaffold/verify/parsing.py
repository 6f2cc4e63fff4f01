"""Whether a file's content is of the language that its suffix says."""

from __future__ import annotations

import json
import re
import tomllib
import warnings
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

_POSITION = re.compile(r"\s*\(at line (\d+), column (\d+)\)$")
REMEDY = "Nothing was written. Report it if the file is mesh's own; --verify none leaves this out."


class _BrokenError(Exception):
    """The text is broken: why, and where."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line, self.column = line, column


def syntax_problem(path: str, content: bytes) -> Problem | None:
    """What is wrong with the file; None when nothing is, or nobody here reads that language."""
    parse = next((parse for suffixes, parse in _PARSERS.items() if path.endswith(suffixes)), None)
    if parse is None:
        return None
    try:
        parse(content)
    except _BrokenError as error:
        return Problem(f"does not parse: {error}", Place(path, error.line, error.column), REMEDY)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Problem("does not parse: it is not UTF-8 text", Place(path, line), REMEDY)
    return None


def _python(content: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an odd escape in a text is no syntax error
        try:
            compile(content, "<file>", "exec", dont_inherit=True)
        except SyntaxError as error:
            raise _BrokenError(error.msg, error.lineno, error.offset) from error
        except (ValueError, RecursionError, MemoryError) as error:  # NUL bytes; nesting that the parser gives up on
            raise _BrokenError(str(error) or type(error).__name__) from error


def _toml(content: bytes) -> None:
    try:
        tomllib.loads(content.decode("utf-8"))
    except tomllib.TOMLDecodeError as error:
        place = _POSITION.search(str(error))
        numbers = (int(place[1]), int(place[2])) if place else (None, None)
        raise _BrokenError(_POSITION.sub("", str(error)), *numbers) from error


def _json(content: bytes) -> None:
    try:
        json.loads(content.decode("utf-8"))
    except json.JSONDecodeError as error:
        raise _BrokenError(error.msg, error.lineno, error.colno) from error


def _yaml(content: bytes) -> None:
    from ruamel.yaml import YAML  # lazily: most plans write none
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        for _event in YAML(typ="safe", pure=True).parse(content.decode("utf-8")):
            pass
    except MarkedYAMLError as error:
        mark = error.problem_mark
        raise _BrokenError(error.problem or "", *((mark.line + 1, mark.column + 1) if mark else ())) from error
    except YAMLError as error:
        raise _BrokenError(str(error).partition("\n")[0]) from error


def _jinja(content: bytes) -> None:
    from jinja2 import Environment, TemplateSyntaxError  # lazily: it is only needed where a template is written

    # The extensions that come with Jinja, so that a template of the user's that uses one is no error.
    extensions = ["jinja2.ext.do", "jinja2.ext.i18n", "jinja2.ext.loopcontrols"]
    try:
        Environment(extensions=extensions, autoescape=True).parse(content.decode("utf-8"))
    except TemplateSyntaxError as error:
        raise _BrokenError(error.message or "", error.lineno) from error


_PARSERS: dict[str | tuple[str, ...], Callable[[bytes], None]] = {
    (".py", ".pyi"): _python,
    ".toml": _toml,
    ".json": _json,
    (".yaml", ".yml"): _yaml,
    (".html", ".jinja", ".j2"): _jinja,
}
