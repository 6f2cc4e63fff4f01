"""A migration adds the type's columns, and the constraints that hold them in the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mesh_descriptors.errors import Place
from mesh_scaffold.render import Code, environment, render
from mesh_scaffold.steps import Holds, Made, Missing, NotApplicable, Unchanged, Unknown
from mesh_scaffold.targets.postgres.constraints import constraints_of, short_name
from mesh_scaffold.targets.postgres.migrations import migration_statements, next_migration
from mesh_scaffold.targets.python.columns import PAYLOAD, columns_of
from mesh_scaffold.targets.python.kinds import column_type
from mesh_scaffold.targets.python.steps.base import PythonStep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mesh_descriptors.project import PostsSection, RefSection
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Outcome, Subject, Verdict
    from mesh_scaffold.targets import Clock
    from mesh_scaffold.tree import Tree


@dataclass(frozen=True, slots=True)
class ColumnsMigrationStep(PythonStep):
    """`ALTER TABLE ... ADD COLUMN`, `ADD CONSTRAINT`; of a type in the payload, the constraint alone."""

    name: ClassVar[str] = "columns-migration"
    title: ClassVar[str] = "columns in the database"
    migrations: str
    validators: str
    posts: PostsSection
    refs: Mapping[str, RefSection]
    templates: Path
    clock: Clock

    def check(self, tree: Tree, subject: Subject) -> Verdict:
        """Whether migrations create every column of the type, and the constraints that its spec asks for."""
        columns = columns_of(tree, self.validators, subject, self.refs)
        if isinstance(columns, Unknown):
            return columns
        names = [self.posts.payload_column if column.name == PAYLOAD else column.name for column in columns]
        if not names:
            return NotApplicable("the type has no columns")
        constraints = [each.name for each in constraints_of(subject.spec, self.posts)] if subject.spec else []
        return self._found(tree, [*names, *constraints])

    def add(self, tree: Tree, spec: PostTypeSpec) -> Outcome:
        """Write the migration."""
        constraints = constraints_of(spec, self.posts)
        columns = [] if spec.storage == "json" else self._columns(spec)
        names = [*(column["name"] for column in columns), *(constraint.name for constraint in constraints)]
        if not names or isinstance(self._found(tree, names), Holds):
            return Unchanged()
        path = next_migration(tree, self.migrations, str(spec.name), "columns", self.clock)
        context = {"spec": spec, "table": self.posts.table, "columns": columns}
        shown = [{"name": each.name, "condition": Code(each.condition)} for each in constraints]
        template = "migration_columns.sql.jinja"
        tree.write(path, render(environment(self.templates), template, **context, constraints=shown))
        return Made(files=(path,))

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
                    if name in statement.words:
                        places.setdefault(name, Place(path, statement.line_of(name)))
        if missing := next((name for name in names if name not in places), None):
            remedy = f"Write a migration that adds {missing} to {self.posts.table}."
            return Missing(Place(self.migrations), remedy)
        return Holds(places[names[0]])
