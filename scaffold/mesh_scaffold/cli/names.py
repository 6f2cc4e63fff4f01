"""The name of a type as people type it: `quick-poll`, `QUICK_POLL` or `specs/quick_poll.yaml`."""

from __future__ import annotations

from pathlib import PurePath

SUFFIXES = (".yaml", ".yml")


def name_of(said: str) -> str:
    """The type's name in snake case."""
    path = PurePath(said)
    name = path.stem if path.suffix in SUFFIXES else said
    return name.replace("-", "_").lower()
