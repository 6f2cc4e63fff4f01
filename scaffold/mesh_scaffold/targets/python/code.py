"""Python code laid out as `ruff format` lays it out, so that generated files need no formatter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_scaffold.render.literals import py
from mesh_scaffold.targets.python.import_order import name_order, section

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 120
STEP = "    "


def laid_out(indent: str, head: str, opening: str, items: Sequence[str], closing: str, *, hug: bool = True) -> str:
    """`head` and a bracketed list: on one line, else the items on a line of their own, else one on each line.

    Args:
        indent: the indentation of the first line.
        head: what stands before the bracket.
        opening: the bracket, with what it belongs to: `Field(`.
        items: what stands between the brackets.
        closing: the closing bracket and what follows it.
        hug: whether all items may share a line of their own, as arguments do and elements of a list do not.
    """
    flat = ", ".join(items)
    line = f"{indent}{head}{opening}{flat}{closing}"
    if len(line) <= WIDTH or not items:
        return line
    inner = indent + STEP
    if hug and len(inner + flat) <= WIDTH:
        return f"{indent}{head}{opening}\n{inner}{flat}\n{indent}{closing}"
    lines = "".join(f"{inner}{item},\n" for item in items)
    return f"{indent}{head}{opening}\n{lines}{indent}{closing}"


def laid_out_value(indent: str, head: str, value: Any, tail: str = ",") -> str:
    """`head` and a literal: on one line, else with one item on each line, however deep.

    Args:
        indent: the indentation of the line.
        head: what stands before the literal on its line.
        value: what the literal says, as for the filter `py`.
        tail: what stands behind it.
    """
    flat = f"{head}{py(value)}{tail}"
    if len(indent + flat) <= WIDTH or not value or not isinstance(value, list | tuple | dict):
        return flat
    inner = indent + STEP
    if isinstance(value, dict):
        items = [laid_out_value(inner, f"{py(key)}: ", item) for key, item in value.items()]
    else:
        items = [laid_out_value(inner, "", item) for item in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    lines = "".join(f"{inner}{item}\n" for item in items)
    return f"{head}{opening}\n{lines}{indent}{closing}{tail}"


def import_lines(imports: Iterable[tuple[str, str]], first_party: frozenset[str]) -> list[list[str]]:
    """The import statements for (module, name) pairs, in isort's sections and order.

    Names that are empty stand for `import module`.
    """
    modules: dict[str, set[str]] = {}
    for module, name in imports:
        modules.setdefault(module, set()).add(name)
    sections: list[list[str]] = [[], [], [], [], []]
    for module in sorted(modules, key=lambda module: ("" not in modules[module], module.lower())):
        names = sorted(modules[module], key=name_order)
        line = f"import {module}" if names == [""] else _from_import(module, names)
        sections[section(module, first_party)].append(line)
    return [section for section in sections if section]


def _from_import(module: str, names: list[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= WIDTH:
        return line
    return laid_out("", f"from {module} import ", "(", names, ")", hug=False)


def long_lines_allowed(code: str) -> str:
    """`code`, with the rule on long lines off where a text of the spec makes one: such a text is not broken."""
    if all(len(line) <= WIDTH for line in code.splitlines()):
        return code
    head, rest = code.split("\n", 1)
    return f"{head}\n# ruff: noqa: E501  (a text of the spec is longer than a line)\n{rest}"


def broken_call(call: str, indent: str, unit: str) -> str:
    """A call with its arguments on a line of their own; lines are separated by a bare line feed."""
    function, _, arguments = call.partition("(")
    return f"{function}(\n{indent}{unit}{arguments.removesuffix(')')}\n{indent})"


def article(word: str) -> str:
    """`a` or `an`, by the word's first letter."""
    return "an" if word[:1].upper() in set("AEIOU") else "a"
