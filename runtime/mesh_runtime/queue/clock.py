"""The clock that leases are measured with."""

from __future__ import annotations

import time


def _suspended_too() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


# time.monotonic() stands still in suspend on Linux, and does not where there is no CLOCK_BOOTTIME.
seconds = _suspended_too if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic
"""Seconds since some moment, those included in which the machine was suspended: leases expire meanwhile."""
