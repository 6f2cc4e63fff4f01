"""A migration adds the type's columns, and the constraints that hold them in the database."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from mesh_descriptors.errors import MeshError, Place
from mesh_scaffold.render import Code, render
from mesh_scaffold.render.literals import comment
from mesh_scaffold.steps import Holds, Made, Missing, NotApplicable, Unchanged, Unknown
from mesh_scaffold.targets.postgres.changes import table_change
from mesh_scaffold.targets.postgres.constraints import constraints_of, short_name
from mesh_scaffold.targets.postgres.earlier import dropped_columns, earlier_columns, taken
from mesh_scaffold.targets.postgres.migrations import APPLY, migration_statements, moved_migration, next_migration
from mesh_scaffold.targets.postgres.references import reference_renewed, referring_columns
from mesh_scaffold.targets.postgres.stated import is_stated
from mesh_scaffold.targets.postgres.table import Database
from mesh_scaffold.targets.python.columns import PAYLOAD, columns_of
from mesh_scaffold.targets.python.kinds import column_type
from mesh_scaffold.targets.python.steps.base import PythonStep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_descriptors.project import PostsSection, RefSection
    from mesh_scaffold.render import Templates
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Fragment, Leftover, Outcome, Subject, Terms, Verdict
    from mesh_scaffold.targets import Clock
    from mesh_scaffold.tree import Tree


WHOLE = "columns"
"""What the migration of a whole type is called; the others lead on from it."""


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
        references = self._references(tree, spec)
        if not names or (isinstance(self._found(tree, names), Holds) and not references):
            return Unchanged()
        path = next_migration(tree, self.migrations, str(spec.name), WHOLE, self.clock)
        tree.write(path, self._whole(spec, references))
        return Made(files=(path,), notices=(APPLY,))

    def renew(
        self, tree: Tree, old: PostTypeSpec, new: PostTypeSpec, fragments: tuple[Fragment, ...], terms: Terms
    ) -> Outcome:
        """Write the migration anew while nobody has it; else one that leads on from it."""
        del fragments
        is_whole = any(path.endswith(f"_{WHOLE}.sql") for path in terms.files[:1])
        if is_whole and not terms.settled.intersection(terms.files):
            if not self._names(new):
                return Unchanged()
            self._refuse_taken(tree, new, but=terms.files)
            former, text = terms.files[0], self._whole(new, self._references(tree, new, but=terms.files))
            path = moved_migration(former, str(old.name), str(new.name))
            anew = f"{path} is written anew: neither git's HEAD nor a database that is at hand has it"
            notices = () if tree.read_text(former) == text else (anew,)
            tree.move(former, path)
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
        shared = frozenset(path.rpartition(".")[2] for _, path in terms.shared)
        loss, left = terms.allow_data_loss, self.still_there(tree, terms.leftovers)
        database = Database(self.posts, self.refs, column_type_of, columns, loss, left, shared, terms.files)
        change = table_change(old, new, database)
        if change.problems:
            raise MigrationError(problems=change.problems)
        warnings, leftovers = tuple(change.warnings), tuple(change.leftovers)
        if not change.statements:
            return Made(files=terms.files if new else (), warnings=warnings, leftovers=leftovers)
        path = next_migration(tree, self.migrations, str((new or old).name), "change" if new else "removal", self.clock)
        context = {
            "title": comment(_title(old, new)),
            "statements": [Code(statement) for statement in change.statements],
        }
        tree.write(path, render(self.templates, "migration_change.sql.jinja", **context))
        notices = (APPLY, *change.notices)
        return Made(files=(*terms.files, path), notices=notices, warnings=warnings, leftovers=leftovers)

    def still_there(self, tree: Tree, leftovers: tuple[Leftover, ...]) -> tuple[Leftover, ...]:
        """What stayed, without the columns that a migration of the user's has dropped since."""
        gone = dropped_columns(tree, self.migrations, self.posts.table)
        return tuple(each for each in leftovers if each.where == "key" or each.name not in gone)

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

    def _references(self, tree: Tree, spec: PostTypeSpec, but: Sequence[str] = ()) -> list[Code]:
        """Foreign keys of columns that are there already, which ADD COLUMN passes by; those in `but` do not count."""
        if spec.storage == "json":
            return []
        present = earlier_columns(tree, self.migrations, self.posts.table, but)
        said = referring_columns(tree, self.migrations, self.posts.table, but)
        return [
            Code(statement)
            for field in spec.fields
            if field.type.ref and field.column is None and (name := str(spec.column_of(field))) in present
            if said.get(name) != self.refs[field.type.ref].table
            for statement in reference_renewed(name, field, self.posts, self.refs)
        ]

    def _whole(self, spec: PostTypeSpec, references: Sequence[Code]) -> str:
        columns = [] if spec.storage == "json" else self._columns(spec)
        context = {"spec": spec, "table": self.posts.table, "columns": columns, "references": references}
        constraints = constraints_of(spec, self.posts)
        shown = [{"name": each.name, "condition": Code(each.condition)} for each in constraints]
        return render(self.templates, "migration_columns.sql.jinja", **context, constraints=shown)

    def _columns(self, spec: PostTypeSpec) -> list[dict[str, Any]]:
        return [
            {
                "name": str(spec.column_of(field)),
                "type": Code(column_type(field, self.refs)),
                "ref": self.refs[ref] if (ref := field.type.single_ref) else None,
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


def _title(old: PostTypeSpec, new: PostTypeSpec | None) -> str:
    if new and new.name != old.name:
        return f"The columns of {new.enum_value} posts, which were {old.enum_value} posts."
    return f"The columns of {old.enum_value} posts, {'changed' if new else 'which nobody has to fill any more'}."
