"""Every message of the generator has a remedy, and words of it stand in a test."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
CODE = ("scaffold/mesh_scaffold", "runtime/mesh_cli", "runtime/mesh_descriptors")
CARRIERS = {"Problem": 2, "Refused": 1, "Blocked": 2, "ValueProblem": 2, "PatternError": 2}
"""What holds a message as its first argument, and which argument is its remedy where none is named."""
WINDOW = 3
"""So many words in a row are enough to know a message by."""
UNSEEN = {
    "is a symbolic link, or behind one": "told as a file that somebody else changed",
    "is not YAML: ": "a last resort: the reader has no other error",
    "would not be Python with ": "a last resort: no edit is known that does this",
    "would not be Python without ": "the same",
}
"""Messages without a test, each with its reason."""
NOTICES = {": was edited since it was generated": "it is the user's, and nothing is to be done"}
"""Messages without a remedy, each with its reason."""
ENDS_WITH_1 = {"ConflictError", "MovedBaseError", "MovedPlanError", "PendingMarkersError", "RetireError", "VerifyError"}
"""Conflicts, findings and moved bases; all else is bad input, or could not run, and ends with 2."""


@cache
def _errors() -> frozenset[str]:
    """The names of MeshError and of all that comes from it."""
    bases = {
        node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        for tree in _trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"MeshError"}
    while more := {name for name, of in bases.items() if of & found} - found:
        found |= more
    return frozenset(found)


@cache
def _trees() -> dict[str, ast.Module]:
    files = (path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py")))
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in files}


@cache
def _tests() -> str:
    """All texts of tests in one, with the strings that stand side by side joined, and without escapes."""
    here = Path(__file__)
    files = (path for path in (ROOT / "tests").rglob("*") if path.suffix in {".py", ".txt"} and path != here)
    text = "\n".join(path.read_text("utf-8") for path in files if "golden" not in path.parts)
    return re.sub(r'(["\'])\s*\n\s*[rf]*\1', "", text).replace("\\", "")


def _messages() -> Iterator[tuple[str, ast.expr, bool]]:
    """Where each message is made, the message, and whether it has a remedy."""
    for path, tree in _trees().items():
        for node, scope in _calls(tree):
            name = ast.unparse(node.func).rpartition(".")[2]
            if not node.args or (name not in CARRIERS and name not in _errors()):
                continue
            named = any(keyword.arg in {"remedy", "problems"} for keyword in node.keywords)
            for message in _assigned(node.args[0], scope):
                yield f"{path}:{node.lineno}", message, named or len(node.args) > CARRIERS.get(name, 99)


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.AST]]:
    """Every call, with the innermost function that it is in."""
    scopes: dict[ast.AST, ast.AST] = {}
    for scope in ast.walk(tree):  # outer ones first
        if isinstance(scope, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
            scopes |= dict.fromkeys(ast.walk(scope), scope)
    return ((node, scope) for node, scope in scopes.items() if isinstance(node, ast.Call))


def _assigned(message: ast.expr, scope: ast.AST) -> list[ast.expr]:
    """The message; of a variable, whatever its function assigns to it."""
    if not isinstance(message, ast.Name):
        return [message]
    lines = (node for node in ast.walk(scope) if isinstance(node, ast.Assign))
    return [line.value for line in lines if message.id in map(ast.unparse, line.targets)]


def _fragments(message: ast.expr) -> list[str]:
    return [node.value for node in ast.walk(message) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _is_known(fragment: str) -> bool:
    words = fragment.strip(" :").split()
    windows = [words[at : at + WINDOW] for at in range(max(1, len(words) - WINDOW + 1))]
    return any(" ".join(window).replace("\\", "") in _tests() for window in windows)


def test_every_message_has_a_remedy() -> None:
    lacking = [
        place
        for place, message, has_remedy in _messages()
        if not has_remedy and _fragments(message) and not set(_fragments(message)) & set(NOTICES)
    ]
    assert lacking == []


def test_a_message_in_a_variable_is_looked_at_too() -> None:
    code = "def f(x):\n    said = 'one'\n    if x:\n        said = 'two'\n    g(said)\n\n\nsaid = 'three'\n"
    ((call, scope),) = _calls(ast.parse(code))
    assert [ast.unparse(message) for message in _assigned(call.args[0], scope)] == ["'one'", "'two'"]


def test_words_of_every_message_stand_in_a_test() -> None:
    lacking = []
    for place, message, _ in _messages():
        long = [text for text in _fragments(message) if len(text.split()) > 1 and text not in UNSEEN]
        if long and not any(map(_is_known, long)):
            lacking.append(f"{place}: {long}")
    assert lacking == []


@pytest.mark.parametrize("message", sorted(UNSEEN | NOTICES))
def test_an_exception_is_about_a_message_that_there_is(message: str) -> None:
    assert any(message in _fragments(found) for _, found, _ in _messages())


def test_only_conflicts_findings_and_moved_bases_end_with_1() -> None:
    classes = [node for tree in _trees().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found = {node.name: ast.unparse(line) for node in classes for line in node.body if "exit_code" in ast.unparse(line)}
    assert found.pop("MeshError")
    assert found == dict.fromkeys(ENDS_WITH_1, "exit_code = 1")
