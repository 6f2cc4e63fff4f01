"""The handlers of every job type, and the schedules: those of the runtime's own rooms, and those of plug-ins."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from mesh_runtime.ingest import jobs as ingest
from mesh_runtime.media import jobs as media
from mesh_runtime.plugins import PluginSource
from mesh_runtime.queue import Handler, HandlerError, QueueError, by_type
from mesh_runtime.queue.cron import PLUGIN_SOURCE, Schedule, drop_vanished_plugins, sync_schedules
from mesh_runtime.queue.enqueue import register_types
from mesh_runtime.taste import jobs as taste

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from mesh_runtime.plugins import Plugin, Registry
    from mesh_runtime.settings import Settings

_LOG = logging.getLogger("mesh.queue")


class HandlerSource:
    """The handlers as they are now; in development, plug-ins that change on disk are picked up."""

    def __init__(self, settings: Settings) -> None:
        self._plugins = PluginSource.of(settings)
        self._registry = self._plugins.registry
        self._handlers = _with_plugins(self._registry)

    def current(self) -> dict[str, Handler]:
        """Every handler, by job type."""
        return self._handlers

    def refresh(self) -> dict[str, Handler] | None:
        """Every handler when a plug-in has changed since the last call; else None."""
        registry = self._plugins.refresh()
        if registry is self._registry:
            return None
        self._registry = registry
        self._handlers = _with_plugins(registry)
        return self._handlers

    def declare_schedules(self, connection: psycopg.Connection[Any]) -> None:
        """Make the database's schedules those of the runtime and the plug-ins; the connection is in autocommit.

        A plug-in whose schedules cannot be must not stop the others: it is reported, and what it had before stays.
        """
        handlers = self.current()
        register_types(connection, handlers.values())
        sync_schedules(connection, taste.SCHEDULES, source="mesh")
        drop_vanished_plugins(connection, [plugin.name for plugin in self._registry.plugins])
        for plugin in self._registry.plugins:
            try:
                sync_schedules(connection, _schedules(plugin, handlers), source=PLUGIN_SOURCE + plugin.name)
            except QueueError as error:
                _LOG.warning("the plug-in %s: %s", plugin.name, error)


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


def _schedules(plugin: Plugin, handlers: Mapping[str, Handler]) -> list[Schedule]:
    """Those of the descriptor and those in the plug-in's modules; the handler, if there is one, checks the payload."""
    declared = [Schedule(**dict(one) | {"job": handlers.get(one.job, one.job)}) for one in plugin.descriptor.schedules]
    return [*declared, *plugin.instances(Schedule)]
