"""Runs inside the app that the acceptance test grows: requests that nobody's form sends, and rows around the API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

EVENT: dict[str, Any] = {"type": "EVENT", "event_title": "Show", "event_starts_at": "2026-05-17T18:30:00+02:00"}
PLAYLIST: dict[str, Any] = {"title": "Mine", "tracks": ["018f6b1e-7b1a-7c3d-9e5f-0a1b2c3d4e5f"]}
POLL: dict[str, Any] = {"type": "POLL", "poll_question": "Tea?", "poll_options": ["Yes", "No"]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_seats", 2**63),
        ("event_seats", "many"),
        ("event_price", "NaN"),
        ("event_price", "1e400000"),
        ("event_link", "javascript:alert(1)"),
        ("event_link", "ftp://example.com"),
        ("event_cover", "//example.com/cat.jpg"),
        ("event_cover", "data:image/png;base64,AA"),
        ("event_starts_at", "0001-01-01T00:00:00+14:00"),
        ("event_starts_at", "2026-05-17T18:30:00"),
        ("event_title", "a\0b"),
        ("event_title", "\ud800"),
        ("event_host", 999),
        ("payload", {}),
    ],
)
def test_a_value_that_cannot_be_stored_is_refused(client: TestClient, field: str, value: object) -> None:
    body = json.dumps({**EVENT, field: value})

    response = client.post("/api/posts", content=body, headers={"Content-Type": "application/json"})

    assert response.status_code == 422, response.text
    assert response.json()["detail"][0]["loc"][:2] == ["body", field]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_are_refused(client: TestClient, value: str) -> None:
    body = json.dumps({"type": "PLAYLIST", "payload": {**PLAYLIST, "tempo": 0.5}}).replace("0.5", value)

    response = client.post("/api/posts", content=body, headers={"Content-Type": "application/json"})

    assert response.status_code == 422, response.text


def test_decimals_keep_every_digit(client: TestClient) -> None:
    created = client.post("/api/posts", json={**EVENT, "event_price": "1234.560"})

    assert created.status_code == 201, created.text
    assert created.json()["event_price"] == "1234.560"


def test_what_people_write_is_shown_as_text(client: TestClient) -> None:
    title = "<script>alert(1)</script> {{ 7 * 7 }} {% raw %} ' \" \\ \u202e 🎉"

    post = client.post("/api/posts", json={**EVENT, "event_title": title}).json()

    assert post["event_title"] == title
    page = client.get(f"/posts/{post['id']}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7 * 7 }} {% raw %}" in page


def test_labels_and_help_are_shown_as_they_are_written(client: TestClient) -> None:
    page = client.get("/create/every_column").text

    assert "It&#x27;s &#123;&#123; no &#125;&#125; &#123;# comment #&#125;" in page
    assert "<b>tag</b>" not in page


@pytest.mark.parametrize(
    "columns",
    [
        {"type": "POLL", "poll_options": '["a", "b"]'},
        {**POLL, "poll_options": '["a"]'},
        {**POLL, "poll_options": '"a"'},
        {**POLL, "poll_options": '["a", "b"]', "poll_question": "x"},
        {"type": "PLAYLIST"},
        {"type": "PLAYLIST", "payload": '["title", "tracks", "shared_with", "listed"]'},
        {"type": "PLAYLIST", "payload": '{"title": null, "tracks": [], "shared_with": [], "listed": true}'},
        {**EVENT, "event_location": "elsewhere"},
        {**EVENT, "event_location": "online", "event_price": "-1"},
    ],
)
def test_the_database_refuses_what_goes_around_the_api(
    connection: psycopg.Connection[Any], columns: dict[str, Any]
) -> None:
    row = {"author_id": 1, **columns}
    names = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, row))
    values = psycopg.sql.SQL(", ").join(psycopg.sql.Placeholder() * len(row))
    statement = psycopg.sql.SQL("INSERT INTO realtime_posts ({}) VALUES ({})").format(names, values)

    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(statement, list(row.values()))
