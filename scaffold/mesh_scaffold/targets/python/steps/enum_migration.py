"""A migration adds the type to the database's enum, in a file of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mesh_descriptors.errors import Place
from mesh_scaffold.render import Code, render
from mesh_scaffold.render.literals import comment, sql, sql_name
from mesh_scaffold.steps import Blocked, Holds, Made, Missing, Unchanged
from mesh_scaffold.targets.postgres.migrations import APPLY, migration_statements, moved_migration, next_migration
from mesh_scaffold.targets.python.steps.base import PythonStep

if TYPE_CHECKING:
    from mesh_scaffold.render import Templates
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Fragment, Outcome, Subject, Terms, Verdict
    from mesh_scaffold.targets import Clock
    from mesh_scaffold.tree import Tree


WHAT = "enum"
"""What the migration of a value is called."""


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
        path = next_migration(tree, self.migrations, str(spec.name), WHAT, self.clock)
        tree.write(path, self._text(spec))
        return Made(files=(path,))

    def renew(
        self, tree: Tree, old: PostTypeSpec, new: PostTypeSpec, fragments: tuple[Fragment, ...], terms: Terms
    ) -> Outcome:
        """While nobody has the migration, it is written as it is generated now; else a renamed value gets another."""
        del fragments
        unsettled = [path for path in terms.files if path.endswith(f"_{WHAT}.sql") and path not in terms.settled]
        if old.name != new.name and not unsettled:
            return self._renamed(tree, old, new, terms)
        written = {path: moved_migration(path, str(old.name), str(new.name)) for path in unsettled}
        for path, to in written.items():
            tree.move(path, to)
            tree.write(to, self._text(new))
        return Made(files=tuple(written.get(path, path) for path in terms.files))

    def _renamed(self, tree: Tree, old: PostTypeSpec, new: PostTypeSpec, terms: Terms) -> Outcome:
        was, now = str(old.enum_value), str(new.enum_value)
        if (present := self._found(tree, now)) and self._found(tree, was):
            remedy = "Choose another name, or take that value out first, in a migration that swaps the type."
            return Blocked(f"{was} cannot become {now}, which the enum {self.enum} has already", present, remedy)
        if present:
            return Made(files=terms.files)
        path = next_migration(tree, self.migrations, str(new.name), "rename", self.clock)
        statement = f"ALTER TYPE {sql_name(self.enum)} RENAME VALUE {sql(was)} TO {sql(now)};"
        title = comment(f"{was} posts are called {now} now.")
        tree.write(
            path, render(self.templates, "migration_change.sql.jinja", title=title, statements=[Code(statement)])
        )
        return Made(files=(*terms.files, path), notices=(APPLY,))

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
            if "rename" in statement.words and value in statement.texts[:1]:
                found = None
            elif value in statement.texts:
                found = found or Place(path, statement.line_of(value))
            elif creates:
                found = None
        return found
