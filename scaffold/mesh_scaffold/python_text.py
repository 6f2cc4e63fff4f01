"""When two Python files say the same: formatters move line ends, quotes, commas and brackets, and nothing else."""

from __future__ import annotations

import ast
import inspect
import io
import tokenize
import warnings


def same_code(one: bytes, other: bytes) -> bool:
    """Whether two modules have the same syntax tree and the same comments in the same order."""
    try:
        return _tree(one) == _tree(other) and _comments(one) == _comments(other)
    except (SyntaxError, ValueError, tokenize.TokenError):
        return False


def _tree(source: bytes) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a file of the user's warns of is not ours to say
        tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            # A docstring's indentation, and the spaces at its lines' ends, are laid out too.
            lines = inspect.cleandoc(node.value.value).splitlines()
            node.value.value = "\n".join(line.rstrip() for line in lines).strip()
    return ast.dump(tree)


def _comments(source: bytes) -> list[str]:
    tokens = tokenize.tokenize(io.BytesIO(source).readline)
    return [token.string.lstrip("#! ").rstrip() for token in tokens if token.type == tokenize.COMMENT]
