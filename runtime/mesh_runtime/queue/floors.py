"""Where a worker's claims begin in each lane, so that they don't step over what was claimed before.

Jobs that were committed late, or given back, lie below the floor. A sweep finds them: it asks the database for the
floors anew. One is due every few seconds, and before the worker counts as idle. While somebody holds an old snapshot,
a sweep steps over everything that was claimed since then, so those before their time take a twentieth of it at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_runtime.queue import clock

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mesh_runtime.queue.values import Job

_PRIORITIES = 11
_LEVELS = frozenset(map(str, range(_PRIORITIES)))
_SHARE = 20
SWEEP_SECONDS = 5.0


class Floors:
    """The floors of one worker's lanes."""

    def __init__(self, every: float = SWEEP_SECONDS) -> None:
        """No lane has a floor yet: a sweep is due.

        Args:
            every: seconds between two sweeps, if nothing asks for one before.
        """
        self._every = every
        self._types: tuple[str, ...] = ()
        self._seqs: list[int] = []
        self._text: str | None = None
        self._swept_at = float("-inf")
        self._took = 0.0
        self._passed_over = False

    def due(self, types: Sequence[str], *, alone: bool) -> bool:
        """Whether the floors are too old for the next claim, of other types, or above jobs that may run only now."""
        if self._types != tuple(types) or clock.seconds() - self._swept_at >= self._every:
            return True
        return alone and self._passed_over and self.affordable()

    def affordable(self) -> bool:
        """Whether a sweep before its time would cost little beside what the worker does."""
        return clock.seconds() - self._swept_at >= _SHARE * self._took

    def swept(self, types: Sequence[str], seqs: Sequence[int], *, alone: bool, asked: float) -> None:
        """The database has said, to a question `asked` at that time, where the lanes begin: eleven for each type."""
        self._types, self._seqs, self._text = tuple(types), list(seqs), None
        self._swept_at = clock.seconds()
        self._took = self._swept_at - asked
        self._passed_over = not alone

    def claimed(self, jobs: Sequence[Job], *, alone: bool) -> None:
        """The jobs, of one lane, have been claimed; the next claim begins behind them.

        Who was not `alone` has passed over rescued jobs.
        """
        self._passed_over = self._passed_over or not alone
        lane = jobs[-1].job_type, jobs[-1].priority
        if lane[0] in self._types:
            self._seqs[_place(self._types, *lane)] = max(job.seq for job in jobs)
            self._text = None

    def below(self, types: Sequence[str]) -> str | None:
        """What a claim of the types may leave out, as the text of an array; None when nothing is known of them.

        A claim after a quiet time finds the text made already: making it would delay the job.
        """
        if self._types != tuple(types):
            return None
        if self._text is None:
            self._text = f"{{{','.join(map(str, self._seqs))}}}"
        return self._text


def named_lane(types: Sequence[str], names: Collection[str]) -> int | None:
    """The number, from 1, of the lane that notifications have named; None for several, or one of no such type."""
    if len(names) != 1:
        return None
    job_type, _, priority = next(iter(names)).rpartition(" ")
    if job_type not in types or priority not in _LEVELS:
        return None
    return _place(types, job_type, int(priority)) + 1


def _place(types: Sequence[str], job_type: str, priority: int) -> int:
    return types.index(job_type) * _PRIORITIES + priority
