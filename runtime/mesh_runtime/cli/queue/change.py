"""`mesh queue cancel`, `retry`, `redrive`, `purge`: do something to the jobs that are meant."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mesh_cli.console import emit_json, say
from mesh_cli.options import DryRunOption, JsonOption, ProjectOption
from mesh_runtime.cli.queue import options
from mesh_runtime.cli.queue.changes import CANCEL
from mesh_runtime.cli.queue.options import (
    AllOption,
    ErrorOption,
    IdsArgument,
    SinceOption,
    StatesOption,
    TypesOption,
    UserOption,
    YesOption,
    queue_database,
)
from mesh_runtime.queue import admin
from mesh_runtime.queue.errors import QueueError
from mesh_runtime.queue.known import JobFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import psycopg

    from mesh_runtime.cli.queue.changes import Change


class NothingChosenError(QueueError):
    """A command that changes jobs was not told which."""


class WrongStateError(QueueError):
    """A job is in a state in which this cannot be done to it."""

    exit_code = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Which jobs a command was told, and how to go about it."""

    ids: Sequence[str] | None
    types: Sequence[str] | None = None
    states: Sequence[str] | None = None
    since: str | None = None
    error: str | None = None
    user: str | None = None
    every: bool = False
    yes: bool
    dry_run: bool
    as_json: bool
    project: Path | None

    @property
    def filtered(self) -> bool:
        """Whether any option says which jobs."""
        return any((self.types, self.states, self.since, self.error, self.user, self.every))


def cancel_command(
    ids: IdsArgument = None,
    types: TypesOption = None,
    state: StatesOption = None,
    since: SinceOption = None,
    error: ErrorOption = None,
    user: UserOption = None,
    every: AllOption = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Carry out CANCEL, which is possible in several states."""
    request = Request(
        ids=ids,
        types=types,
        states=state,
        since=since,
        error=error,
        user=user,
        every=every,
        yes=yes,
        dry_run=dry_run,
        as_json=as_json,
        project=project,
    )
    _carry_out(request, CANCEL)


def command_for(change: Change) -> Callable[..., None]:
    """The command that carries out a change which is possible in one state only."""

    def command(
        ids: IdsArgument = None,
        types: TypesOption = None,
        since: SinceOption = None,
        error: ErrorOption = None,
        user: UserOption = None,
        every: AllOption = False,
        yes: YesOption = False,
        dry_run: DryRunOption = False,
        as_json: JsonOption = False,
        project: ProjectOption = None,
    ) -> None:
        request = Request(
            ids=ids,
            types=types,
            since=since,
            error=error,
            user=user,
            every=every,
            yes=yes,
            dry_run=dry_run,
            as_json=as_json,
            project=project,
        )
        _carry_out(request, change)

    return command


def _carry_out(request: Request, change: Change) -> None:
    if bool(request.ids) == request.filtered:
        raise NothingChosenError(
            "ids and filters cannot be combined" if request.ids else f"nothing says which jobs to {change.verb}",
            remedy="Give ids, or filters such as --type, --error and --since, or --all.",
        )
    with queue_database(request.project) as connection:
        wanted = _wanted(connection, request, change)
        found = admin.count_jobs(connection, wanted)
        if request.dry_run or not found:
            _report(Counter(), found, request, change)
            return
        asks = change.always_asks or not request.ids
        meant = f"This will {change.verb} {_listed(found)}."
        options.confirm(meant, f"{change.verb.capitalize()} them?", yes=request.yes or not asks)
        done: Counter[str] = Counter()
        for ids in admin.matching_jobs(connection, wanted):
            done += change.do(connection, ids)
    _report(done, found, request, change)


def _wanted(connection: psycopg.Connection[Any], request: Request, change: Change) -> JobFilter:
    if request.ids:
        jobs = [admin.find_job(connection, given) for given in request.ids]
        for job in jobs:
            if job.state not in change.among:
                raise WrongStateError(f"the job {job.id} is {job.state}; nothing was done", remedy=change.instead)
        return JobFilter(ids=tuple(job.id for job in jobs), states=change.among)
    among = options.states(request.states, change.among) or change.among
    wanted = options.chosen(
        connection, types=request.types, among=among, when=request.since, error=request.error, user=request.user
    )
    return replace(wanted, states=among)


def _report(done: Counter[str], found: dict[tuple[str, str], int], request: Request, change: Change) -> None:
    if request.as_json:
        matched = [{"type": name, "state": state, "count": number} for (name, state), number in found.items()]
        emit_json({"dry_run": request.dry_run, "matched": matched, "done": dict(done)})
    elif not found:
        say("No job matches; nothing was done.")
    elif request.dry_run:
        say(f"would {change.verb} {_listed(found)}")
    else:
        say(", ".join(f"{number:,} {name}" for name, number in done.items()) or "Nothing was left to do.")


def _listed(found: dict[tuple[str, str], int]) -> str:
    return ", ".join(f"{number:,} {state} {name}" for (name, state), number in found.items())
