"""Where the app's code uses what is to go with a type: the member of the enum, or the module of its validator.

Looked at are the Python files in the folders of the shared files: an app whose modules use what is not there any more
does not start.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place
from mesh_scaffold.targets.python.editing import read_source
from mesh_scaffold.targets.python.edits import Refused, Splice
from mesh_scaffold.targets.python.places import module_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from mesh_scaffold.targets.python.places import PythonPlaces
    from mesh_scaffold.tree import Tree


def use_of_member(tree: Tree, places: PythonPlaces, member: str) -> Place | None:
    """The first use of `PostType.<member>`; None when there is none."""
    return next(_uses(tree, places, lambda node, _: _is_member(node, places, member)), None)


def rename_member(tree: Tree, places: PythonPlaces, old: str, new: str) -> None:
    """Make every `PostType.<old>` a `PostType.<new>`: an app whose code names what is not there does not run."""
    for path in (*_files(tree, places), *tree.list(places.tests, ".py")):
        source = read_source(tree, path)
        if isinstance(source, Refused):
            continue
        ends = [source.end(node) for node in ast.walk(source.tree) if _is_member(node, places, old)]  # type: ignore[arg-type]  # an expression
        changed = source.edited([Splice(end - len(old), end, new) for end in ends])
        if ends and not isinstance(changed, Refused):
            tree.write(path, changed.to_bytes())


def said_names(tree: Tree, places: PythonPlaces, names: Collection[str]) -> Iterator[tuple[str, Place]]:
    """Where the app's code and templates say one of the names, as a word; the first place of each in each file."""
    folders = [places.cards, places.forms, places.cards.rpartition("/")[0], places.tests]
    templates = [path for folder in folders if folder for path in tree.list(folder)]
    words = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b".encode())
    for path in dict.fromkeys((*_files(tree, places), *templates)):
        content = tree.read(path) or b""
        lines = {found[0]: content.count(b"\n", 0, found.start()) + 1 for found in reversed([*words.finditer(content)])}
        yield from (
            (name.decode(), Place(path, line)) for name, line in sorted(lines.items(), key=lambda each: each[1])
        )


def _is_member(node: ast.AST, places: PythonPlaces, member: str) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == member
        and getattr(node.value, "id", getattr(node.value, "attr", None)) == places.post_type_enum
    )


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
    for path in (path for path in _files(tree, places) if path != but):
        source = read_source(tree, path)
        for node in () if isinstance(source, Refused) else ast.walk(source.tree):
            if is_use(node, path):
                yield Place(path, getattr(node, "lineno", None))


def _files(tree: Tree, places: PythonPlaces) -> Iterator[str]:
    files = (places.models, places.actions, places.feed, f"{places.validators}/__init__.py")
    folders = dict.fromkeys(file.rpartition("/")[0] for file in files)
    return (path for folder in folders if folder for path in tree.list(folder, ".py"))


def _absolute(node: ast.ImportFrom, path: str) -> str:
    """The module that is imported from: `app.validators.poll` for `.poll` in the package itself."""
    if not node.level:
        return node.module or ""
    parts = path.split("/")[: -node.level]
    return ".".join([*parts, *([node.module] if node.module else [])])
