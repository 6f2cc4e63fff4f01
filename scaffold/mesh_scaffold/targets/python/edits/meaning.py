"""Whether two pieces of code say the same: line breaks, spaces, quotes and brackets do not count, comments do."""

from __future__ import annotations

import ast
import io
import tokenize


def same_meaning(one: str, other: str) -> bool:
    """Whether both are the same but for layout: what a formatter does to a piece is no edit of it."""
    if one == other:
        return True
    parsed = _parsed(one)
    return parsed is not None and parsed == _parsed(other) and _comments(one) == _comments(other)


def is_used(tree: ast.Module, name: str) -> bool:
    """Whether a module uses a name that it imports; in annotations written as text, and in `__all__`, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == name:
            return True
        if isinstance(node, ast.Constant) and node.value == name:
            return True
        if any(name in _words(annotation) for annotation in _annotations(node)):
            return True
    return False


def _annotations(node: ast.AST) -> list[ast.Constant]:
    found = [getattr(node, "annotation", None), getattr(node, "returns", None)]
    return [each for root in found if root for each in ast.walk(root) if isinstance(each, ast.Constant)]


def _words(annotation: ast.Constant) -> set[str]:
    try:
        parsed = ast.parse(str(annotation.value))
    except (SyntaxError, ValueError):
        return set()
    return {node.id for node in ast.walk(parsed) if isinstance(node, ast.Name)}


def _parsed(code: str) -> str | None:
    """The piece as a syntax tree: a statement, an expression, or an entry of a dict."""
    for text in (code, f"{{{code}\n}}"):
        try:
            return ast.dump(ast.parse(text))
        except (SyntaxError, ValueError):
            continue
    return None


def _comments(code: str) -> list[str]:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(f"({code}\n)").readline))
    except (tokenize.TokenError, SyntaxError):
        return [line for line in code.splitlines() if "#" in line]
    return [token.string for token in tokens if token.type == tokenize.COMMENT]
