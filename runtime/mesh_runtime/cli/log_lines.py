"""The log of a long-running command, on standard error: for people, or a JSON object on each line."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

FIELDS = ("job_id", "job_type", "attempt", "duration_ms", "outcome")
"""What a record may have beside its text: see `mesh_runtime.queue.run_job`."""


class JsonLines(logging.Formatter):
    """One JSON object for each record, with the fields that it has."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def log_to_stderr(*, as_json: bool, level: int) -> None:
    """Send what mesh logs to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if as_json else logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    root = logging.getLogger("mesh")
    root.addHandler(handler)
    root.setLevel(level)
