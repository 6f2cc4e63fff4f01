"""The handlers of every job type: those of the runtime's own rooms, and those of plug-ins."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mesh_runtime.ingest import jobs as ingest
from mesh_runtime.media import jobs as media
from mesh_runtime.plugins import PluginSource
from mesh_runtime.queue import Handler, HandlerError, by_type
from mesh_runtime.taste import jobs as taste

if TYPE_CHECKING:
    from mesh_runtime.plugins import Registry
    from mesh_runtime.settings import Settings

_LOG = logging.getLogger("mesh.queue")


class HandlerSource:
    """The handlers as they are now; in development, plug-ins that change on disk are picked up."""

    def __init__(self, settings: Settings) -> None:
        self._plugins = PluginSource.of(settings)
        self._registry = self._plugins.registry

    def current(self) -> dict[str, Handler]:
        """Every handler, by job type."""
        return _with_plugins(self._registry)

    def refresh(self) -> dict[str, Handler] | None:
        """Every handler when a plug-in has changed since the last call; else None."""
        registry = self._plugins.refresh()
        if registry is self._registry:
            return None
        self._registry = registry
        return self.current()


def all_handlers(settings: Settings) -> dict[str, Handler]:
    """The handlers of the project, by job type."""
    return HandlerSource(settings).current()


def _with_plugins(registry: Registry) -> dict[str, Handler]:
    """A plug-in that claims a type that is taken must not stop the others: it is reported, and the first one stays."""
    found = by_type([*ingest.HANDLERS, *media.HANDLERS, *taste.HANDLERS])
    for handler in registry.instances(Handler):
        try:
            found |= by_type([*found.values(), handler])
        except HandlerError as error:
            _LOG.warning("%s", error)
    return found
