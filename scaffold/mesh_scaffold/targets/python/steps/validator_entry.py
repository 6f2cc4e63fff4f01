"""The type's validator is registered, so that the actions use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mesh_scaffold.targets.python.columns import validator_class
from mesh_scaffold.targets.python.edits import DictEntry, ImportedName
from mesh_scaffold.targets.python.places import module_of
from mesh_scaffold.targets.python.steps.base import EditStep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Subject
    from mesh_scaffold.targets.python.edits import Edit
    from mesh_scaffold.targets.python.places import PythonPlaces
    from mesh_scaffold.tree import Tree


@dataclass(frozen=True, slots=True)
class ValidatorEntryStep(EditStep):
    """An import, and `PostType.POLL: PollValidation` in the map of `[targets.python] validators_map`."""

    name: ClassVar[str] = "validator-entry"
    title: ClassVar[str] = "validator registered"
    places: PythonPlaces

    def file(self) -> str:
        """The package of the validators."""
        return f"{self.places.validators}/__init__.py"

    def edits(self, tree: Tree, spec: PostTypeSpec) -> Sequence[Edit]:
        """The imports and the entry."""
        del tree
        name, packages = str(spec.name), self.places.packages
        module = f"{module_of(self.places.validators)}.{name}"
        return [
            ImportedName(module_of(self.places.models), self.places.post_type_enum, packages),
            ImportedName(module, validator_class(name), packages),
            self._entry(name),
        ]

    def looks(self, tree: Tree, subject: Subject) -> Sequence[Edit]:
        """The entry."""
        del tree
        return [self._entry(subject.name)]

    def _entry(self, name: str) -> Edit:
        key = f"{self.places.post_type_enum}.{name.upper()}"
        return DictEntry(self.places.validators_map, key, validator_class(name), key_is_text=False)
