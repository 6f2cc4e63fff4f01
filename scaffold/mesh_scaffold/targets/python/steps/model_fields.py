"""A model has a field for each column of the type: the post itself, and what clients send to create and change one."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mesh_scaffold.steps import NotApplicable, Unknown
from mesh_scaffold.targets.python.columns import PAYLOAD, Column, columns_of, columns_of_spec
from mesh_scaffold.targets.python.editing import blocked, read_source
from mesh_scaffold.targets.python.edits import ClassField, ImportedName, Refused, Source
from mesh_scaffold.targets.python.steps.base import EditStep

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mesh_descriptors.project import RefSection
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Blocked, Subject, Verdict
    from mesh_scaffold.targets.python.edits import Edit
    from mesh_scaffold.targets.python.places import PythonPlaces
    from mesh_scaffold.tree import Tree


@dataclass(frozen=True, slots=True)
class ModelFieldsStep(EditStep):
    """One `<column>: <type> | None = None` for each column, and the imports that the types need."""

    places: PythonPlaces
    refs: Mapping[str, RefSection]

    @property
    @abstractmethod
    def model(self) -> str:
        """The model."""

    def edits(self, tree: Tree, spec: PostTypeSpec) -> Sequence[Edit] | Blocked:
        """The fields under the names that the file has for their types."""
        source = read_source(tree, self.file())
        if isinstance(source, Refused):
            return blocked(self.file(), source)
        columns = columns_of_spec(spec, self.refs) or (Column(PAYLOAD),)
        fields = [self._field(source, column, first=not index) for index, column in enumerate(columns)]
        return [*self._imports(columns), *fields]

    def looks(self, tree: Tree, subject: Subject) -> Sequence[Edit] | Verdict:
        """The fields by name; their types too where a spec tells them."""
        columns = columns_of(tree, self.places.validators, subject, self.refs)
        if isinstance(columns, Unknown):
            return columns
        source = read_source(tree, self.file())
        if isinstance(source, Refused):
            source = Source.empty()  # judged, and said to be missing, where the fields are looked for
        fields = [self._field(source, column) for column in columns]
        return fields or NotApplicable("the type has no columns")

    def _imports(self, columns: Sequence[Column]) -> Iterator[ImportedName]:
        for module, name in dict.fromkeys(found for column in columns for found in column.imports):
            yield ImportedName(module, name, self.places.packages)

    def _field(self, source: Source, column: Column, *, first: bool = False) -> ClassField:
        annotation = column.annotation or "object"
        for edit in self._imports([column]):
            annotation = annotation.replace(edit.name, edit.bound(source))
        any_type = column.annotation is None
        return ClassField(
            self.model,
            column.name,
            f"{annotation} | None",
            any_type=any_type,
            new_group=first,
            behind=column.behind,
        )


@dataclass(frozen=True, slots=True)
class PostFieldsStep(ModelFieldsStep):
    """The post model of `[targets.python] post_model`."""

    name: ClassVar[str] = "post-fields"
    title: ClassVar[str] = "columns in the post model"

    @property
    def model(self) -> str:
        """`Post`."""
        return self.places.post_model

    def file(self) -> str:
        """The models."""
        return self.places.models


@dataclass(frozen=True, slots=True)
class CreateParamsStep(ModelFieldsStep):
    """The parameters of `[targets.python] create_params`."""

    name: ClassVar[str] = "create-params"
    title: ClassVar[str] = "create parameters"

    @property
    def model(self) -> str:
        """`CreatePostParams`."""
        return self.places.create_params

    def file(self) -> str:
        """The actions."""
        return self.places.actions


@dataclass(frozen=True, slots=True)
class UpdateParamsStep(ModelFieldsStep):
    """The parameters of `[targets.python] update_params`."""

    name: ClassVar[str] = "update-params"
    title: ClassVar[str] = "update parameters"

    @property
    def model(self) -> str:
        """`UpdatePostParams`."""
        return self.places.update_params

    def file(self) -> str:
        """The actions."""
        return self.places.actions
