"""The actions persist each column of the type: the one that creates a post, and the one that changes it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mesh_scaffold.steps import NotApplicable, Unknown
from mesh_scaffold.targets.python.columns import PAYLOAD, Column, columns_of, columns_of_spec
from mesh_scaffold.targets.python.edits import DictEntry, GuardedItem, ImportedName
from mesh_scaffold.targets.python.places import module_of
from mesh_scaffold.targets.python.steps.base import EditStep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_descriptors.project import RefSection
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Subject, Verdict
    from mesh_scaffold.targets.python.edits import Edit
    from mesh_scaffold.targets.python.places import PythonPlaces
    from mesh_scaffold.tree import Tree


@dataclass(frozen=True, slots=True)
class ActionStep(EditStep):
    """The action hands every column's value to the database."""

    places: PythonPlaces
    refs: Mapping[str, RefSection]

    def file(self) -> str:
        """The actions."""
        return self.places.actions

    @abstractmethod
    def persisting(self, column: Column) -> Edit:
        """The code that hands one column on."""

    def edits(self, tree: Tree, spec: PostTypeSpec) -> Sequence[Edit]:
        """That code for each column, and the import of what wraps JSON."""
        del tree
        columns = columns_of_spec(spec, self.refs) or (Column(PAYLOAD, jsonb=True),)
        jsonb = ImportedName(module_of(self.places.database), "jsonb", self.places.packages)
        imports = [jsonb] if any(column.jsonb for column in columns) else []
        return [*imports, *map(self.persisting, columns)]

    def looks(self, tree: Tree, subject: Subject) -> Sequence[Edit] | Verdict:
        """That code for each column, by its key."""
        columns = columns_of(tree, self.places.validators, subject, self.refs)
        if isinstance(columns, Unknown):
            return columns
        return list(map(self.persisting, columns)) or NotApplicable("the type has no columns")


@dataclass(frozen=True, slots=True)
class CreateActionStep(ActionStep):
    """`"<column>": fields.get("<column>")` in the row that the create function stores."""

    name: ClassVar[str] = "create-action"
    title: ClassVar[str] = "create action persists it"

    def persisting(self, column: Column) -> Edit:
        """An entry of the row."""
        value = f'fields.get("{column.name}")'
        code = f"jsonb({value})" if column.jsonb else value
        function = self.places.create_function
        return DictEntry(self.places.create_row, column.name, code, function=function, behind=column.behind)


@dataclass(frozen=True, slots=True)
class UpdateActionStep(ActionStep):
    """An `if` block that copies the column into what the update function saves, when the client sent it."""

    name: ClassVar[str] = "update-action"
    title: ClassVar[str] = "update action persists it"

    def persisting(self, column: Column) -> Edit:
        """The block."""
        value = "jsonb(fields.get({key}))" if column.jsonb else "fields.get({key})"
        return GuardedItem(
            function=self.places.update_function,
            name=self.places.update_data,
            key=column.name,
            among="params.model_fields_set",
            value=value,
            behind=column.behind,
        )
