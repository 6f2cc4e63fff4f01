"""What the host's app serves of the runtime over HTTP: `app.include_router(queue_router(settings))`."""

from __future__ import annotations

from mesh_runtime.api.queue import queue_router

__all__ = ["queue_router"]
