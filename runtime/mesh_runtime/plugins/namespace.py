"""Imports plug-ins under `mesh_plugins.g<generation>.<folder>`, so that they can neither shadow nor be shadowed.

Plug-in folders never come onto `sys.path`. Each import gets a generation of its own: a changed plug-in is loaded beside
its former version, which stays whole until the new one has proved to work.
"""

from __future__ import annotations

import itertools
import sys
from importlib import import_module
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import CodeType, ModuleType

ROOT = "mesh_plugins"
"""The reserved top-level name; a project must not have a module of that name."""

_CONFIG = "__plugin_config__"


class _SourceLoader(SourceFileLoader):
    """Compiles from source every time: byte code is matched by whole seconds, too coarse for a file just saved."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


class _Finder:
    """Finds the modules below `mesh_plugins`, and counts the generations; there is one in `sys.meta_path`."""

    def __init__(self) -> None:
        self.generations = itertools.count(1)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del target
        if path is None or not fullname.startswith(f"{ROOT}."):
            return None
        loaders = (_SourceLoader, SOURCE_SUFFIXES), (ExtensionFileLoader, EXTENSION_SUFFIXES)
        for folder in path:
            # A new finder each time: a kept one may not see a file that was written a moment ago.
            if spec := FileFinder(folder, *loaders).find_spec(fullname):
                return spec
        raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def new_package(folder: Path) -> str:
    """A name that no module has yet for the package of the plug-in in `folder`."""
    return f"{ROOT}.g{next(_finder().generations)}.{folder.name}"


def import_plugin(
    package: str, folder: Path, entry: Sequence[str], config: Mapping[str, Any]
) -> tuple[ModuleType, ...]:
    """Import the plug-in in `folder` as `package` and return its entry modules.

    Raises:
        BaseException: whatever the plug-in's code raises; its modules are gone from `sys.modules` then.
    """
    try:
        for name in (ROOT, package.rpartition(".")[0]):
            sys.modules.setdefault(name, module_from_spec(_folder_spec(name, [])))
        init = folder / "__init__.py"
        spec = (
            spec_from_file_location(
                package, init, loader=_SourceLoader(package, str(init)), submodule_search_locations=[str(folder)]
            )
            if init.is_file()
            else _folder_spec(package, [str(folder)])
        )
        assert spec is not None
        module = module_from_spec(spec)
        setattr(module, _CONFIG, config)
        sys.modules[package] = module
        if isinstance(spec.loader, _SourceLoader):
            spec.loader.exec_module(module)
        return tuple(import_module(f"{package}.{name}") for name in entry)
    except BaseException:
        drop(package)
        raise


def drop(package: str) -> None:
    """Remove the plug-in's modules from `sys.modules`; code that still runs keeps its own references."""
    generation = package.rpartition(".")[0]
    for name in list(sys.modules):
        if name == generation or name.startswith(f"{generation}."):
            del sys.modules[name]


def config_of(module: str) -> Mapping[str, Any]:
    """The config of the plug-in that a module belongs to; call it at the top of that module with its `__name__`.

    Raises:
        LookupError: the module is no plug-in's.
    """
    package = sys.modules.get(".".join(module.split(".")[:3]))
    if package is None or not module.startswith(f"{ROOT}.") or not hasattr(package, _CONFIG):
        raise LookupError(f"{module!r} is not a module of a loaded plug-in; call config_of(__name__) inside one")
    config: Mapping[str, Any] = getattr(package, _CONFIG)
    return config


def _folder_spec(name: str, locations: list[str]) -> ModuleSpec:
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = locations
    return spec


def _finder() -> _Finder:
    for finder in sys.meta_path:
        if isinstance(finder, _Finder):
            return finder
    sys.meta_path.insert(0, _Finder())
    return _finder()
