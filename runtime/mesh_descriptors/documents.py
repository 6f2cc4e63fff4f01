"""Reading a TOML document into a pydantic model, with the line of every problem."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from mesh_descriptors.errors import MeshError, Place, Problem
from mesh_descriptors.patterns import IN_WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Model = TypeVar("Model", bound=BaseModel)
_SHOWN = 80


class DocumentError(MeshError):
    """A TOML document could not be read, or holds something else than it must."""


def read_toml(path: Path, model: type[Model], *, shown_as: str | None = None) -> Model:
    """Read the TOML file at `path` into `model`.

    Args:
        path: the file.
        model: a pydantic model with `extra="forbid"`, so that a misspelt key is an error.
        shown_as: how messages name the file; default `path`.

    Raises:
        DocumentError: the file is missing, cannot be read, no UTF-8, no TOML, or not what the model asks for; all
            problems at once.
    """
    name = shown_as or str(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise DocumentError("no such file", place=Place(name), remedy="Write it, or correct its name.") from error
    except IsADirectoryError as error:
        remedy = "Put a file in its place, or name another."
        raise DocumentError("is a folder, expected a TOML file", place=Place(name), remedy=remedy) from error
    except OSError as error:
        remedy = "Give yourself the right to read it (chmod u+r)."
        raise DocumentError(f"cannot be read: {error.strerror}", place=Place(name), remedy=remedy) from error
    except UnicodeDecodeError as error:
        raise DocumentError("is not UTF-8 text", place=Place(name), remedy="Save the file as UTF-8.") from error
    return parse_toml(text, model, name)


def parse_toml(text: str, model: type[Model], name: str) -> Model:
    """Read the text of a TOML file into `model`; `name` is what messages call the file.

    Raises:
        DocumentError: it is no TOML, or not what the model asks for; all problems at once.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = Place(name, _line_of_syntax_error(error))
        raise DocumentError(f"is not TOML: {error}", place=place, remedy="Correct the syntax there.") from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise DocumentError(problems=[_problem(name, text, detail) for detail in error.errors()]) from error


def _problem(name: str, text: str, detail: Any) -> Problem:
    location: tuple[str | int, ...] = detail["loc"]
    field = ".".join(str(part) for part in location)
    place = Place(name, line_of_key(text, location), field=field)
    match detail["type"]:
        case "extra_forbidden":
            return Problem("unknown key", place, "Remove the key or correct its name.")
        case "missing":
            return Problem(detail["msg"], place, f"Add {location[-1] if location else field}.")
        case "string_pattern_mismatch" if said := IN_WORDS.get(detail["ctx"]["pattern"]):
            written = repr(detail["input"])
            shown = written if len(written) <= _SHOWN else f"{written[:_SHOWN]}..."
            return Problem(f"{shown} is not {said}", place, "Correct the value.")
        case _:
            return Problem(detail["msg"], place, "Correct the value.")


def _line_of_syntax_error(error: tomllib.TOMLDecodeError) -> int | None:
    found = re.search(r"at line (\d+)", str(error))
    return int(found[1]) if found else None


def line_of_key(text: str, location: Sequence[str | int]) -> int | None:
    """The line, from 1, on which the deepest key of `location` that can be seen stands in a TOML text."""
    keys = [part for part in location if isinstance(part, str)]
    best: tuple[int, int] | None = None
    table: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?", line):
            table = _dotted(header[1])
            depth = _shared(table, keys) if table == keys[: len(table)] else 0
        elif assignment := re.match(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"))*)\s*=""", line):
            path = table + _dotted(assignment[1])
            depth = _shared(path, keys) if path == keys[: len(path)] else 0
        else:
            continue
        if depth and (best is None or depth > best[0]):
            best = (depth, number)
    return best[1] if best else None


def _dotted(text: str) -> list[str]:
    return [part.strip().strip("\"'") for part in text.split(".")]


def _shared(left: Sequence[str], right: Sequence[str]) -> int:
    depth = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        depth += 1
    return depth
