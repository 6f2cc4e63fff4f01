"""`mesh check --fix`: the steps whose fact is missing are taken again, for every type that has a spec."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mesh_scaffold.formatting import NO_FORMATTERS
from mesh_scaffold.generate.past import spec_of
from mesh_scaffold.generate.work import Work
from mesh_scaffold.plan import Plan
from mesh_scaffold.record import GeneratedFile, Record, read_record, write_record
from mesh_scaffold.steps import Missing, Subject

if TYPE_CHECKING:
    from mesh_scaffold.formatting import Formatters
    from mesh_scaffold.generate.matrix import Matrix
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Fragment, Step, Target
    from mesh_scaffold.tree import Tree

COMMAND = "check --fix"


def plan_fix(tree: Tree, target: Target, matrix: Matrix, kind: str, formatters: Formatters = NO_FORMATTERS) -> Plan:
    """The plan that makes the missing facts hold that can be made from a spec; what cannot is a warning.

    A generated file that is gone comes back as the record has it, a migration under its own name; a step whose file
    is there and was edited is left to the user.

    Args:
        tree: the project.
        target: whose steps are taken.
        matrix: the verdicts on the types that are to be mended.
        kind: "post-type".
        formatters: what lays out generated text.

    Raises:
        MeshError: a record is damaged.
    """
    mending = _Mending(tree, target, matrix, formatters, frozenset(target.types(tree, kind)))
    for spec in matrix.specs:
        if spec.name in matrix.types:
            mending.mend(spec)
    told = mending.told
    return Plan.of(mending.tree, COMMAND, tuple(told.notices), (*told.warnings, *map(str, told.blocks)))


@dataclass(slots=True)
class _Mending:
    """The tree as it becomes, and what there is to tell."""

    tree: Tree
    target: Target
    matrix: Matrix
    formatters: Formatters
    present: frozenset[str]
    told: Work = field(default_factory=Work)

    def mend(self, spec: PostTypeSpec) -> None:
        """Make the missing facts of one type hold."""
        verdicts = self.matrix.verdicts
        missing = [each for each in self.target.steps(spec.kind) if isinstance(verdicts[spec.name, each.name], Missing)]
        record = read_record(self.tree, spec.kind, spec.name)
        if refusal := self._refusal(spec, record):
            self.told.warnings += [refusal] if missing else []
            return
        for file in record.files if record else ():
            if not self.tree.exists(file.path):
                self.tree.write(file.path, file.content)
        work = Work()
        for step in missing:
            if isinstance(step.check(self.tree, Subject(spec.kind, spec.name, spec)), Missing):
                self._take(step, spec, record, work)
        self.formatters.format_generated(self.tree, work.files)
        if record is not None and (work.fragments or work.files):
            write_record(self.tree, _renewed(self.tree, record, work))

    def _refusal(self, spec: PostTypeSpec, record: Record | None) -> str | None:
        """Why another command is needed."""
        if record is None and spec.name not in self.present:
            return f"{spec.name} was not generated yet: mesh new {spec.kind} {spec.name}"
        if record is not None and spec_of(record) != spec:
            return f"{spec.path} has changed since {spec.name} was generated: mesh update {spec.name}"
        return None

    def _take(self, step: Step, spec: PostTypeSpec, record: Record | None, work: Work) -> None:
        """Take the step, unless it would write over what is there."""
        if record and any(file.step == step.name for file in record.files):
            self.told.warnings.append(f"{spec.name}: {step.title}: its file was edited, and is left as it is")
            return
        trial, outcome = self.tree.fork(), Work()
        outcome.take(step, trial, (None, spec))
        self.told.blocks += outcome.blocks
        if taken := [path for path in outcome.files if self.tree.exists(path)]:
            self.told.warnings.append(f"{spec.name}: {step.title}: {taken[0]} is in the way, and is left as it is")
        elif not outcome.blocks:
            self.tree = trial
            work.fragments += outcome.fragments
            work.files |= outcome.files
            self.told.notices += outcome.notices
            self.told.warnings += outcome.warnings


def _renewed(tree: Tree, record: Record, work: Work) -> Record:
    """The record with what was made now."""
    fragments: dict[tuple[str, str, str], Fragment] = {_key(each): each for each in record.fragments}
    for each in work.fragments:
        if each.origin == "made" or _key(each) not in fragments:
            fragments[_key(each)] = each
    files = [GeneratedFile(path, step, tree.read(path) or b"") for path, step in work.files.items()]
    ordered = sorted((*record.files, *files), key=lambda file: file.path)
    return replace(record, files=tuple(ordered), fragments=tuple(fragments.values()))


def _key(fragment: Fragment) -> tuple[str, str, str]:
    return fragment.step, fragment.file, fragment.syntax_path
