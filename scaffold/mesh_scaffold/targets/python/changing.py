"""Changes of what was made in the app's shared files: fragment by fragment, recorded, current and new.

A piece that is wanted as it was recorded stays as the user has it, and stays away when they deleted it. One that is
wanted otherwise is replaced where nobody touched it, merged word by word where somebody did, and reported as a
conflict where both changed the same. One that is wanted no more is taken out, unless it was edited.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place, Problem
from mesh_scaffold.merge import merge_words
from mesh_scaffold.steps import Fragment, Made, Unchanged
from mesh_scaffold.targets.python.editing import blocked, read_source
from mesh_scaffold.targets.python.edits import ImportedName, Insertion, Refused, Span, replaced, same_meaning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_scaffold.steps import Outcome, Terms
    from mesh_scaffold.targets.python.edits import Edit, Source
    from mesh_scaffold.tree import Tree

KEEP = "It stays as it is; make it what the spec asks for, or run the command with --on-conflict overwrite."


COMMENT = "Delete the comment when it says nothing any more."


@dataclass(slots=True)
class _Work:
    """A file on its way from one spec to another, or to none: then it is left."""

    file: str
    source: Source
    terms: Terms
    is_leaving: bool = False
    fragments: list[Fragment] = field(default_factory=list)
    conflicts: list[Problem] = field(default_factory=list)

    @property
    def takes_generated(self) -> bool:
        return self.terms.prefer == "generated"

    def conflict(self, message: str, span: Span | None = None, remedy: str = KEEP) -> None:
        line = self.source.line_of(span.start) if span else None
        self.conflicts.append(Problem(message, Place(self.file, line), remedy))


def renew(
    tree: Tree,
    file: str,
    step: str,
    edits: tuple[Sequence[Edit], Sequence[Edit]],
    fragments: tuple[Fragment, ...],
    terms: Terms,
    renames: Mapping[str, str],
    *,
    is_leaving: bool = False,
) -> Outcome:
    """Make the file hold the new edits instead of the old ones.

    Args:
        tree: changed in place.
        file: the shared file.
        step: the step that answers for the edits.
        edits: those of the old spec and those of the new one.
        fragments: what the record says of the old ones.
        terms: what may be done to them.
        renames: the new syntax paths of pieces that are only called otherwise now, by their old ones.
        is_leaving: whether the type itself goes.
    """
    source = read_source(tree, file)
    if isinstance(source, Refused):
        return blocked(file, source) if edits[1] or fragments else Unchanged()
    old = {edit.syntax_path: edit for edit in edits[0]}
    recorded = {fragment.syntax_path: fragment for fragment in fragments}
    wanted = {edit.syntax_path for edit in edits[1]}
    former = {new: path for path, new in renames.items() if path in recorded and path not in wanted}
    work = _Work(file, source, terms, is_leaving)
    for edit in edits[1]:
        path = former.get(edit.syntax_path, edit.syntax_path)
        fragment = recorded.get(path)
        refused = _added(work, step, edit) if fragment is None else _renewed(work, old.get(path, edit), edit, fragment)
        if refused:
            return blocked(file, refused)
    unwanted = [each for each in fragments if each.syntax_path not in {*wanted, *former.values()}]
    used = [each for each in reversed(unwanted) if not _taken_out(work, _edit_of(each, old, edits[1]), each)]
    work.fragments += reversed(used)
    if work.source.text == source.text and not work.conflicts:
        return Unchanged(tuple(work.fragments))
    tree.write(file, work.source.to_bytes())
    return Made(tuple(work.fragments), conflicts=tuple(work.conflicts))


def take_out(
    tree: Tree, file: str, step: str, old: Sequence[Edit], fragments: tuple[Fragment, ...], terms: Terms
) -> Outcome:
    """Take what was made out of the file; what was found, edited, or is needed by other specs stays."""
    if not fragments or not tree.exists(file):
        return Unchanged()
    return renew(tree, file, step, (old, ()), fragments, terms, {}, is_leaving=True)


def _added(work: _Work, step: str, edit: Edit) -> Refused | None:
    result = edit.ensure(work.source)
    if isinstance(result, Refused):
        return result
    work.source, made = result.source, result.insertion
    origin = "made" if made.made else "found"
    work.fragments.append(Fragment(step, work.file, made.syntax_path, made.text, made.before, made.after, origin))  # type: ignore[arg-type]  # one of two
    return None


def _renewed(work: _Work, old: Edit, new: Edit, fragment: Fragment) -> Refused | None:
    """Brings one piece from what was recorded to what is wanted now."""
    moved = old.syntax_path != new.syntax_path
    if not moved and (isinstance(new, ImportedName) or same_meaning(fragment.text, new.wanted)):
        work.fragments.append(fragment)
        return None
    if fragment.origin == "found" or (work.file, fragment.syntax_path) in work.terms.shared:
        return _added(work, fragment.step, new)
    span = old.place(work.source)
    if isinstance(span, Refused):
        return span
    code = new.written(work.source)
    if span is None:
        return _deleted(work, new, replace(fragment, syntax_path=new.syntax_path, text=code))
    merged = _merged(work.source.text[span.start : span.end], fragment.text, code, new.wanted)
    if merged is None or isinstance(changed := replaced(work.source, span, merged), Refused):
        work.conflict(f"{fragment.syntax_path} was edited, and is to be {new.wanted} now", span)
        changed = replaced(work.source, span, code) if work.takes_generated else work.source
        if isinstance(changed, Refused):
            return changed
    work.source = changed
    work.fragments.append(replace(fragment, syntax_path=new.syntax_path, text=code))
    return None


def _merged(current: str, recorded: str, code: str, wanted: str) -> str | None:
    if same_meaning(current, wanted):
        return current
    return code if same_meaning(current, recorded) else merge_words(recorded, current, code)


def _deleted(work: _Work, new: Edit, fragment: Fragment) -> Refused | None:
    """What is wanted otherwise now is not there: the user called it so already, or deleted it."""
    if isinstance(new.place(work.source), Span):
        work.fragments.append(fragment)
        return None
    work.conflict(f"{fragment.syntax_path} was deleted, and is to be {new.wanted} now")
    if work.takes_generated:
        return _added(work, fragment.step, new)
    work.fragments.append(fragment)
    return None


def _edit_of(fragment: Fragment, old: Mapping[str, Edit], new: Sequence[Edit]) -> Edit | None:
    """The edit that a piece came from; that of an import which was in use until now is told by its text."""
    found = old.get(fragment.syntax_path)
    if found is None and fragment.syntax_path.startswith("import "):
        module, _, name = fragment.syntax_path.removeprefix("import ").rpartition(".")
        packages = next((edit.first_party for edit in new if isinstance(edit, ImportedName)), frozenset())
        return ImportedName(module, name, packages)
    return found


def _taken_out(work: _Work, edit: Edit | None, fragment: Fragment) -> bool:
    """Take a piece out; returns False for one that is still in use, and goes when it no longer is."""
    if fragment.origin == "found" or (work.file, fragment.syntax_path) in work.terms.shared:
        return True
    if edit is None:
        work.conflict(f"{fragment.syntax_path} is nothing that this mesh makes, and stays")
        return True
    insertion = Insertion(fragment.syntax_path, fragment.text, fragment.before, fragment.after)
    span = edit.place(work.source)
    if isinstance(span, Refused):
        work.conflict(f"{fragment.syntax_path} cannot be taken out: {span.message}")
        return True
    changed = edit.subtract(work.source, insertion)
    if isinstance(changed, Refused):
        changed = _edited_out(work, edit, insertion, span)
    if isinstance(changed, Refused):
        return True
    is_used = changed is work.source and span is not None
    work.source = changed
    return not is_used


def _edited_out(work: _Work, edit: Edit, insertion: Insertion, span: Span | None) -> Source | Refused:
    """Take out what the user edited, where that is wanted; of a type that goes only a comment behind a piece stays."""
    uncommented = edit.subtract(work.source, replace(insertion, comment="stays"))
    if work.is_leaving and not isinstance(uncommented, Refused):
        work.conflict(f"{insertion.syntax_path} goes, and the comment behind it stays", span, COMMENT)
    else:
        work.conflict(f"{insertion.syntax_path} was edited, and is to go now", span)
        uncommented = Refused("was edited", KEEP)
    if not work.takes_generated or span is None:
        return uncommented
    text = work.source.text[span.start : span.end]
    return edit.subtract(work.source, replace(insertion, text=text, comment="goes"))
