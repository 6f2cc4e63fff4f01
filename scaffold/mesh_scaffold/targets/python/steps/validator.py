"""The type has a validator: a pydantic model with its fields, bounds and defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mesh_descriptors.errors import Place
from mesh_scaffold.render import Code, render
from mesh_scaffold.steps import Blocked, Holds, Missing
from mesh_scaffold.targets.python.code import article, import_lines, long_lines_allowed
from mesh_scaffold.targets.python.columns import validator_class, validator_file
from mesh_scaffold.targets.python.editing import blocked, read_source, unknown
from mesh_scaffold.targets.python.edits import Refused, fields_of, top_level_names
from mesh_scaffold.targets.python.places import module_of
from mesh_scaffold.targets.python.steps.base import FileStep
from mesh_scaffold.targets.python.uses import use_of_module
from mesh_scaffold.targets.python.validator_code import model_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mesh_descriptors.project import RefSection
    from mesh_scaffold.render import Templates
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Subject, Verdict
    from mesh_scaffold.targets.python.kinds import Import
    from mesh_scaffold.targets.python.places import PythonPlaces
    from mesh_scaffold.tree import Tree


@dataclass(frozen=True, slots=True)
class ValidatorStep(FileStep):
    """`<validators>/<name>.py` with the class `<Name>Validation`."""

    name: ClassVar[str] = "validator"
    title: ClassVar[str] = "validator"
    places: PythonPlaces
    refs: Mapping[str, RefSection]
    templates: Templates

    def path(self, name: str) -> str:
        """The validator's module."""
        return validator_file(self.places.validators, name)

    def importer(self, tree: Tree, path: str) -> Place | None:
        """Where the module is imported: by an entry that the user edited, or by code of their own."""
        return use_of_module(tree, self.places, path)

    def check(self, tree: Tree, subject: Subject) -> Verdict:
        """Whether the module has the class."""
        path, wanted = self.path(subject.name), validator_class(subject.name)
        if not tree.exists(path):
            return Missing(Place(path), f"Write {path} with a class {wanted}.")
        source = read_source(tree, path)
        fields = source if isinstance(source, Refused) else fields_of(source, wanted)
        if isinstance(fields, Refused):
            return unknown(path, fields)
        return Holds(Place(path, min(fields.values(), default=1)))

    def render(self, tree: Tree, spec: PostTypeSpec) -> str | Blocked:
        """The model."""
        model = model_code(spec, self.refs)
        if problem := self._unknown_kinds(tree, model.imports):
            return problem
        imports = {("pydantic", "BaseModel"), ("pydantic", "ConfigDict"), *model.imports}
        kinds = module_of(self.places.field_kinds)
        named = ((kinds if module == "fields" else module, name) for module, name in imports)
        sections = [[Code(line) for line in lines] for lines in import_lines(named, self.places.packages)]
        shown = {
            "aliases": [Code(alias) for alias in model.aliases],
            "functions": [Code(function) for function in model.functions],
            "lines": [Code(line) for line in model.lines],
            "renamed": model.renamed,
        }
        context = {"spec": spec, "a": Code(article(spec.enum_value)), "imports": sections, "model": shown}
        return long_lines_allowed(render(self.templates, "validator.py.jinja", **context))

    def _unknown_kinds(self, tree: Tree, imports: Iterable[Import]) -> Blocked | None:
        """Blocks when the app does not define a kind of field that the validator needs."""
        needed = sorted(name for module, name in imports if module == "fields")
        if not needed:
            return None
        source = read_source(tree, self.places.field_kinds)
        if isinstance(source, Refused):
            return blocked(self.places.field_kinds, source)
        missing = [name for name in needed if name not in top_level_names(source)]
        if not missing:
            return None
        message = f"does not define {', '.join(missing)}, which the validator needs"
        remedy = "Copy it from the file of that name in a new app: mesh init."
        return Blocked(message, Place(self.places.field_kinds), remedy)
