"""Ids in the order of time, made by the client where it needs them before the database has seen the job."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterable

_MINUTE_MS = 60_000


def uuid7() -> UUID:
    """A UUID of version 7 (RFC 9562): milliseconds, 12 bits of the rest of the millisecond, and 62 random bits."""
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    moment = milliseconds << 80 | (7 << 12 | rest * 4096 // 1_000_000) << 64
    return UUID(int=moment | 2 << 62 | int.from_bytes(os.urandom(8)) >> 2)


def chosen(ids: Iterable[UUID]) -> list[UUID]:
    """Those that were not made in this minute as `uuid7` makes them, and so may be in use already."""
    now = time.time_ns() // 1_000_000
    oldest, newest = (now - _MINUTE_MS) << 80, (now + _MINUTE_MS) << 80
    return [each for each in ids if not (oldest < (number := each.int) < newest and number >> 76 & 15 == 7)]
