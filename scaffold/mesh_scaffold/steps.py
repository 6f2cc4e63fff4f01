"""A step is one fact that must hold in a code base; these are its values and the interface it offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from mesh_descriptors.errors import Place, Problem
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.tree import Tree


@dataclass(frozen=True, slots=True)
class Subject:
    """What a step judges: a type, with its spec where there is one. Hand-written types have none.

    Attributes:
        kind: "post-type".
        name: snake case.
        spec: what the project's `specs/` say about it.
    """

    kind: str
    name: str
    spec: PostTypeSpec | None = None


@dataclass(frozen=True, slots=True)
class Holds:
    """The fact holds, there."""

    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """The fact does not hold: where it should, and what to write there."""

    place: Place
    remedy: str


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """The fact is not asked of this subject ("storage is json", "form: false")."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It cannot be told ("app/actions.py does not parse", "no function create_post"), and what to do about that."""

    reason: str
    place: Place | None = None
    remedy: str | None = None


Verdict: TypeAlias = Holds | Missing | NotApplicable | Unknown


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a shared file that stands for one spec, so that it can be found, merged and taken back.

    Attributes:
        step: the name of the step that answers for it.
        file: POSIX path relative to the project.
        syntax_path: where in the file, in words of its language ("PostType.POLL", "create_post.row['poll_question']").
        text: what was inserted, without the separators.
        before: separator text that was inserted in front of it ("," or a line break and indentation).
        after: separator text that was inserted behind it.
        origin: "made" by the step, or "found" there already; what was found is never taken back.
    """

    step: str
    file: str
    syntax_path: str
    text: str
    before: str = ""
    after: str = ""
    origin: Literal["made", "found"] = "made"


@dataclass(frozen=True, slots=True)
class Leftover:
    """Stored values that no field of the type reads any more, kept as nobody allowed to lose them.

    Attributes:
        name: the column; or the key, where the type's fields live in the payload.
        type: what the values are: the column's type in the database, or the type of field that wrote the key.
        where: which of both.
    """

    name: str
    type: str
    where: Literal["column", "key"] = "column"


@dataclass(frozen=True, slots=True)
class Made:
    """The tree was changed.

    Attributes:
        fragments: what now stands in shared files, what was found there included.
        files: the files that the step generated as a whole; the engine records their text.
        notices: what the user should know ("the migration needs `mesh db migrate`").
        warnings: what the user should look at.
        conflicts: pieces of shared files that the user edited or deleted, and that the change asks to be otherwise.
        leftovers: stored values that stay, those of earlier changes included.
    """

    fragments: tuple[Fragment, ...] = ()
    files: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    conflicts: tuple[Problem, ...] = ()
    leftovers: tuple[Leftover, ...] = ()


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The fact held already, or is not asked; found fragments are reported so that the record knows of them."""

    fragments: tuple[Fragment, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Blocked:
    """The step cannot make the fact hold. Any block means that nothing at all is written."""

    message: str
    place: Place | None = None
    remedy: str | None = None


Outcome: TypeAlias = Made | Unchanged | Blocked


@dataclass(frozen=True, slots=True)
class Retired:
    """A migration that takes a value out of the database's enum, and what the user should know of it."""

    sql: str
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms what was generated before may be changed.

    Attributes:
        prefer: whose side is taken where the user edited a piece of a shared file that is to change: their own
            ("mine"), or the one that is generated now.
        files: the files that this step generated as a whole and that are still there.
        settled: those of them that stay as they are: others have them already, or the user edited them.
        shared: the pieces that other specs need too, by file and syntax path; they are never taken out.
        allow_data_loss: whether stored values may be dropped.
        retire: writes the migration that takes a value out of an enum, given both; None where that is not asked for.
        leftovers: stored values that stayed at earlier changes, of all steps.
    """

    prefer: Literal["mine", "generated"] = "mine"
    files: tuple[str, ...] = ()
    settled: frozenset[str] = frozenset()
    shared: frozenset[tuple[str, str]] = frozenset()
    allow_data_loss: bool = False
    retire: Callable[[str, str], Retired] | None = None
    leftovers: tuple[Leftover, ...] = ()


DEFAULT_TERMS = Terms()
"""Nothing was generated before."""


@runtime_checkable
class Step(Protocol):
    """One fact, in one file of ours. Steps are frozen values that hold the places they look at."""

    @property
    def name(self) -> str:
        """Kebab case, for records and JSON: "enum-member"."""

    @property
    def title(self) -> str:
        """The fact in a few words, for tables: "value in the enum"."""

    def check(self, tree: Tree, subject: Subject) -> Verdict:
        """Whether the fact holds; `subject.spec` may be None."""

    def change(
        self,
        tree: Tree,
        old: PostTypeSpec | None,
        new: PostTypeSpec | None,
        fragments: tuple[Fragment, ...],
        terms: Terms = DEFAULT_TERMS,
    ) -> Outcome:
        """Make the fact hold in `tree`, or take it out.

        A step writes the files of its own as they are to be generated; the engine merges each with what the user
        made of it, and deletes those that are generated no more. What a step made in shared files it changes and
        takes out itself.

        Args:
            tree: changed in place.
            old: the spec as it was generated last; None for a new type.
            new: the spec as it is to be; None to take the type out.
            fragments: what the record says that this step made or found.
            terms: what may be done to it.
        """


@runtime_checkable
class Migrating(Protocol):
    """What a step is besides, when it writes migrations."""

    @property
    def migrations(self) -> str:
        """The folder of the migrations."""


@runtime_checkable
class Importable(Protocol):
    """What a step is besides, when other code may import what it generates."""

    def importer(self, tree: Tree, path: str) -> Place | None:
        """Where the file is imported; None when nothing imports it, so that it can go."""


@runtime_checkable
class NamedInCode(Protocol):
    """What a step is besides, when code may name what is made for a type, and is to follow when that is renamed."""

    def names(self, old: PostTypeSpec, new: PostTypeSpec) -> Mapping[str, str]:
        """Words that stand in generated code for the type alone: what each is under the new name."""

    def follow(self, tree: Tree, old: PostTypeSpec, new: PostTypeSpec) -> tuple[str, ...]:
        """Make such code say the new name, and tell where an old one still stands.

        Args:
            tree: changed in place; the type has its new name already.
            old: the type as it was called.
            new: the same type under its new name.
        """


class Target(Protocol):
    """A kind of code base that mesh can add types to."""

    @property
    def name(self) -> str:
        """As `[project] target` in `mesh.toml` says it."""

    def steps(self, kind: str) -> tuple[Step, ...]:
        """The steps of that kind of spec, in the order in which they are taken."""

    def types(self, tree: Tree, kind: str) -> tuple[str, ...]:
        """The snake-case names of the types that the code has, hand-written ones included, in its order.

        Raises:
            MeshError: the place that enumerates them is not there or cannot be read.
        """

    def place_of_type(self, tree: Tree, kind: str, name: str) -> Place | None:
        """Where the code enumerates that type; None when it does not."""

    def objections(self, tree: Tree, spec: PostTypeSpec, others: Collection[PostTypeSpec]) -> tuple[Problem, ...]:
        """What speaks against `spec` in this code base and cannot be seen in the spec alone.

        Columns that are the host's own (`id`, `type`, `payload`), names that its model base class uses, feeds that
        it does not have. A problem's place is `spec.place(...)`.

        Args:
            tree: the project.
            spec: what is to be generated.
            others: the specs of the project's other types.
        """

    def next_steps(self, spec: PostTypeSpec) -> tuple[str, ...]:
        """What the user does after a new type was written, one line each: "mesh db migrate"."""
