"""Nobody gets in without the secret, by whatever way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mesh_runtime.api import security
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.api.conftest import Host

CRON, ADMIN = "cron-secret-ü", "admin-secret"
NOT_THE_SECRET = [
    b"Bearer ",
    b"Bearer",
    b"",
    b"Bearer undefined",
    b"Bearer null",
    b"Bearer None",
    b"Bearer wrong",
    b"Basic {secret}",
    b"{secret}",
    b"Token {secret}",
    b"Bearer {secret}x",
    b"Bearer x{secret}",
    b"Bearer {secret} {secret}",
    b"Bearer \xff\xfe",
    "Bearer ключ".encode(),
    b"Bearer " + b"a" * 5000,
]
GUARDED = [
    ("/api/queue/process", "CRON_SECRET", CRON),
    ("/api/admin/queue/stats", "MESH_ADMIN_SECRET", ADMIN),
    ("/metrics", "MESH_ADMIN_SECRET", ADMIN),
]


@pytest.mark.parametrize(("path", "variable", "secret"), GUARDED)
def test_the_secret_opens(host: Host, path: str, variable: str, secret: str) -> None:
    del variable
    assert host.ask(path, secret).status_code == 200


@pytest.mark.parametrize(("path", "variable", "secret"), GUARDED)
def test_anything_else_is_refused(host: Host, path: str, variable: str, secret: str) -> None:
    for header in NOT_THE_SECRET:
        answer = host.send(path, header.replace(b"{secret}", secret.encode()))
        assert answer.status_code == 401, header
        assert answer.headers["www-authenticate"] == "Bearer"
        assert variable in answer.json()["detail"]
        assert secret not in answer.text


@pytest.mark.parametrize(("path", "variable", "secret"), GUARDED)
def test_no_header_two_headers_or_a_secret_in_the_address_are_refused(
    host: Host, path: str, variable: str, secret: str
) -> None:
    del variable
    right = f"Bearer {secret}".encode()
    assert host.ask(path).status_code == 401
    assert host.send(path, right, b"Bearer x").status_code == 401
    assert host.ask(path, params={"secret": secret, "authorization": f"Bearer {secret}"}).status_code == 401


def test_one_secret_does_not_open_the_doors_of_the_other(host: Host) -> None:
    assert host.ask("/api/queue/process", ADMIN).status_code == 401
    assert host.ask("/api/admin/queue/stats", CRON).status_code == 401
    assert host.ask("/metrics", CRON).status_code == 401


@pytest.mark.parametrize("secret", [None, ""])
@pytest.mark.parametrize("development", [True, False])
@pytest.mark.parametrize(("path", "variable"), [(path, variable) for path, variable, _ in GUARDED])
def test_without_a_secret_everybody_is_refused_in_development_too(
    serve: Callable[..., Any], path: str, variable: str, development: bool, secret: str | None
) -> None:
    with serve(cron_secret=secret, admin_secret=secret, development=development) as host:
        for sent in ((), (b"Bearer ",), (b"Bearer undefined",), (b"Bearer None",)):
            answer = host.send(path, *sent)
            assert answer.status_code == 503
            assert f"{variable} is not set" in answer.json()["detail"]


def test_a_variable_that_is_empty_or_blank_is_no_secret(settings: Settings) -> None:
    for text in ("", "   "):
        read = Settings.load(settings.project, {"CRON_SECRET": text, "MESH_ADMIN_SECRET": text})
        assert (read.cron_secret, read.admin_secret) == (None, None)


def test_a_refused_request_is_refused_before_its_parameters_are_looked_at(host: Host) -> None:
    assert host.ask("/api/queue/process?budget=nonsense").status_code == 401
    assert host.ask("/api/queue/process?budget=nonsense", CRON).status_code == 422


def test_secrets_are_compared_in_constant_time(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(first: bytes, second: bytes) -> bool:
        compared.append((first, second))
        return first == second

    monkeypatch.setattr(security.hmac, "compare_digest", compare)
    with serve(admin_secret=ADMIN) as host:
        assert host.ask("/api/admin/queue/stats", "wrong").status_code == 401
    assert (b"wrong", ADMIN.encode()) in compared


def test_health_tells_everybody_only_whether_it_is_well(host: Host) -> None:
    assert host.ask("/api/health/queue").json() == {"healthy": True}
    assert host.ask("/api/health/queue", ADMIN).json() == {"healthy": True, "reasons": []}
    assert host.ask("/api/health/queue", "wrong").status_code == 401
    assert host.ask("/api/health/queue", method="HEAD").status_code == 200
