"""Real plug-in folders, written for a test, and a `sys.modules` without them afterwards."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from mesh_runtime.plugins import PluginFolder, Registry, load_plugins
from mesh_runtime.plugins.namespace import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Project:
    """A project's folder, and how a test fills it."""

    path: Path

    def write(self, name: str, text: str | bytes) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def plugin(
        self,
        name: str,
        code: str | bytes | None = None,
        *,
        kind: str = "post-type",
        type_: str | None = None,
        more: str = "",
        folder: str = "plugins",
    ) -> Path:
        """A plug-in; its entry module is `main.py` when there is `code`."""
        entry = 'entry = ["main"]\n' if code is not None else ""
        descriptor = f'kind = "{kind}"\ntype = "{type_ or name}"\nversion = "1.0"\nlabel = "Label"\n{entry}{more}'
        self.write(f"{folder}/{name}/plugin.toml", descriptor)
        if code is not None:
            self.write(f"{folder}/{name}/main.py", code)
        return self.path / folder / name

    def load(self, *folders: str) -> Registry:
        names = folders or ("plugins",)
        return load_plugins([PluginFolder(self.path / name, boundary=self.path) for name in names])


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "mesh.toml").write_text('[project]\nname = "test"\n')
    yield Project(folder)
    for name in list(sys.modules):
        if name.startswith(f"{ROOT}."):
            del sys.modules[name]
