"""The python target: its steps in order, and what it knows of the types in the code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_descriptors.errors import MeshError, Place
from mesh_scaffold.merge import merge_lines
from mesh_scaffold.render import Templates
from mesh_scaffold.targets.postgres.asked import AskedValue
from mesh_scaffold.targets.postgres.stated import enum_values
from mesh_scaffold.targets.python.asked import asked_by_models, asked_by_spec
from mesh_scaffold.targets.python.editing import read_source
from mesh_scaffold.targets.python.edits import Refused, members_of
from mesh_scaffold.targets.python.objections import objections_to
from mesh_scaffold.targets.python.places import read_places
from mesh_scaffold.targets.python.steps.actions import CreateActionStep, UpdateActionStep
from mesh_scaffold.targets.python.steps.card import CardStep
from mesh_scaffold.targets.python.steps.columns_migration import ColumnsMigrationStep
from mesh_scaffold.targets.python.steps.create_menu import CreateMenuStep
from mesh_scaffold.targets.python.steps.descriptor import DescriptorStep
from mesh_scaffold.targets.python.steps.enum_member import EnumMemberStep
from mesh_scaffold.targets.python.steps.enum_migration import EnumMigrationStep
from mesh_scaffold.targets.python.steps.feeds import FeedsStep
from mesh_scaffold.targets.python.steps.form import FormStep
from mesh_scaffold.targets.python.steps.generated_test import GeneratedTestStep
from mesh_scaffold.targets.python.steps.model_fields import CreateParamsStep, PostFieldsStep, UpdateParamsStep
from mesh_scaffold.targets.python.steps.node import NodeStep
from mesh_scaffold.targets.python.steps.validator import ValidatorStep
from mesh_scaffold.targets.python.steps.validator_entry import ValidatorEntryStep

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from mesh_descriptors.errors import Problem
    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.merge import Merge
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Step, Subject
    from mesh_scaffold.targets import Clock
    from mesh_scaffold.targets.adopting import AdoptedType
    from mesh_scaffold.targets.postgres.asked import Asked
    from mesh_scaffold.targets.python.places import PythonPlaces
    from mesh_scaffold.tree import Tree


class NoEnumError(MeshError):
    """The enum of the post types cannot be found or read."""


@dataclass(frozen=True, slots=True)
class PythonTarget:
    """An app such as `mesh init` makes.

    Attributes:
        project: the project's `mesh.toml`.
        places: its `[targets.python]`.
        templates: this target's templates of post types.
        clock: tells the time that migrations are named by.
    """

    project: ProjectFile
    places: PythonPlaces
    templates: Templates
    clock: Clock

    @property
    def name(self) -> str:
        """`python`."""
        return "python"

    def steps(self, kind: str) -> tuple[Step, ...]:
        """The steps of a post type, in the order in which they are taken."""
        if kind != "post-type":
            return ()
        places, refs, templates = self.places, self.project.refs, self.templates
        paths, posts = self.project.paths, self.project.posts
        return (
            EnumMemberStep(places),
            PostFieldsStep(places, refs),
            EnumMigrationStep(paths.migrations, posts.enum, templates, self.clock),
            ColumnsMigrationStep(paths.migrations, places.validators, posts, refs, templates, self.clock),
            ValidatorStep(places, refs, templates),
            ValidatorEntryStep(places),
            CreateParamsStep(places, refs),
            CreateActionStep(places, refs),
            UpdateParamsStep(places, refs),
            UpdateActionStep(places, refs),
            CardStep(places, refs, templates),
            FormStep(places, refs, templates),
            FeedsStep(places),
            CreateMenuStep(places),
            DescriptorStep(paths.plugins, places.icons, templates),
            GeneratedTestStep(places, refs, templates),
            NodeStep(),
        )

    def types(self, tree: Tree, kind: str) -> tuple[str, ...]:
        """The members of the enum, in its order, in lower case.

        Raises:
            NoEnumError: it is not where `mesh.toml` says, or cannot be read.
        """
        return tuple(self._members(tree)) if kind == "post-type" else ()

    def place_of_type(self, tree: Tree, kind: str, name: str) -> Place | None:
        """The member's line."""
        line = self._members(tree).get(name) if kind == "post-type" else None
        return None if line is None else Place(self.places.models, line)

    def objections(self, tree: Tree, spec: PostTypeSpec, others: Collection[PostTypeSpec]) -> tuple[Problem, ...]:
        """Feeds that there are not, and columns that would be somebody else's."""
        del others  # the code has their columns
        return tuple(objections_to(spec, tree, self.places, self.project))

    def next_steps(self, spec: PostTypeSpec) -> tuple[str, ...]:
        """What the user does after a new type was written."""
        test = f"pytest {self.places.tests}/test_{spec.name}.py"
        return ("mesh db migrate", test, "mesh serve")

    def values_of_migrations(self, tree: Tree) -> frozenset[str]:
        """What migrations name where they make or alter the enum."""
        return enum_values(tree, self.project.paths.migrations, self.project.posts.enum)

    def asked_of_database(self, tree: Tree, subject: Subject) -> tuple[Asked, ...]:
        """The enum's value, asked for by the code or else the spec, then columns and constraints."""
        spec = subject.spec
        place = self.place_of_type(tree, subject.kind, subject.name) or (spec.place("name") if spec else None)
        value = AskedValue(subject.name.upper(), place)
        if spec is not None:
            return (value, *asked_by_spec(spec, self.project))
        return (value, *asked_by_models(tree, subject, self.places, self.project))

    def adopted(self, tree: Tree, name: str) -> AdoptedType:
        """A hand-written type as a spec, read from its validator, feeds, templates and descriptor."""
        from mesh_scaffold.targets.python.adopted import adopted_type  # lazily: no other command reads types from code

        return adopted_type(tree, name, self.places, self.project)

    def merged(self, path: str, base: str, ours: str, theirs: str) -> Merge:
        """Python by its imports and lines, all else by its lines."""
        from mesh_scaffold.targets.python.merging import merge_python  # lazily: only what was edited is merged

        if path.endswith(".py"):
            return merge_python(base, ours, theirs, self.places.packages)
        return merge_lines(base, ours, theirs)

    def _members(self, tree: Tree) -> dict[str, int]:
        source = read_source(tree, self.places.models)
        members = source if isinstance(source, Refused) else members_of(source, self.places.post_type_enum)
        if isinstance(members, Refused):
            place = Place(self.places.models, members.line)
            raise NoEnumError(members.message, place=place, remedy=members.remedy)
        return {name.lower(): line for name, line in members.items()}


def python_target(project: ProjectFile, templates: Path, clock: Clock) -> PythonTarget:
    """The python target of a project.

    Args:
        project: its `mesh.toml`.
        templates: the folder of all templates.
        clock: tells the time, in UTC.

    Raises:
        PlacesError: `[targets.python]` holds something else than it must.
    """
    return PythonTarget(project, read_places(project), Templates(templates / "post_type" / "python"), clock)
