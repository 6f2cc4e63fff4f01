"""What the steps of the python target have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from mesh_descriptors.errors import Place
from mesh_scaffold.steps import DEFAULT_TERMS, Blocked, Holds, Made, Missing, NotApplicable, Unchanged, Unknown
from mesh_scaffold.targets.python.changing import renew, take_out
from mesh_scaffold.targets.python.columns import renamed_paths
from mesh_scaffold.targets.python.editing import ensure, judge
from mesh_scaffold.targets.python.edits import ImportedName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Fragment, Outcome, Subject, Terms, Verdict
    from mesh_scaffold.targets.python.edits import Edit
    from mesh_scaffold.tree import Tree


class PythonStep(ABC):
    """A step that adds its fact for a new type, and has nothing to do afterwards."""

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def check(self, tree: Tree, subject: Subject) -> Verdict:
        """Whether the fact holds."""

    @abstractmethod
    def add(self, tree: Tree, spec: PostTypeSpec) -> Outcome:
        """Make the fact hold for a new type."""

    def change(
        self,
        tree: Tree,
        old: PostTypeSpec | None,
        new: PostTypeSpec | None,
        fragments: tuple[Fragment, ...],
        terms: Terms = DEFAULT_TERMS,
    ) -> Outcome:
        """Make the fact hold for a new type, for a changed one, or take it out."""
        if new is None:
            return self.take_out(tree, old, fragments, terms) if old else Unchanged()
        return self.add(tree, new) if old is None else self.renew(tree, old, new, fragments, terms)

    def renew(
        self, tree: Tree, old: PostTypeSpec, new: PostTypeSpec, fragments: tuple[Fragment, ...], terms: Terms
    ) -> Outcome:
        """Make the fact hold for a type that was generated from `old`."""
        del tree, old, new, terms
        return Unchanged(fragments)

    def take_out(self, tree: Tree, old: PostTypeSpec, fragments: tuple[Fragment, ...], terms: Terms) -> Outcome:
        """Take out what was made for the fact; the engine deletes the files of the step's own."""
        del tree, old, fragments, terms
        return Unchanged()


class EditStep(PythonStep):
    """A step whose fact is a few pieces of one shared file."""

    @abstractmethod
    def file(self) -> str:
        """The file."""

    @abstractmethod
    def edits(self, tree: Tree, spec: PostTypeSpec) -> Sequence[Edit] | Blocked:
        """What a type's spec asks of the file; nothing when this fact is not asked of it."""

    @abstractmethod
    def looks(self, tree: Tree, subject: Subject) -> Sequence[Edit] | Verdict:
        """What is looked for, for any type; or the verdict, when it is clear without a look."""

    def add(self, tree: Tree, spec: PostTypeSpec) -> Outcome:
        """Make the edits."""
        edits = self.edits(tree, spec)
        if isinstance(edits, Blocked):
            return edits
        return ensure(tree, self.file(), self.name, edits) if edits else Unchanged()

    def renew(
        self, tree: Tree, old: PostTypeSpec, new: PostTypeSpec, fragments: tuple[Fragment, ...], terms: Terms
    ) -> Outcome:
        """Bring the pieces from the old spec to the new one."""
        before, after = self.edits(tree, old), self.edits(tree, new)
        if isinstance(before, Blocked):
            return before
        if isinstance(after, Blocked):
            return after
        if old.name != new.name:
            return self._rename(tree, (before, after), fragments, terms)
        renames = renamed_paths(old, new, before)
        return renew(tree, self.file(), self.name, (before, after), fragments, terms, renames)

    def _rename(
        self, tree: Tree, edits: tuple[Sequence[Edit], Sequence[Edit]], fragments: tuple[Fragment, ...], terms: Terms
    ) -> Outcome:
        """Bring the pieces of a type to its new name, each in its place; those that were found in the code too."""
        pairs = [(one, other) for one, other in zip(*edits, strict=True) if one.syntax_path != other.syntax_path]
        paths = {one.syntax_path: other.syntax_path for one, other in pairs}
        # An import stands where its module is sorted: a new one comes, and the old one goes with its last use.
        renames = {one.syntax_path: other.syntax_path for one, other in pairs if not isinstance(one, ImportedName)}
        own = tuple(replace(each, origin="made") if each.syntax_path in paths else each for each in fragments)
        outcome = renew(tree, self.file(), self.name, edits, own, terms, renames)
        if isinstance(outcome, Blocked):
            return outcome
        found = {paths.get(each.syntax_path) for each in fragments if each.origin == "found"}
        return replace(
            outcome,
            fragments=tuple(
                replace(each, origin="found") if each.syntax_path in found else each for each in outcome.fragments
            ),
        )

    def take_out(self, tree: Tree, old: PostTypeSpec, fragments: tuple[Fragment, ...], terms: Terms) -> Outcome:
        """Take the pieces out."""
        edits = self.edits(tree, old)
        if isinstance(edits, Blocked):
            return edits
        return take_out(tree, self.file(), self.name, edits, fragments, terms)

    def check(self, tree: Tree, subject: Subject) -> Verdict:
        """Whether all of it is there."""
        looks = self.looks(tree, subject)
        if isinstance(looks, Holds | Missing | NotApplicable | Unknown):
            return looks
        return judge(tree, self.file(), looks)


class FileStep(PythonStep):
    """A step whose fact is a file of the type's own."""

    @abstractmethod
    def path(self, name: str) -> str:
        """Where the file of the type called `name` is."""

    @abstractmethod
    def render(self, tree: Tree, spec: PostTypeSpec) -> str | Blocked:
        """The file's content."""

    def unasked(self, spec: PostTypeSpec) -> str | None:
        """Why the spec does not ask for the file; None when it does."""
        del spec
        return None

    def add(self, tree: Tree, spec: PostTypeSpec) -> Outcome:
        """Write the file; the engine refuses when another stands in its place."""
        if self.unasked(spec) is not None:
            return Unchanged()
        content = self.render(tree, spec)
        if isinstance(content, Blocked):
            return content
        path = self.path(str(spec.name))
        tree.write(path, content)
        return Made(files=(path,))

    def renew(
        self, tree: Tree, old: PostTypeSpec, new: PostTypeSpec, fragments: tuple[Fragment, ...], terms: Terms
    ) -> Outcome:
        """Write the file as it is to be; the engine merges it with what the user made of it."""
        del old, fragments, terms
        return self.add(tree, new)

    def check(self, tree: Tree, subject: Subject) -> Verdict:
        """Whether the file is there."""
        if subject.spec is not None and (reason := self.unasked(subject.spec)):
            return NotApplicable(reason)
        path = self.path(subject.name)
        if tree.exists(path):
            return Holds(Place(path))
        return Missing(Place(path), f"Write {path}, like those beside it.")
