"""An app of the python target in memory: plans are made from its files and applied to them, without a disk."""

from __future__ import annotations

import functools
import tomllib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_descriptors.project import ProjectFile
from mesh_scaffold.generate.init import plan_init
from mesh_scaffold.generate.new import plan_new
from mesh_scaffold.generate.past import Options
from mesh_scaffold.generate.remove import plan_remove
from mesh_scaffold.generate.specs import load_spec, write_spec
from mesh_scaffold.generate.update import plan_update
from mesh_scaffold.targets import target_for
from mesh_scaffold.tree import Memory, Stored, Tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_scaffold.plan import Plan

Files = dict[str, Stored]

POLL = """\
kind: post-type
name: poll
fields:
  question: {type: string}
  day: {type: date}
  options: {type: "list[string]"}
"""
EVENT = """\
kind: post-type
name: event
feeds: [global, reviews]
fields:
  at: {type: datetime}
  day: {type: date}
  price: {type: decimal}
  about: {type: "ref[post]", required: false}
"""
RECIPE = """\
kind: post-type
name: recipe
fields:
  title: {type: string}
  more: {type: json}
  day: {type: date}
  at: {type: datetime, required: false}
"""
SPECS = {"poll": POLL, "event": EVENT, "recipe": RECIPE}


@functools.cache
def _pristine() -> tuple[tuple[str, Stored], ...]:
    return tuple(sorted(applied({}, plan_init(Tree(Memory({})), "app")).items()))


def pristine_app() -> Files:
    """The files of a new app."""
    return dict(_pristine())


def settings_of(files: Mapping[str, Stored]) -> ProjectFile:
    """Its `mesh.toml`."""
    return ProjectFile.model_validate(tomllib.loads(files["mesh.toml"].content.decode()))


def applied(files: Mapping[str, Stored], plan: Plan) -> Files:
    """The files after a plan."""
    after = dict(files)
    for change in plan.changes:
        if change.after is None:
            del after[change.path]
        else:
            after[change.path] = change.after
    return after


def written(files: Mapping[str, Stored], path: str, text: str) -> Files:
    """The files with one that the user wrote."""
    return {**files, path: Stored(text.encode(), 0o644)}


def text_of(files: Mapping[str, Stored], path: str) -> str:
    """What a file holds."""
    return files[path].content.decode()


def with_type(files: Files, name: str, text: str | None = None) -> Files:
    """The app after `mesh new` wrote a spec for the command line."""
    settings, tree = settings_of(files), Tree(Memory(files))
    spec = write_spec(tree, settings, f"specs/{name}.yaml", text or SPECS[name])
    return applied(files, plan_new(tree, target_for(settings, _clock), spec, settings))


def generated(files: Files, name: str, **options: object) -> Plan:
    """The plan of `mesh new` for a spec that is there."""
    settings, tree = settings_of(files), Tree(Memory(files))
    spec = load_spec(tree, settings, f"specs/{name}.yaml")
    return plan_new(tree, target_for(settings, _clock), spec, settings, **options)  # type: ignore[arg-type]


def updated(files: Files, name: str | None = None, options: Options | None = None) -> Plan:
    """The plan of `mesh update`."""
    settings = settings_of(files)
    return plan_update(Tree(Memory(files)), target_for(settings, _clock), settings, name, options or Options())


def removed(files: Files, name: str, options: Options | None = None) -> Plan:
    """The plan of `mesh remove`."""
    settings = settings_of(files)
    return plan_remove(Tree(Memory(files)), target_for(settings, _clock), settings, name, options or Options())


def _clock() -> datetime:
    return datetime(2026, 5, 17, 12, tzinfo=UTC)
