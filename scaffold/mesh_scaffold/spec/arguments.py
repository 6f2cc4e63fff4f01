"""Specs from the command line: `mesh new post-type poll --field question:string --field 'servings:int?'`.

A field is `name:type`, with `?` behind it when it is not required. The types are those of a spec; the values of an
enum stand in parentheses: `difficulty:enum(easy,medium,hard)`, `tags:list[enum(red,green)]`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mesh_descriptors.errors import MeshError, Problem
from mesh_scaffold.spec.types import parse_type

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mesh_scaffold.spec.findings import SpecError

_ENUM = re.compile(r"enum\(([^()]*)\)")


class ArgumentError(MeshError):
    """What stands on the command line is no spec."""


def document_of(name: str, fields: Sequence[str], label: str | None, refs: Collection[str]) -> dict[str, Any]:
    """The document that the arguments stand for, to be written with `to_yaml`.

    Raises:
        ArgumentError: with every argument that is no field.
    """
    problems: list[Problem] = []
    read: dict[str, dict[str, Any]] = {}
    for text in fields:
        found = _field(text, refs)
        if isinstance(found, Problem):
            problems.append(found)
        elif found[0] in read:
            problems.append(Problem(f"--field {text!r}: the field {found[0]!r} stands twice", None, "Remove one."))
        else:
            read[found[0]] = found[1]
    if problems:
        raise ArgumentError(problems=problems)
    document: dict[str, Any] = {"kind": "post-type", "name": name}
    return document | ({"label": label} if label else {}) | {"fields": read}


def at_arguments(error: SpecError, text: str, fields: Sequence[str]) -> ArgumentError:
    """What is wrong with a spec that the arguments stand for, at the arguments: nobody has its file yet.

    Args:
        error: what was found in the spec.
        text: the spec, with one line for each field.
        fields: the arguments, in the order of the spec.
    """
    lines = text.splitlines()
    first = lines.index("fields:") + 2
    problems = []
    for problem in error.problems:
        number = (problem.place.line or 0) - first if problem.place else -1
        said = f"--field {fields[number]!r}: " if 0 <= number < len(fields) else ""
        problems.append(Problem(f"{said}{problem.message}", None, problem.remedy))
    return ArgumentError(problems=problems)


def _field(text: str, refs: Collection[str]) -> tuple[str, dict[str, Any]] | Problem:
    name, colon, said = (part.strip() for part in text.partition(":"))
    name = name.replace("-", "_")
    if not colon or not name or not said:
        return Problem(f"--field {text!r} is no field", None, "Write name:type, as in --field 'servings:int?'.")
    written = said.removesuffix("?").strip()
    values = _ENUM.search(written)
    type_text = _ENUM.sub("enum", written, count=1)
    found = parse_type(type_text, refs)
    if isinstance(found, tuple):
        return Problem(f"--field {text!r}: {found[0]}", None, found[1])
    if (found.name == "enum") != bool(values):
        return Problem(f"--field {text!r}: an enum has its values in parentheses", None,
                       "Write enum(one,two), as in --field 'difficulty:enum(easy,medium,hard)'.")  # fmt: skip
    field: dict[str, Any] = {"type": str(found)}
    if values:
        field["values"] = [value.strip() for value in values[1].split(",")]
        if not all(field["values"]):
            return Problem(f"--field {text!r}: a value of the enum is empty", None,
                           "Write enum(one,two), as in --field 'difficulty:enum(easy,medium,hard)'.")  # fmt: skip
    return name, field | ({"required": False} if said.endswith("?") else {})
