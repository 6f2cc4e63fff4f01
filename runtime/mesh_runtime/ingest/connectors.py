"""The connectors that the project's plug-ins and mesh itself provide."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from mesh_descriptors.connector import CONNECTOR_FILE, ConnectorManifest
from mesh_descriptors.documents import read_toml
from mesh_runtime.ingest.errors import UnknownConnectorError
from mesh_runtime.plugins import load_project_plugins

if TYPE_CHECKING:
    from mesh_runtime.plugins import Registry
    from mesh_runtime.settings import Settings


def find_connector(settings: Settings, name: str, registry: Registry | None = None) -> ConnectorManifest:
    """The manifest of the connector `name`.

    Args:
        settings: the project.
        name: the connector's type, such as `spotify`.
        registry: the plug-ins, when they are loaded already.

    Raises:
        UnknownConnectorError: no plug-in provides it, or the one that should is broken; the message says why, or lists
            those that there are.
    """
    found = registry or load_project_plugins(settings)
    plugin = found.by_type("connector", name)
    if plugin is None:
        raise _unknown(name, found)
    return read_toml(plugin.path / CONNECTOR_FILE, ConnectorManifest, shown_as=f"{plugin.name}/{CONNECTOR_FILE}")


def _unknown(name: str, found: Registry) -> UnknownConnectorError:
    broken = [problem.problem for problem in found.problems if problem.plugin == name]
    if broken:
        return UnknownConnectorError(problems=broken)
    known = [each.descriptor.type for each in found.of_kind("connector")]
    close = get_close_matches(name, known, n=1)
    hint = f"Did you mean {close[0]}? " if close else ""
    return UnknownConnectorError(
        f"there is no connector {name[:100]!r}",
        remedy=f"{hint}Connectors here: {', '.join(known) or 'none'}; `mesh plugins list` shows them.",
    )
