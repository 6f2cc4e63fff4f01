"""Databases without migrations, for the tests of migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mesh_runtime.testing import fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def empty_url(mesh_server: str) -> Iterator[str]:
    """The URL of an empty database, dropped after the test."""
    with fresh_database(mesh_server) as url:
        yield url
