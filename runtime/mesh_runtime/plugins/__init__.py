"""Plug-ins: folders with a `plugin.toml` and Python beside it, dropped in and picked up.

`load_plugins` loads once; a `PluginSource` keeps loading what changes. Either yields a `Registry`, an immutable value.
"""

from __future__ import annotations

from mesh_runtime.plugins.config import GivenConfig
from mesh_runtime.plugins.folders import PluginFolder, first_party_folder, plugin_folders
from mesh_runtime.plugins.loader import load_plugins, load_project_plugins
from mesh_runtime.plugins.namespace import config_of
from mesh_runtime.plugins.registry import Plugin, PluginProblem, Registry
from mesh_runtime.plugins.source import PluginSource

__all__ = [
    "GivenConfig",
    "Plugin",
    "PluginFolder",
    "PluginProblem",
    "PluginSource",
    "Registry",
    "config_of",
    "first_party_folder",
    "load_plugins",
    "load_project_plugins",
    "plugin_folders",
]
