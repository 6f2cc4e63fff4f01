"""A migration adds the type's columns, and the constraints that hold them in the database."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from mesh_descriptors.errors import MeshError, Place
from mesh_scaffold.render import Code, render
from mesh_scaffold.render.literals import comment
from mesh_scaffold.steps import Holds, Made, Missing, NotApplicable, Unchanged, Unknown
from mesh_scaffold.targets.postgres.changes import Database, table_change
from mesh_scaffold.targets.postgres.constraints import constraints_of, short_name
from mesh_scaffold.targets.postgres.earlier import earlier_columns, taken
from mesh_scaffold.targets.postgres.migrations import migration_statements, next_migration
from mesh_scaffold.targets.postgres.stated import is_stated
from mesh_scaffold.targets.python.columns import PAYLOAD, columns_of
from mesh_scaffold.targets.python.kinds import column_type
from mesh_scaffold.targets.python.steps.base import PythonStep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_descriptors.project import PostsSection, RefSection
    from mesh_scaffold.render import Templates
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Fragment, Outcome, Subject, Terms, Verdict
    from mesh_scaffold.targets import Clock
    from mesh_scaffold.tree import Tree


APPLY = "The migrations are applied by: mesh db migrate"


class MigrationError(MeshError):
    """The posts that are there cannot be brought to what the spec says."""


@dataclass(frozen=True, slots=True)
class ColumnsMigrationStep(PythonStep):
    """`ALTER TABLE ... ADD COLUMN`, `ADD CONSTRAINT`; of a type in the payload, the constraint alone."""

    name: ClassVar[str] = "columns-migration"
    title: ClassVar[str] = "columns in the database"
    migrations: str
    validators: str
    posts: PostsSection
    refs: Mapping[str, RefSection]
    templates: Templates
    clock: Clock

    def check(self, tree: Tree, subject: Subject) -> Verdict:
        """Whether migrations create every column of the type, and the constraints that its spec asks for."""
        columns = columns_of(tree, self.validators, subject, self.refs)
        if isinstance(columns, Unknown):
            return columns
        names = [self.posts.payload_column if column.name == PAYLOAD else column.name for column in columns]
        if not names:
            return NotApplicable("the type has no columns")
        constraints = constraints_of(subject.spec, self.posts) if subject.spec else ()
        if constraints and isinstance(self._found(tree, [each.name for each in constraints]), Missing):
            stated = partial(is_stated, tree, self.migrations, self.posts.table)
            constraints = tuple(each for each in constraints if not stated(each.condition))  # called otherwise
        return self._found(tree, [*names, *(each.name for each in constraints)])

    def add(self, tree: Tree, spec: PostTypeSpec) -> Outcome:
        """Write the migration."""
        names = self._names(spec)
        self._refuse_taken(tree, spec)
        if not names or isinstance(self._found(tree, names), Holds):
            return Unchanged()
        path = next_migration(tree, self.migrations, str(spec.name), "columns", self.clock)
        tree.write(path, self._whole(spec))
        return Made(files=(path,), notices=(APPLY,))

    def renew(
        self, tree: Tree, old: PostTypeSpec, new: PostTypeSpec, fragments: tuple[Fragment, ...], terms: Terms
    ) -> Outcome:
        """Write the migration anew while nobody has it; else one that leads on from it."""
        del fragments
        if terms.files and not terms.settled.intersection(terms.files):
            if not self._names(new):
                return Unchanged()
            self._refuse_taken(tree, new, but=terms.files)
            path, text = terms.files[0], self._whole(new)
            anew = f"{path} is written anew: neither git's HEAD nor a database that is at hand has it"
            notices = () if tree.read_text(path) == text else (anew,)
            tree.write(path, text)
            return Made(files=(path,), notices=notices)
        return self._forward(tree, old, new, terms)

    def take_out(self, tree: Tree, old: PostTypeSpec, fragments: tuple[Fragment, ...], terms: Terms) -> Outcome:
        """Nothing while nobody has the migration, which goes then; else one that leads back from it."""
        del fragments
        if not terms.settled.intersection(terms.files):
            return Unchanged()
        return self._forward(tree, old, None, terms)

    def _forward(self, tree: Tree, old: PostTypeSpec, new: PostTypeSpec | None, terms: Terms) -> Outcome:
        column_type_of = partial(column_type, refs=self.refs)
        columns = earlier_columns(tree, self.migrations, self.posts.table)
        database = Database(self.posts, self.refs, column_type_of, columns, allow_data_loss=terms.allow_data_loss)
        change = table_change(old, new, database)
        if change.problems:
            raise MigrationError(problems=change.problems)
        if not change.statements:
            return (
                Made(files=terms.files, warnings=tuple(change.warnings))
                if new
                else Made(warnings=tuple(change.warnings))
            )
        title = f"The columns of {old.enum_value} posts, {'changed' if new else 'which nobody has to fill any more'}."
        path = next_migration(tree, self.migrations, str(old.name), "change" if new else "removal", self.clock)
        context = {"title": comment(title), "statements": [Code(statement) for statement in change.statements]}
        tree.write(path, render(self.templates, "migration_change.sql.jinja", **context))
        return Made(files=(*terms.files, path), notices=(APPLY, *change.notices), warnings=tuple(change.warnings))

    def _refuse_taken(self, tree: Tree, spec: PostTypeSpec, but: Sequence[str] = ()) -> None:
        """Refuse columns that migrations, without those in `but`, have made of another type."""
        columns, table = earlier_columns(tree, self.migrations, self.posts.table, but), self.posts.table
        fields = spec.fields if spec.storage == "columns" else ()
        found = [taken(spec, field, column_type(field, self.refs), table, columns) for field in fields]
        if problems := [problem for problem in found if problem]:
            raise MigrationError(problems=problems)

    def _names(self, spec: PostTypeSpec) -> list[str]:
        """The columns and constraints of the type."""
        columns = [] if spec.storage == "json" else [str(spec.column_of(field)) for field in spec.fields]
        return [*columns, *(constraint.name for constraint in constraints_of(spec, self.posts))]

    def _whole(self, spec: PostTypeSpec) -> str:
        columns = [] if spec.storage == "json" else self._columns(spec)
        context = {"spec": spec, "table": self.posts.table, "columns": columns}
        constraints = constraints_of(spec, self.posts)
        shown = [{"name": each.name, "condition": Code(each.condition)} for each in constraints]
        return render(self.templates, "migration_columns.sql.jinja", **context, constraints=shown)

    def _columns(self, spec: PostTypeSpec) -> list[dict[str, Any]]:
        return [
            {
                "name": str(spec.column_of(field)),
                "type": Code(column_type(field, self.refs)),
                "ref": self.refs[field.type.ref] if field.type.ref and not field.type.is_list else None,
                "index": short_name(self.posts.table, spec.column_of(field), "idx"),
                "required": field.required,
            }
            for field in spec.fields
        ]

    def _found(self, tree: Tree, names: Sequence[str]) -> Holds | Missing:
        """Where the first of the names is created; which is missing, when one is."""
        places: dict[str, Place] = {}
        for path, statement in migration_statements(tree, self.migrations):
            if not (statement.starts("create", "table") or statement.starts("alter", "table")):
                continue
            if self.posts.table in statement.words:
                for name in names:
                    if name not in statement.words:
                        continue
                    if statement.drops(name):
                        places.pop(name, None)
                    else:
                        places.setdefault(name, Place(path, statement.line_of(name)))
        if missing := next((name for name in names if name not in places), None):
            remedy = f"Write a migration that adds {missing} to {self.posts.table}."
            return Missing(Place(self.migrations), remedy)
        return Holds(places[names[0]])
