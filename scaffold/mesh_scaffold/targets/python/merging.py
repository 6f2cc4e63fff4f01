"""A three-way merge of Python modules: imports name by name, everything else line by line.

Two sides that import another name each change the same line, and mean no conflict: both names are wanted.
"""

from __future__ import annotations

import ast
from itertools import takewhile
from typing import TYPE_CHECKING, TypeAlias

from mesh_scaffold.merge import merge_lines, merged_as, with_line_ends_of
from mesh_scaffold.targets.python.edits import ImportedName, Insertion, Refused, decode, top_level_names
from mesh_scaffold.targets.python.edits.blocks import is_docstring
from mesh_scaffold.targets.python.edits.meaning import is_used

if TYPE_CHECKING:
    from mesh_scaffold.merge import Merge
    from mesh_scaffold.targets.python.edits import Source

Imported: TypeAlias = tuple[str, str]
"""A module, and a name of it; no name stands for the module itself."""


def merge_python(base: str, ours: str, theirs: str, first_party: frozenset[str]) -> Merge:
    """The merge of two modules that were made from `base`.

    Args:
        base: what both were made from.
        ours: what the user has; its imports stay laid out as they are.
        theirs: what is generated.
        first_party: the project's own top-level packages.
    """
    base, theirs = (with_line_ends_of(ours, text) for text in (base, theirs))
    plain = merge_lines(base, ours, theirs)
    sources = [_decoded(text) for text in (base, ours, theirs)]
    parsed = [source for source in sources if source is not None and _imports_of(source)]
    if len(parsed) < len(sources) or _other_imports(parsed[0]) != _other_imports(parsed[2]):
        return plain
    before, mine, generated = parsed
    new = _imported(generated) - _imported(before) - _imported(mine)
    gone = (_imported(before) - _imported(generated)) & _imported(mine)
    rest = merge_lines(_with_imports(before, mine), ours, _with_imports(generated, mine))
    changed = _decoded(rest.mine) if not rest.conflicts else mine
    if changed is None:
        return plain
    needed = {each for each in _imported(generated) - _imported(changed) if _is_missed(each, mine, changed)}
    changed = _with(changed, sorted(new | needed), first_party)
    if changed is None:
        return plain
    if not rest.conflicts:
        return merged_as(_without(changed, sorted(gone), first_party).text)
    return merge_lines(_with_imports(before, changed), changed.text, _with_imports(generated, changed))


def _decoded(text: str) -> Source | None:
    """The module; None for one that does not parse, or that is not plain UTF-8."""
    source = decode(text.encode("utf-8"))
    return None if isinstance(source, Refused) or source.text != text else source


def _imports_of(source: Source) -> list[ast.stmt]:
    """The imports at the module's head, which are one stretch of lines of their own; empty where they are not."""
    body = source.tree.body[1:] if source.tree.body and is_docstring(source.tree.body[0]) else source.tree.body
    found = list(takewhile(lambda each: isinstance(each, ast.Import | ast.ImportFrom), body))
    after = body[len(found) :]
    return [] if found and after and after[0].lineno == found[-1].end_lineno else found


def _imported(source: Source) -> set[Imported]:
    """What the module imports under its own name."""
    found: set[Imported] = set()
    for statement in source.tree.body:
        if isinstance(statement, ast.ImportFrom) and not statement.level:
            found |= {(statement.module or "", alias.name) for alias in statement.names if alias.asname is None}
    return found - {("__future__", "annotations")}


def _other_imports(source: Source) -> set[str]:
    """The imports that are no plain name of a module: whole modules, other names for them, relative ones."""
    found: set[str] = set()
    for each in _imports_of(source):
        if isinstance(each, ast.Import) or (isinstance(each, ast.ImportFrom) and each.level):
            found.add(ast.dump(each))
        elif isinstance(each, ast.ImportFrom):
            found |= {f"{each.module}.{ast.dump(alias)}" for alias in each.names if alias.asname is not None}
    return found


def _with_imports(source: Source, other: Source) -> str:
    """The module, with the imports of another in place of its own."""
    start, end = _lines_of_imports(source)
    first, last = _lines_of_imports(other)
    return "".join((*source.lines[:start], *other.lines[first:last], *source.lines[end:]))


def _lines_of_imports(source: Source) -> tuple[int, int]:
    imports = _imports_of(source)
    return imports[0].lineno - 1, imports[-1].end_lineno or imports[-1].lineno


def _is_missed(imported: Imported, mine: Source, merged: Source) -> bool:
    """Whether code that came in uses what the user had no more use for."""
    return is_used(merged.tree, imported[1]) and not is_used(mine.tree, imported[1])


def _with(source: Source, names: list[Imported], first_party: frozenset[str]) -> Source | None:
    """The module with these imports; None where a name means something else in it."""
    for module, name in names:
        if name in top_level_names(source) and (module, name) not in _imported(source):
            return None
        done = ImportedName(module, name, first_party).ensure(source)
        if isinstance(done, Refused):
            return None
        source = done.source
    return source


def _without(source: Source, names: list[Imported], first_party: frozenset[str]) -> Source:
    """The module without these imports where nothing uses them; what the user made of one stays."""
    for module, name in names:
        edit = ImportedName(module, name, first_party)
        done = edit.subtract(source, Insertion(edit.syntax_path, name, ",", ""))
        source = source if isinstance(done, Refused) else done
    return source
