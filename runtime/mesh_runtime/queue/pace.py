"""How many jobs to claim: enough that nobody waits for the next batch, few enough that other workers get theirs."""

from __future__ import annotations

_AHEAD_SECONDS = 0.25
_WEIGHT = 0.1


class Pace:
    """Learns from how long jobs take; a claim looks a quarter of a second ahead."""

    def __init__(self, concurrency: int, most: int) -> None:
        self._concurrency = concurrency
        self._most = most
        self._mean_seconds: float | None = None

    def ended(self, seconds: float) -> None:
        """A job took so long."""
        mean = self._mean_seconds
        self._mean_seconds = seconds if mean is None else mean + _WEIGHT * (seconds - mean)

    def room(self, running: int, waiting: int) -> int:
        """How many jobs to claim now, with so many running and so many claimed but not started."""
        ahead = 0
        if self._mean_seconds is not None:
            # Of the quickest jobs two batches: the next one is on its way while the last one runs.
            ahead = int(min(2 * self._most, self._concurrency * _AHEAD_SECONDS / max(self._mean_seconds, 1e-6)))
        have = running + waiting
        if have > self._concurrency + ahead // 2:
            return 0  # not for every job that ends: a claim is worth it when there is room for many
        return max(0, min(self._most, self._concurrency + ahead - have))
