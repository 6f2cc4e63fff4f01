"""The type has a plug-in descriptor, from which the app and the runtime know its label and icon."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar

from pydantic import ValidationError

from mesh_descriptors.errors import Place
from mesh_descriptors.plugin import PLUGIN_FILE, PluginDescriptor
from mesh_scaffold.render import render
from mesh_scaffold.steps import Holds, Made, Missing, Unknown
from mesh_scaffold.targets.python.steps.base import FileStep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_scaffold.render import Templates
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Fragment, Outcome, Subject, Terms, Verdict
    from mesh_scaffold.tree import Tree


@dataclass(frozen=True, slots=True)
class DescriptorStep(FileStep):
    """`<plugins>/<name>/plugin.toml` in the first folder of `[paths] plugins`."""

    name: ClassVar[str] = "descriptor"
    title: ClassVar[str] = "plug-in descriptor"
    folders: tuple[str, ...]
    icons: str
    templates: Templates

    def path(self, name: str) -> str:
        """The descriptor."""
        return f"{self.folders[0]}/{name}/{PLUGIN_FILE}"

    def add(self, tree: Tree, spec: PostTypeSpec) -> Outcome:
        """Write it; tell of an icon that the app has no drawing of."""
        outcome = FileStep.add(self, tree, spec)  # `super()` finds no class with slots
        if isinstance(outcome, Made) and (notice := self._undrawn(tree, spec)):
            return replace(outcome, notices=(notice,))
        return outcome

    def renew(
        self, tree: Tree, old: PostTypeSpec, new: PostTypeSpec, fragments: tuple[Fragment, ...], terms: Terms
    ) -> Outcome:
        """Write it as it is to be; an icon that stays was told of."""
        outcome = FileStep.renew(self, tree, old, new, fragments, terms)
        return replace(outcome, notices=()) if isinstance(outcome, Made) and old.icon == new.icon else outcome

    def _undrawn(self, tree: Tree, spec: PostTypeSpec) -> str | None:
        drawn = re.findall(r'<symbol id="([^"]+)"', tree.read_text(self.icons) or "")
        if spec.icon is None or not drawn or spec.icon in drawn:
            return None
        near = get_close_matches(spec.icon, drawn, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return (
            f"{spec.place('icon')}: {self.icons} has no drawing {spec.icon!r}, so people see the first letter of the "
            f"label; add a <symbol> of that id, or choose one of {len(drawn)} there{hint}"
        )

    def check(self, tree: Tree, subject: Subject) -> Verdict:
        """Whether one of the folders has a descriptor that claims the type."""
        paths = [f"{folder}/{subject.name}/{PLUGIN_FILE}" for folder in self.folders]
        path = next((path for path in paths if tree.exists(path)), None)
        if path is None:
            remedy = f'Write it: kind = "post-type", type = "{subject.name}", version and label.'
            return Missing(Place(paths[0]), remedy)
        try:
            descriptor = PluginDescriptor.model_validate(tomllib.loads(tree.read_text(path) or ""))
        except (tomllib.TOMLDecodeError, ValidationError) as error:
            first = str(error).splitlines()[0]
            return Unknown(f"is no descriptor: {first}", Place(path), "Correct it: mesh plugins check says more.")
        if (descriptor.kind, descriptor.type) != ("post-type", subject.name):
            remedy = f'Write kind = "post-type" and type = "{subject.name}".'
            return Missing(Place(path), remedy)
        return Holds(Place(path))

    def names(self, old: PostTypeSpec, new: PostTypeSpec) -> Mapping[str, str]:
        """The line that says which type it is, in a descriptor that was written by hand too."""
        return {f'type = "{old.name}"': f'type = "{new.name}"'}

    def follow(self, tree: Tree, old: PostTypeSpec, new: PostTypeSpec) -> tuple[str, ...]:
        """Nothing else says it so."""
        del tree, old, new
        return ()

    def render(self, tree: Tree, spec: PostTypeSpec) -> str:
        """The descriptor."""
        del tree
        return render(self.templates, "plugin.toml.jinja", spec=spec)
