"""Who may use an endpoint: whoever sends its secret. Without a secret nobody may, in development neither."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from fastapi import HTTPException
from starlette.requests import Request  # noqa: TC002  FastAPI reads the annotation

if TYPE_CHECKING:
    from collections.abc import Callable


def bearer(secret: str | None, variable: str) -> Callable[[Request], None]:
    """A dependency that lets a request pass whose `Authorization` is `Bearer <secret>`.

    Args:
        secret: what must be sent; None or empty refuses everybody.
        variable: the setting that holds it, for who set up the server.

    Raises:
        HTTPException: by the dependency: 503 when there is no secret, 401 when the request has not sent it.
    """

    def check(request: Request) -> None:
        if not secret:
            raise HTTPException(503, f"{variable} is not set on the server, so nobody may do this.")
        if not hmac.compare_digest(_sent(request), secret.encode()):
            detail = f"Send the header: Authorization: Bearer <the value of {variable}>"
            raise HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})

    return check


def has_credentials(request: Request) -> bool:
    """Whether the request claims to come from somebody."""
    return "authorization" in request.headers


def _sent(request: Request) -> bytes:
    """The bytes after `Bearer`, as they were sent; nothing when the header is another, or there are several."""
    found = [value for name, value in request.headers.raw if name == b"authorization"]
    scheme, _, given = found[0].partition(b" ") if len(found) == 1 else (b"", b"", b"")
    return given.strip() if scheme.lower() == b"bearer" else b""
