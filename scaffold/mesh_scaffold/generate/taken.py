"""One spec's steps, taken: generated files are merged with what the user made of them, and so are shared ones."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place, Problem
from mesh_scaffold.generate.conflicts import Clash, Resolution, refuse, resolution
from mesh_scaffold.generate.found import take_found
from mesh_scaffold.generate.work import SPEC_STEP, handed_over, still_made
from mesh_scaffold.merge import own_lines
from mesh_scaffold.record import GeneratedFile, all_records, write_record
from mesh_scaffold.steps import Importable
from mesh_scaffold.targets.merging import Merging

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_scaffold.generate.past import Options
    from mesh_scaffold.generate.work import Past, Work
    from mesh_scaffold.merge import ConflictLine
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Fragment, Leftover, Target
    from mesh_scaffold.tree import Tree


@dataclass(slots=True)
class Taken:
    """What was done to a tree on the way from one spec to another, or to none.

    Attributes:
        files: what is generated from the spec now; empty for none.
        fragments: what stands in shared files for it.
        notices: what the user should know.
        warnings: what the user should look at.
        conflicts: what is marked in the files and waits for the user.
        kept: generated files that stay because the user edited them.
        leftovers: stored values that stay because nobody allowed to lose them.
    """

    files: list[GeneratedFile] = field(default_factory=list)
    fragments: tuple[Fragment, ...] = ()
    notices: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    conflicts: list[Problem] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    leftovers: tuple[Leftover, ...] = ()
    refused: list[Problem] = field(default_factory=list)

    def generated_file(
        self,
        tree: Tree,
        before: Tree,
        file: GeneratedFile,
        recorded: GeneratedFile | None,
        options: Options,
        merging: Merging | None = None,
    ) -> None:
        """Merge a file that a step wrote into `tree` with what stands there, and remember its base.

        Args:
            tree: changed in place.
            before: the project without what the step wrote.
            file: which file, and its step.
            recorded: what was generated there the last time.
            options: what happens to what the user edited.
            merging: merges a text of its language.
        """
        path, formatters = file.path, options.formatters
        generated = tree.read(path) or b""
        self.files.append(replace(file, content=generated))
        current = before.read(path)
        if current is None:
            self._absent(tree, path, generated, recorded)
        elif recorded and recorded.content == generated:
            tree.write(path, current)
        else:
            base = formatters.formatted(path, recorded.content) if recorded else None
            clash = Clash.of(path, current, generated, base, merging)
            if clash.current != clash.generated and recorded and formatters.same(path, current, recorded.content):
                tree.write(path, generated)  # a formatter that mesh does not know laid it out: that is no edit
            else:
                self.merged(tree, clash, options)

    def _absent(self, tree: Tree, path: str, generated: bytes, recorded: GeneratedFile | None) -> None:
        if recorded is None:
            tree.write(path, generated)
            return
        tree.delete(path)  # the user deleted it, and it does not come back by itself
        if recorded.content != generated:
            self.notices.append(f"{path} was deleted and stays so; it would be another now")

    def merged(self, tree: Tree, clash: Clash, options: Options) -> None:
        """Write what becomes of a clash into `tree`; tell where the user's side is kept."""
        if clash.current == clash.generated:
            tree.write(clash.path, clash.current)
            return
        if self.resolve(tree, clash, options).kept:
            self.warnings.append(f"{clash.path} stays as it is where you and the generator differ")

    def resolve(self, tree: Tree, clash: Clash, options: Options) -> Resolution:
        """Write what becomes of a clash into `tree`."""
        found = resolution(clash, options.resolve(clash))
        tree.write(clash.path, found.content)
        self.refused += [found.refused] if found.refused else []
        self.conflicts += [found.marked] if found.marked else []
        return found


def take(tree: Tree, target: Target, past: Past, new: PostTypeSpec | None, options: Options) -> Taken:
    """Bring `tree` from what was generated to `new`, or to nothing of the type.

    Raises:
        BlockedError: with every step that could not do its part.
        ConflictError: a conflict is to stop everything.
    """
    before = tree.fork()
    work = past.taken(tree, target, new)
    options.formatters.format_generated(tree, work.files)
    taken = Taken(notices=work.notices, warnings=work.warnings, leftovers=tuple(work.leftovers))
    fragments = work.fragments
    if work.conflicts:
        generated = before.fork()
        forced = past.taken(generated, target, new, generated=True)
        options.formatters.format_generated(generated, forced.files)
        fragments = forced.fragments
        _shared_files(tree, (before, generated), work, options, taken)
    old = {(each.file, each.syntax_path): each for each in past.record.fragments}
    taken.fragments = still_made(fragments, old)
    recorded = {file.path: file for file in past.record.files}
    merging = target if isinstance(target, Merging) else None
    for path, step in work.files.items():
        former = recorded.get(path)
        if former and path in past.settled:
            taken.files.append(former)
        elif former and former.origin == "found":
            take_found(taken, tree, before, former, target, past, options)
        else:
            taken.generated_file(tree, before, GeneratedFile(path, step, b""), former, options, merging)
    for file in past.record.files:
        if file.path not in work.files:
            used = _importer(target, past.record.kind, tree, file) if new is None else None
            _former_file(tree, file, past, options, taken, removing=new is None, used=used)
    refuse(taken.refused)
    _hand_over(tree, past, taken)
    return taken


