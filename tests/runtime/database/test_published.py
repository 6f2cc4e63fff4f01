"""Migrations that databases may have by now are never edited: `mesh db migrate` would refuse those databases."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mesh_runtime.database import runtime_source

PUBLISHED = Path(__file__).with_name("published.sha256")


def test_published_migrations_are_as_they_were() -> None:
    found = {m.path.name: hashlib.sha256(m.path.read_bytes()).hexdigest() for m in runtime_source().migrations()}
    published = dict(reversed(line.split()) for line in PUBLISHED.read_text().splitlines())
    assert len(published) >= 23
    changed = {name for name, digest in published.items() if found.get(name) != digest}
    assert not changed, "write a new migration instead"
