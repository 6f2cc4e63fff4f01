"""A project's plug-ins as a running process sees them: always a whole registry, renewed when files change."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from mesh_descriptors.errors import MeshError, Place, Problem
from mesh_descriptors.project import PROJECT_FILE, ProjectFile, read_project
from mesh_runtime.plugins.config import GivenConfig
from mesh_runtime.plugins.folders import Scan, plugin_folders, scan
from mesh_runtime.plugins.loader import load_scanned
from mesh_runtime.plugins.namespace import drop
from mesh_runtime.plugins.registry import PluginProblem, Registry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mesh_runtime.settings import Settings

_log = logging.getLogger("mesh.plugins")

ProjectState = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is on disk: two of these are equal when there is nothing to load."""

    project_state: ProjectState | None
    project_file: ProjectFile
    problems: tuple[PluginProblem, ...]
    scan: Scan


class PluginSource:
    """Holds the registry of a project's plug-ins and swaps it for a new one when a plug-in has changed.

    Safe to use from several threads: while one of them loads, the others get the registry as it was.

    Attributes:
        interval: how many seconds must lie between two looks at the disk.
        reload: whether changes are looked for at all; off in production.
    """

    def __init__(
        self,
        project: Path,
        project_file: ProjectFile,
        *,
        reload: bool = True,
        interval: float = 0.5,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.interval = interval
        self.reload = reload
        self._project = project
        self._environ = os.environ if environ is None else environ
        self._lock = Lock()
        self._seen = self._look(_Seen(None, project_file, (), Scan((), ())))
        self._registry = self._loaded(self._seen, Registry())
        self._looked = time.monotonic()

    @classmethod
    def of(cls, settings: Settings, *, interval: float = 0.5) -> PluginSource:
        """The plug-ins of the settings' project; changes are picked up in development only."""
        return cls(settings.project, settings.project_file, reload=settings.development, interval=interval)

    @property
    def registry(self) -> Registry:
        """The plug-ins that are loaded, without a look at the disk."""
        return self._registry

    def refresh(self) -> Registry:
        """The plug-ins as they are on disk now, or were at the last look if that is less than `interval` ago.

        The same object is returned for as long as nothing changes.
        """
        if self.reload and time.monotonic() - self._looked >= self.interval and self._lock.acquire(blocking=False):
            try:
                self._renew()
            finally:
                self._looked = time.monotonic()
                self._lock.release()
        return self._registry

    def _renew(self) -> None:
        seen = self._look(self._seen)
        if seen == self._seen:
            return
        former = self._registry
        self._registry, self._seen = self._loaded(seen, former), seen
        for plugin in former.plugins:
            if plugin not in self._registry.plugins:
                drop(plugin.package)

    def _look(self, last: _Seen) -> _Seen:
        state, project_file, problems = self._project_state(), last.project_file, last.problems
        if state != last.project_state and last.project_state is not None:
            try:
                project_file, problems = read_project(self._project), ()
            except MeshError as error:
                problems = tuple(PluginProblem(None, each, kept=True) for each in error.problems)
            except OSError as error:
                unread = Problem(f"cannot be read: {error.strerror}", Place(PROJECT_FILE))
                problems = (PluginProblem(None, unread, kept=True),)
        return _Seen(state, project_file, problems, scan(plugin_folders(self._project, project_file)))

    def _project_state(self) -> ProjectState:
        try:
            found = (self._project / PROJECT_FILE).stat()
        except OSError:
            return (0, 0, 0)
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def _loaded(self, seen: _Seen, former: Registry) -> Registry:
        config = GivenConfig.of_project(self._project, seen.project_file, self._environ)
        new = load_scanned(seen.scan, config, former)
        registry = Registry(new.plugins, (*seen.problems, *new.problems))
        _report(former, registry)
        return registry


def _report(former: Registry, new: Registry) -> None:
    before = {plugin.path: plugin for plugin in former.plugins}
    now = {plugin.path: plugin for plugin in new.plugins}
    for problem in new.problems:
        if problem not in former.problems:
            _log.warning("plug-in problem: %s", problem)
    for path, plugin in now.items():
        if before.get(path) is not plugin:
            _log.info("plug-in %s %s", plugin.name, "reloaded" if path in before else "loaded")
    for path in before.keys() - now.keys():
        _log.info("plug-in %s removed", before[path].name)