def _shared_files(tree: Tree, sides: tuple[Tree, Tree], work: Work, options: Options, taken: Taken) -> None:
    """Merge the files of which the user's side and the generated one differ; list every such piece.

    Args:
        tree: holds the user's side of each; changed in place.
        sides: the project as it was, and as it is generated.
        work: what differs.
        options: what happens to it.
        taken: what was done so far.
    """
    before, generated = sides
    outcomes, lines = {}, {}
    for path in sorted({problem.place.path for problem in work.conflicts if problem.place and problem.place.path}):
        mine, theirs = tree.read(path), generated.read(path)
        if mine is None or theirs is None or mine == theirs:
            continue
        clash = Clash.of_sides(path, mine, theirs, before.read(path))
        outcomes[path] = taken.resolve(tree, clash, options)
        lines[path] = clash.merge.conflict_lines if clash.merge else ()
    for problem in work.conflicts:
        outcome = outcomes.get((problem.place and problem.place.path) or "")
        if outcome is None or outcome.kept:
            taken.warnings.append(f"{problem.place}: {problem.message}. {problem.remedy}")
        elif outcome.marked:
            taken.conflicts.append(replace(problem, place=_as_marked(problem.place, lines), remedy=None))


def _as_marked(place: Place | None, lines: Mapping[str, Sequence[ConflictLine]]) -> Place | None:
    """The place, with the line of the nearest marker in the file that was written."""
    known = lines.get(place.path or "", ()) if place else ()
    if place is None or place.line is None or not known:
        return place
    wanted = place.line
    return replace(place, line=min(known, key=lambda line: abs(line.mine - wanted)).marked)


def _former_file(
    tree: Tree,
    file: GeneratedFile,
    past: Past,
    options: Options,
    taken: Taken,
    *,
    removing: bool,
    used: Place | None = None,
) -> None:
    """A file that is generated no more goes, unless the user edited it, others have it, or code that stays uses it."""
    current = tree.read(file.path)
    if file.step == SPEC_STEP and not removing:
        taken.files.append(file)
        return
    is_other = current is not None and not options.formatters.same(file.path, current, file.content)
    edited = is_other or (current is not None and file.origin == "found")
    if file.path in past.settled:
        taken.files.append(file)
        if edited and removing:
            taken.kept.append(file.path)
        return
    if current is None:
        return
    if edited:
        _leave(tree, file, current, options, taken)
    else:
        tree.delete(file.path)
    if used is not None and not tree.exists(file.path):
        tree.write(file.path, current)
        taken.warnings.append(f"{file.path} stays, as {used} imports it. Take the import out, then delete the file")


def _importer(target: Target, kind: str, tree: Tree, file: GeneratedFile) -> Place | None:
    """What still imports a file that is to go."""
    steps = (step for step in target.steps(kind) if step.name == file.step)
    return next((step.importer(tree, file.path) for step in steps if isinstance(step, Importable)), None)


def _leave(tree: Tree, file: GeneratedFile, current: bytes, options: Options, taken: Taken) -> None:
    """What happens to an edited file that is generated no more."""
    choice = options.resolve(Clash(file.path, current, b"", None))
    if choice == "abort":
        remedy = "Choose what happens to it: --on-conflict keep, overwrite (it goes) or merge (your lines stay)."
        taken.refused.append(Problem("was edited, and is to go; nothing was written", Place(file.path), remedy))
    elif choice == "overwrite":
        tree.delete(file.path)
    elif choice == "merge" and (own := _own(file.content, current)) is not None:
        tree.write(file.path, own) if own.strip() else tree.delete(file.path)
        taken.kept += [file.path] if own.strip() else []
    else:
        taken.kept.append(file.path)


def _own(base: bytes, current: bytes) -> str | None:
    try:
        return own_lines(base.decode("utf-8"), current.decode("utf-8"))
    except UnicodeDecodeError:
        return None


def _hand_over(tree: Tree, past: Past, taken: Taken) -> None:
    """What this spec had made and needs no more belongs to another that needs it."""
    kept = {(each.file, each.syntax_path) for each in taken.fragments}
    lost = [each for each in past.record.fragments if (each.file, each.syntax_path) in past.shared - kept]
    others = (other for other in all_records(tree, past.record.kind) if other.name != past.record.name)
    handed_over(lost, others, lambda record: write_record(tree, record))
