"""The connectors that the project's plug-ins and mesh itself provide."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from mesh_descriptors.connector import CONNECTOR_FILE, ConnectorManifest
from mesh_descriptors.documents import read_toml
from mesh_descriptors.errors import Place
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
        UnknownConnectorError: no plug-in provides it; the message lists those that there are.
        DocumentError: its `connector.toml` holds something else than it must.
    """
    found = registry or load_project_plugins(settings)
    plugin = found.by_type("connector", name)
    if plugin is None:
        known = [each.descriptor.type for each in found.of_kind("connector")]
        close = get_close_matches(name, known, n=1)
        hint = f"Did you mean {close[0]}? " if close else ""
        raise UnknownConnectorError(
            f"there is no connector {name[:100]!r}",
            remedy=f"{hint}Connectors here: {', '.join(known) or 'none'}; `mesh plugins list` shows them.",
        )
    path = plugin.path / CONNECTOR_FILE
    manifest = read_toml(path, ConnectorManifest, shown_as=f"{plugin.name}/{CONNECTOR_FILE}")
    if manifest.name != name:
        raise UnknownConnectorError(
            f"the connector is called {manifest.name!r} here and {name!r} in plugin.toml",
            place=Place(f"{plugin.name}/{CONNECTOR_FILE}", field="name"),
            remedy="Give both files the same name.",
        )
    return manifest
