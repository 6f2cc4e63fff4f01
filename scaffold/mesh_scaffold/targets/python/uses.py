"""Where the app's code uses what is to go with a type: the member of the enum, or the module of its validator.

Looked at are the Python files in the folders of the shared files: an app whose modules use what is not there any more
does not start.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place
from mesh_scaffold.targets.python.editing import read_source
from mesh_scaffold.targets.python.edits import Refused
from mesh_scaffold.targets.python.places import module_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mesh_scaffold.targets.python.places import PythonPlaces
    from mesh_scaffold.tree import Tree


def use_of_member(tree: Tree, places: PythonPlaces, member: str) -> Place | None:
    """The first use of `PostType.<member>`; None when there is none."""

    def is_use(node: ast.AST, path: str) -> bool:
        del path
        return (
            isinstance(node, ast.Attribute)
            and node.attr == member
            and getattr(node.value, "id", getattr(node.value, "attr", None)) == places.post_type_enum
        )

    return next(_uses(tree, places, is_use), None)


def use_of_module(tree: Tree, places: PythonPlaces, file: str) -> Place | None:
    """The first import of the module that is `file`; None when nothing imports it."""
    module = module_of(file)
    package, _, name = module.rpartition(".")

    def is_use(node: ast.AST, path: str) -> bool:
        if isinstance(node, ast.Import):
            return module in {alias.name for alias in node.names}
        if not isinstance(node, ast.ImportFrom):
            return False
        source = _absolute(node, path)
        return source == module or (source == package and name in {alias.name for alias in node.names})

    return next(_uses(tree, places, is_use, but=file), None)


def _uses(
    tree: Tree, places: PythonPlaces, is_use: Callable[[ast.AST, str], bool], but: str | None = None
) -> Iterator[Place]:
    files = (places.models, places.actions, places.feed, f"{places.validators}/__init__.py")
    folders = dict.fromkeys(file.rpartition("/")[0] for file in files)
    for path in (path for folder in folders if folder for path in tree.list(folder, ".py") if path != but):
        source = read_source(tree, path)
        for node in () if isinstance(source, Refused) else ast.walk(source.tree):
            if is_use(node, path):
                yield Place(path, getattr(node, "lineno", None))


def _absolute(node: ast.ImportFrom, path: str) -> str:
    """The module that is imported from: `app.validators.poll` for `.poll` in the package itself."""
    if not node.level:
        return node.module or ""
    parts = path.split("/")[: -node.level]
    return ".".join([*parts, *([node.module] if node.module else [])])
