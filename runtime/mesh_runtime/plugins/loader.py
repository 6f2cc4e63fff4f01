"""Loads the plug-ins of several folders; what is wrong with one is a value beside the others."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from mesh_descriptors.connector import CONNECTOR_FILE, ConnectorManifest
from mesh_descriptors.documents import read_toml
from mesh_descriptors.errors import MeshError, Place, Problem
from mesh_descriptors.plugin import PLUGIN_FILE, PluginDescriptor
from mesh_runtime.plugins.blame import described, own_line
from mesh_runtime.plugins.claims import Claimant, settle
from mesh_runtime.plugins.config import GivenConfig, read_config
from mesh_runtime.plugins.folders import Candidate, PluginFolder, Scan, plugin_folders, scan
from mesh_runtime.plugins.namespace import import_plugin, new_package
from mesh_runtime.plugins.registry import Plugin, PluginProblem, Registry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from mesh_runtime.settings import Settings

Broken = dict[Path, tuple[Problem, ...]]
Model = TypeVar("Model", bound=BaseModel)


class BrokenPluginError(MeshError):
    """A plug-in cannot be loaded."""


def load_plugins(folders: Sequence[Path | PluginFolder], *, config: GivenConfig | None = None) -> Registry:
    """Load every plug-in of `folders`, in their order and by name; a broken one only adds to `problems`."""
    as_folders = [PluginFolder(folder) if isinstance(folder, Path) else folder for folder in folders]
    return load_scanned(scan(as_folders), config or GivenConfig())


def load_project_plugins(settings: Settings) -> Registry:
    """Load the plug-ins of the settings' project and of mesh once, with what its `mesh.toml` sets for them."""
    config = GivenConfig.of_project(settings.project, settings.project_file, os.environ)
    return load_plugins(plugin_folders(settings.project, settings.project_file), config=config)


def load_scanned(found: Scan, config: GivenConfig, former: Registry | None = None) -> Registry:
    """Load what a scan found.

    Args:
        found: the plug-in folders as they are now.
        config: what the project sets for its plug-ins.
        former: what is loaded already. A plug-in that has not changed is taken from it; one that is broken now stays
            as it was.
    """
    before = {plugin.path: plugin for plugin in (former or Registry()).plugins}
    claimants, unread = _read_all(found.candidates)
    winners, refused = settle(claimants)
    fresh, failed = _load_all(winners, _by_owner(winners, config), before)
    broken = unread | refused | failed
    loaded = fresh | _kept(broken, before, fresh)
    own = [PluginProblem(None, each) for each in config.strangers(_names(found))]
    for candidate in found.candidates:
        path = candidate.path
        own += (PluginProblem(candidate.name, each, kept=path in loaded) for each in broken.get(path, ()))
    in_order = (candidate.path for candidate in found.candidates)
    return Registry(tuple(loaded[path] for path in in_order if path in loaded), (*found.problems, *own))


def _names(found: Scan) -> set[str]:
    refused = {problem.plugin for problem in found.problems if problem.plugin}
    return refused | {candidate.name for candidate in found.candidates}


def _read_all(candidates: Sequence[Candidate]) -> tuple[list[Claimant], Broken]:
    claimants, unread = [], Broken()
    for candidate in candidates:
        try:
            claimants.append(Claimant(candidate, _descriptor(candidate)))
        except MeshError as error:
            unread[candidate.path] = error.problems
    return claimants, unread


def _descriptor(candidate: Candidate) -> PluginDescriptor:
    path, shown = candidate.path / PLUGIN_FILE, candidate.shown()
    if path.exists() and not path.is_file():
        raise BrokenPluginError("is no regular file", place=Place(shown))
    if not path.exists():
        remedy = "Write it, or start the folder's name with an underscore if it is no plug-in."
        raise BrokenPluginError("the plug-in has no plugin.toml", place=Place(candidate.shown(".")), remedy=remedy)
    return _read(path, PluginDescriptor, shown)


def _read(path: Path, model: type[Model], shown: str) -> Model:
    try:
        return read_toml(path, model, shown_as=shown)
    except (OSError, RecursionError) as error:
        raise BrokenPluginError(f"cannot be read: {described(error)}", place=Place(shown)) from error


