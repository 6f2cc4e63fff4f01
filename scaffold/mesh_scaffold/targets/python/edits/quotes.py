"""Strings in the quotes that the neighbours use."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mesh_scaffold.targets.python.edits.source import Source


def quoted_like(source: Source, neighbours: Iterable[ast.AST], value: str) -> str:
    """`value`, which needs no escapes, in the quotes of the neighbours' last plain string; else in double ones."""
    quote = '"'
    for neighbour in neighbours:
        for node in ast.walk(neighbour):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                code = source.code(node)
                quote = code[0] if code[0] in "'\"" and not code.startswith(("'''", '"""')) else quote
    return f"{quote}{value}{quote}"
