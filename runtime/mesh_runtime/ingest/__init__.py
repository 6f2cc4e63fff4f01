"""The ingest room: exports are stored as they came, streamed, and staged for the media room.

`submit` hands one in; `check` and `store` are its two halves.
"""

from __future__ import annotations

from mesh_runtime.ingest.submit import Checked, Submitted, check, store, submit

__all__ = ["Checked", "Submitted", "check", "store", "submit"]
