"""A migration adds the type to the database's enum, in a file of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mesh_descriptors.errors import Place
from mesh_scaffold.render import render
from mesh_scaffold.steps import Holds, Made, Missing, Unchanged
from mesh_scaffold.targets.postgres.migrations import migration_statements, next_migration
from mesh_scaffold.targets.python.steps.base import PythonStep

if TYPE_CHECKING:
    from mesh_scaffold.render import Templates
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Fragment, Outcome, Subject, Terms, Verdict
    from mesh_scaffold.targets import Clock
    from mesh_scaffold.tree import Tree


@dataclass(frozen=True, slots=True)
class EnumMigrationStep(PythonStep):
    """`ALTER TYPE ... ADD VALUE`: it cannot be used in the transaction that adds it, so it is alone in its file."""

    name: ClassVar[str] = "enum-migration"
    title: ClassVar[str] = "value in the database's enum"
    migrations: str
    enum: str
    templates: Templates
    clock: Clock

    def check(self, tree: Tree, subject: Subject) -> Verdict:
        """Whether a migration creates the enum with the value, or adds it."""
        value = subject.name.upper()
        if place := self._found(tree, value):
            return Holds(place)
        remedy = f"Write a migration of its own: ALTER TYPE {self.enum} ADD VALUE IF NOT EXISTS '{value}';"
        return Missing(Place(self.migrations), remedy)

    def add(self, tree: Tree, spec: PostTypeSpec) -> Outcome:
        """Write the migration."""
        value = str(spec.enum_value)
        if self._found(tree, value):
            return Unchanged()
        path = next_migration(tree, self.migrations, str(spec.name), "enum", self.clock)
        tree.write(path, self._text(spec))
        return Made(files=(path,))

    def renew(
        self, tree: Tree, old: PostTypeSpec, new: PostTypeSpec, fragments: tuple[Fragment, ...], terms: Terms
    ) -> Outcome:
        """The value is what it was; while nobody has the migration, it is written as it is generated now."""
        del old, fragments
        unsettled = [path for path in terms.files if path not in terms.settled]
        for path in unsettled:
            tree.write(path, self._text(new))
        return Made(files=terms.files)

    def take_out(self, tree: Tree, old: PostTypeSpec, fragments: tuple[Fragment, ...], terms: Terms) -> Outcome:
        """Nothing while nobody has the migration, which goes then; else the value stays, unless it is retired."""
        del fragments
        if not terms.settled.intersection(terms.files):
            return Unchanged()
        if terms.retire:
            found = terms.retire(self.enum, str(old.enum_value))
            path = next_migration(tree, self.migrations, str(old.name), "retire", self.clock)
            tree.write(path, found.sql)
            return Made(files=(*terms.files, path), notices=found.notices)
        what = f"irreversible: the value {old.enum_value} stays in the database's enum {self.enum}"
        return Made(warnings=(f"{what}, as PostgreSQL cannot drop one; mesh remove --retire-value swaps the type",))

    def _text(self, spec: PostTypeSpec) -> str:
        value = str(spec.enum_value)
        return render(self.templates, "migration_enum.sql.jinja", enum=self.enum, value=value)

    def _found(self, tree: Tree, value: str) -> Place | None:
        """Where the value comes in, if it is there after all migrations: a later one may make the type without it."""
        found = None
        for path, statement in migration_statements(tree, self.migrations):
            creates = statement.starts("create", "type")
            if not (creates or statement.starts("alter", "type")) or self.enum not in statement.words:
                continue
            if value in statement.texts:
                found = found or Place(path, statement.line_of(value))
            elif creates:
                found = None
        return found
