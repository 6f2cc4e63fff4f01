"""Taking steps, and collecting what they report: shared by new, update and remove."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mesh_descriptors.errors import MeshError, Problem
from mesh_scaffold.record import GeneratedFile, Record
from mesh_scaffold.spec.write import to_document
from mesh_scaffold.steps import Blocked, Made, Migrating, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Fragment, Leftover, Retired, Step, Target
    from mesh_scaffold.tree import Tree

SPEC_STEP = "spec"
"""What records call the writer of a spec that a command line stood for."""
Key = tuple[str, str]
"""A piece of a shared file: the file, and its syntax path there."""


class BlockedError(MeshError):
    """Steps cannot do their part; nothing was written."""


@dataclass(slots=True)
class Work:
    """What the steps have reported so far."""

    fragments: list[Fragment] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)  # the step that generated each, by path
    notices: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    conflicts: list[Problem] = field(default_factory=list)
    leftovers: list[Leftover] = field(default_factory=list)
    blocks: list[Problem] = field(default_factory=list)

    def take(
        self,
        step: Step,
        tree: Tree,
        specs: tuple[PostTypeSpec | None, PostTypeSpec | None],
        fragments: Sequence[Fragment] = (),
        terms: Terms | None = None,
    ) -> None:
        """Take one step from the first spec to the second."""
        own = tuple(fragment for fragment in fragments if fragment.step == step.name)
        try:
            outcome = step.change(tree, *specs, own, terms or Terms())
        except MeshError as error:
            self.blocks += error.problems
            return
        if isinstance(outcome, Blocked):
            self.blocks.append(Problem(f"{step.title}: {outcome.message}", outcome.place, outcome.remedy))
            return
        self.fragments += outcome.fragments
        self.files |= dict.fromkeys(outcome.files, step.name)
        if isinstance(outcome, Made):
            self.notices += outcome.notices
            self.warnings += outcome.warnings
            self.conflicts += outcome.conflicts
            self.leftovers += outcome.leftovers

    def require_done(self) -> Work:
        """The work itself.

        Raises:
            BlockedError: with every step that could not do its part.
        """
        if self.blocks:
            raise BlockedError(problems=self.blocks)
        return self


@dataclass(frozen=True, slots=True)
class Past:
    """What was generated from a spec, and what of it may be changed.

    Attributes:
        record: what the project remembers.
        spec: the spec as it was generated.
        settled: the files of it that stay as they are.
        shared: the pieces of shared files that other specs need too.
        allow_data_loss: whether stored values may be dropped.
        retire: writes the migration that takes a value out of an enum; None where that is not asked for.
    """

    record: Record
    spec: PostTypeSpec
    settled: frozenset[str] = frozenset()
    shared: frozenset[Key] = frozenset()
    allow_data_loss: bool = False
    retire: Callable[[str, str], Retired] | None = None

    def taken(self, tree: Tree, target: Target, new: PostTypeSpec | None, *, generated: bool = False) -> Work:
        """Take all steps to `new`, or out: then the last one first, so that an import outlives what needs it.

        Args:
            tree: changed in place.
            target: the steps to take.
            new: the spec that is to be; None for none.
            generated: whether the generated side is taken where the user's differs.

        Raises:
            BlockedError: with every step that could not do its part.
        """
        work = self._pass(tree, target, (self.spec, new), self.record, generated=generated)
        if new is None or new == self.spec:
            return work
        # Again, for what an earlier step could not take out while a later one had not changed what uses it.
        made = replace(self.record, fragments=tuple(work.fragments), leftovers=tuple(work.leftovers))
        again = self._pass(tree, target, (new, new), made, generated=generated)
        work.fragments = again.fragments
        return work

    def _pass(
        self,
        tree: Tree,
        target: Target,
        specs: tuple[PostTypeSpec, PostTypeSpec | None],
        record: Record,
        *,
        generated: bool,
    ) -> Work:
        steps, new, work = target.steps(record.kind), specs[1], Work()
        for step in steps if new else _backwards(steps):
            files = tuple(file.path for file in record.files if file.step == step.name and tree.exists(file.path))
            terms = Terms(
                "generated" if generated else "mine",
                files,
                self.settled,
                self.shared,
                self.allow_data_loss,
                self.retire,
                record.leftovers,
            )
            work.take(step, tree, specs, record.fragments, terms)
        return work.require_done()


def _backwards(steps: Sequence[Step]) -> Iterator[Step]:
    """The steps, the last one first; but migrations lead forward only, and keep their order among themselves."""
    migrating = iter([step for step in steps if isinstance(step, Migrating)])
    return (next(migrating) if isinstance(step, Migrating) else step for step in reversed(steps))


def record_of(
    target: Target,
    spec: PostTypeSpec,
    files: Iterable[GeneratedFile],
    fragments: Iterable[Fragment],
    leftovers: Iterable[Leftover] = (),
) -> Record:
    """The record of what was generated from a spec."""
    ordered = tuple(sorted(files, key=lambda file: file.path))
    document = to_document(spec)
    return Record(spec.kind, str(spec.name), target.name, document, ordered, tuple(fragments), tuple(leftovers))


def keys_of(records: Iterable[Record]) -> frozenset[Key]:
    """The pieces of shared files that the records hold."""
    return frozenset((each.file, each.syntax_path) for record in records for each in record.fragments)


def handed_over(lost: Sequence[Fragment], others: Iterable[Record], write: Callable[[Record], None]) -> None:
    """Make what one spec had made, and needs no more, the first other's that needs it."""
    heirs = {(fragment.file, fragment.syntax_path): fragment for fragment in lost if fragment.origin == "made"}
    for record in others:
        fragments = tuple(_inherited(fragment, heirs) for fragment in record.fragments)
        if fragments != record.fragments:
            write(replace(record, fragments=fragments))


def _inherited(fragment: Fragment, heirs: dict[Key, Fragment]) -> Fragment:
    made = heirs.pop((fragment.file, fragment.syntax_path), None)
    if made is None:
        return fragment
    return replace(fragment, text=made.text, before=made.before, after=made.after, origin="made")


def still_made(new: Iterable[Fragment], old: Mapping[Key, Fragment]) -> tuple[Fragment, ...]:
    """The fragments; what the old record says was made is not called found because it is there now."""
    return tuple(
        replace(each, text=before.text, before=before.before, after=before.after, origin="made")
        if each.origin == "found" and (before := old.get((each.file, each.syntax_path))) and before.origin == "made"
        else each
        for each in new
    )
