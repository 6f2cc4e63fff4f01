"""The queue over HTTP: process it, look at its figures, ask whether it is well."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import psycopg
from fastapi import APIRouter, Depends, HTTPException, Query
from starlette.requests import Request  # noqa: TC002  FastAPI reads the annotation
from starlette.responses import JSONResponse, Response

from mesh_descriptors.errors import MeshError
from mesh_runtime.api.health import Pulse, queue_connection
from mesh_runtime.api.metrics import CONTENT_TYPE, metrics
from mesh_runtime.api.process import DEFAULT_BUDGET, MOST_BUDGET, Processor
from mesh_runtime.api.security import bearer, has_credentials
from mesh_runtime.database import redacted
from mesh_runtime.queue.figures import overview

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_runtime.settings import Settings

_FRESH = {"Cache-Control": "no-store"}
Budget = Annotated[float, Query(gt=0, le=MOST_BUDGET, description="Seconds after which nothing more is started.")]


def queue_router(settings: Settings) -> APIRouter:
    """The endpoints of the queue, for `app.include_router`.

    Args:
        settings: `cron_secret` and `admin_secret` say who may use them; without one, nobody may.
    """
    router = APIRouter(tags=["queue"])
    processor, pulse = Processor(settings), Pulse(settings)
    is_admin = bearer(settings.admin_secret, "MESH_ADMIN_SECRET")
    for_cron = [Depends(bearer(settings.cron_secret, "CRON_SECRET"))]
    for_admin = [Depends(is_admin)]

    @router.get("/api/queue/process", dependencies=for_cron)
    @router.post("/api/queue/process", dependencies=for_cron)
    def process(budget: Budget = DEFAULT_BUDGET) -> JSONResponse:
        """Run waiting jobs until none is left or the budget is used up; says how many ended how."""
        with _explained():
            return JSONResponse(processor.run(budget), headers=_FRESH)

    @router.get("/api/admin/queue/stats", dependencies=for_admin)
    def stats() -> JSONResponse:
        """The figures of the queue, as a whole and by job type."""
        with _explained(), queue_connection(settings) as connection:
            return JSONResponse(overview(connection), headers=_FRESH)

    @router.get("/metrics", dependencies=for_admin, include_in_schema=False)
    def prometheus() -> Response:
        with _explained(), queue_connection(settings) as connection:
            return Response(metrics(connection), media_type=CONTENT_TYPE, headers=_FRESH)

    @router.head("/api/health/queue", include_in_schema=False)
    @router.get("/api/health/queue")
    def health(request: Request) -> JSONResponse:
        """200 when the queue is well, else 503; the reasons are only for who sends the admin's secret."""
        trusted = has_credentials(request)
        if trusted:
            is_admin(request)
        found = pulse.felt()
        reasons = {"reasons": found.reasons} if trusted else {}
        return JSONResponse({"healthy": found.healthy} | reasons, 200 if found.healthy else 503, headers=_FRESH)

    return router


@contextmanager
def _explained() -> Iterator[None]:
    """What the runtime cannot do becomes an answer that says why, never a traceback."""
    try:
        yield
    except MeshError as error:
        raise HTTPException(503, str(error)) from error
    except psycopg.OperationalError as error:
        raise HTTPException(503, f"The database does not answer: {redacted(str(error).strip())}") from error
