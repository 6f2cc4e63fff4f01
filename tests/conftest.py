"""Every test may use the fixtures that mesh ships."""

from __future__ import annotations

pytest_plugins = ["mesh_runtime.testing"]