def _by_owner(winners: Sequence[Claimant], config: GivenConfig) -> Mapping[Path, GivenConfig]:
    """A table of `mesh.toml` is for the project's plug-in when a first-party one has the same name."""
    own = {one.candidate.name for one in winners if not one.first_party}
    nothing = replace(config, tables={})
    return {one.candidate.path: nothing if one.first_party and one.candidate.name in own else config for one in winners}


def _load_all(
    winners: Sequence[Claimant], config: Mapping[Path, GivenConfig], before: Mapping[Path, Plugin]
) -> tuple[dict[Path, Plugin], Broken]:
    fresh, failed = {}, Broken()
    for one in winners:
        path = one.candidate.path
        given, former = config[path].of(one.candidate.name), before.get(path)
        if former and former.candidate == one.candidate and former.given == given:
            fresh[path] = former
            continue
        try:
            fresh[path] = _load(one, config[path])
        except MeshError as error:
            failed[path] = error.problems
    return fresh, failed


def _load(one: Claimant, config: GivenConfig) -> Plugin:
    candidate, descriptor = one.candidate, one.descriptor
    values = read_config(candidate.name, descriptor, config)
    _check_entry(candidate, descriptor)
    if descriptor.kind == "connector":
        _check_connector(candidate, descriptor)
    package = new_package(candidate.path)
    try:
        modules: tuple[ModuleType, ...] = import_plugin(package, candidate.path, descriptor.entry, values)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _import_failed(candidate, descriptor, error) from error
    return Plugin(candidate, descriptor, values, dict(config.of(candidate.name)), package, modules)


def _check_entry(candidate: Candidate, descriptor: PluginDescriptor) -> None:
    for name in descriptor.entry:
        module, package = candidate.path / f"{name}.py", candidate.path / name / "__init__.py"
        if not module.is_file() and not package.is_file():
            raise BrokenPluginError(
                f"there is no module {name}.py beside plugin.toml",
                place=candidate.place("entry"),
                remedy=f"Write {name}.py, or take {name!r} out of entry.",
            )


def _check_connector(candidate: Candidate, descriptor: PluginDescriptor) -> None:
    file = candidate.path / CONNECTOR_FILE
    if not file.is_file():
        if descriptor.entry:
            return  # one that is written in Python
        remedy = f"Write {CONNECTOR_FILE}, or name an entry module."
        raise BrokenPluginError(f"the connector has no {CONNECTOR_FILE}", place=candidate.place("kind"), remedy=remedy)
    manifest = _read(file, ConnectorManifest, candidate.shown(CONNECTOR_FILE))
    if manifest.name != descriptor.type:
        message = f"the connector is called {manifest.name!r} here and {descriptor.type!r} in {PLUGIN_FILE}"
        place = Place(candidate.shown(CONNECTOR_FILE), field="name")
        raise BrokenPluginError(message, place=place, remedy="Give both files the same name.")


def _import_failed(candidate: Candidate, descriptor: PluginDescriptor, error: BaseException) -> BrokenPluginError:
    place = own_line(error, lambda file: file.is_relative_to(candidate.path))
    if place is None:  # raised before any line of it ran: bytes that are no Python
        file, line = candidate.path / (f"{descriptor.entry[0]}.py" if descriptor.entry else "__init__.py"), None
    else:
        file, line = place
    # A MeshError's own message says it better than its class; a plug-in may raise one on purpose.
    message = error.problems[0].message if isinstance(error, MeshError) else described(error)
    remedy = "Correct the code, or start the folder's name with an underscore to switch the plug-in off."
    return BrokenPluginError(f"cannot be imported: {message}", place=Place(candidate.shown(file), line), remedy=remedy)


def _kept(broken: Broken, before: Mapping[Path, Plugin], fresh: Mapping[Path, Plugin]) -> dict[Path, Plugin]:
    """The former versions of broken plug-ins, unless a plug-in that works has their kind and type by now."""
    taken = {plugin.claim for plugin in fresh.values()}
    return {path: before[path] for path in broken if path in before and before[path].claim not in taken}
