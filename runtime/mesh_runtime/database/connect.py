"""Connections to the project's database, with errors that say what to do and never show a password."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool, PoolTimeout

from mesh_runtime.database.embedded import EmbeddedServer
from mesh_runtime.errors import DatabaseError

if TYPE_CHECKING:
    from psycopg.rows import TupleRow

    from mesh_runtime.settings import Settings

_CONNECT_SECONDS = 10
# A server that vanished without a word is noticed after ten seconds rather than after hours.
_PATIENCE: dict[str, Any] = {
    "connect_timeout": _CONNECT_SECONDS,
    "keepalives_idle": 10,
    "tcp_user_timeout": 10_000,
}


class DatabaseUnreachableError(DatabaseError):
    """No connection to the database could be made."""


def server(settings: Settings) -> EmbeddedServer:
    """The project's embedded server, running or not."""
    return EmbeddedServer(settings.local)


def database_url(settings: Settings) -> str:
    """The URL of the project's database; starts the embedded server when no DATABASE_URL is set.

    Raises:
        ServerStartError: the embedded server did not start.
    """
    return settings.database_url or server(settings).start()


def direct_url(settings: Settings) -> str:
    """The URL that passes no connection pooler: DATABASE_DIRECT_URL, else `database_url`."""
    return settings.direct_url or database_url(settings)


def connect(
    settings_or_url: Settings | str, *, autocommit: bool = False, application_name: str = "mesh"
) -> psycopg.Connection[TupleRow]:
    """Open a connection.

    Nothing is prepared on the server, so that it also works through a pooler that shares sessions.

    Raises:
        DatabaseUnreachableError: the server does not answer or refuses; the message names its host, never a password.
    """
    url = settings_or_url if isinstance(settings_or_url, str) else database_url(settings_or_url)
    try:
        return psycopg.connect(url, autocommit=autocommit, **connection_options(url, application_name))
    except psycopg.OperationalError as error:
        raise _unreachable(url, error) from error
    except psycopg.ProgrammingError as error:
        raise _not_a_url() from error


def open_pool(
    settings: Settings, *, min_size: int = 1, max_size: int = 4, application_name: str = "mesh"
) -> ConnectionPool[psycopg.Connection[TupleRow]]:
    """Open a pool of connections; the caller closes it, as a context manager or by `close()`.

    Raises:
        DatabaseUnreachableError: the server does not answer or refuses.
    """
    url = database_url(settings)
    connect(url, application_name=application_name).close()  # a pool alone hides why it cannot connect
    options = connection_options(url, application_name)
    pool = ConnectionPool(
        url,
        min_size=min_size,
        max_size=max_size,
        kwargs=options,
        open=False,
        name=application_name,
    )
    try:
        pool.open(wait=True, timeout=_CONNECT_SECONDS)
    except PoolTimeout as error:
        raise _unreachable(url, error) from error
    return pool


def redacted(text: str, url: str = "") -> str:
    """`text` without passwords: those of URLs and `password=` in it, and the one of `url` wherever it stands."""
    try:
        password = conninfo_to_dict(url).get("password") if url else None
    except psycopg.ProgrammingError:
        password = None
    if password:
        text = text.replace(str(password), "***")
    text = re.sub(r"(\w+://[^\s:/@]*):[^\s]*@", r"\1:***@", text)
    return re.sub(r"(?i)(password\s*=\s*)('[^']*'|[^\s&]+)", r"\1***", text)


def shown_address(url: str) -> str:
    """The host, port and database of a URL, for messages."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return "(not a PostgreSQL URL)"
    host, port = parts.get("host") or parts.get("hostaddr") or "localhost", parts.get("port") or 5432
    return f"{host}:{port}/{parts.get('dbname') or ''}"


def connection_options(url: str, application_name: str) -> dict[str, Any]:
    """What mesh sets for every connection, as far as `url` does not say otherwise."""
    patience = {name: value for name, value in _PATIENCE.items() if name not in url}
    return {"prepare_threshold": None, "application_name": application_name} | patience


def _unreachable(url: str, error: Exception) -> DatabaseUnreachableError:
    said = redacted(" ".join(str(error).split()), url)
    return DatabaseUnreachableError(
        f"no connection to the database at {shown_address(url)}: {said}",
        remedy="Check DATABASE_URL (and DATABASE_DIRECT_URL) and that the server runs. "
        "Without DATABASE_URL, mesh starts a server of its own.",
    )


def _not_a_url() -> DatabaseUnreachableError:
    return DatabaseUnreachableError(
        "DATABASE_URL cannot be read as a PostgreSQL URL",
        remedy="Write it as postgresql://user:password@host:5432/database; encode special characters as %XX.",
    )
