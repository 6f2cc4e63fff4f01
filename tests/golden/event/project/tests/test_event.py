"""An EVENT is created, read back, changed, and refused when it is wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

TYPE = "EVENT"
MOMENTS = {"event_starts_at", "event_ends_at"}


@pytest.fixture
def fields() -> dict[str, Any]:
    """What a client sends to create one."""
    return {
        "event_title": "A short text",
        "event_description": "A short text",
        "event_starts_at": "2026-05-17T18:30:00Z",
        "event_ends_at": "2026-05-17T18:30:00Z",
        "event_location": "online",
        "event_link": "https://example.com/a",
        "event_cover": "https://example.com/a",
        "event_seats": 3,
        "event_price": "12.50",
        "event_host": 1,
    }


def sent(fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The body of a request."""
    return {**more, **fields}


def assert_holds(post: dict[str, Any], fields: dict[str, Any]) -> None:
    """The post has these values."""
    for name, value in fields.items():
        if value is not None and name in MOMENTS:
            assert datetime.fromisoformat(post[name]) == datetime.fromisoformat(value)
            continue
        assert post[name] == value


def test_it_is_created_and_read_back(client: TestClient, fields: dict[str, Any]) -> None:
    created = client.post("/api/posts", json=sent(fields, type=TYPE))

    assert created.status_code == 201, created.text
    post = client.get(f"/api/posts/{created.json()['id']}").json()
    assert post == created.json()
    assert post["type"] == TYPE
    assert_holds(post, fields)


def test_a_change_leaves_what_it_omits(client: TestClient, fields: dict[str, Any]) -> None:
    post = client.post("/api/posts", json=sent(fields, type=TYPE)).json()

    changed = client.patch(f"/api/posts/{post['id']}", json=sent({}))

    assert changed.status_code == 200, changed.text
    assert {**changed.json(), "updated_at": None} == {**post, "updated_at": None}


def test_each_field_is_changed(client: TestClient, fields: dict[str, Any]) -> None:
    post = client.post("/api/posts", json=sent(fields, type=TYPE)).json()
    others: list[tuple[str, Any]] = [
        ("event_title", "Another"),
        ("event_description", "Another"),
        ("event_description", ""),
        ("event_starts_at", "2026-06-01T09:00:00Z"),
        ("event_ends_at", "2026-06-01T09:00:00Z"),
        ("event_location", 'both "at once"'),
        ("event_link", "https://example.com/b"),
        ("event_cover", "https://example.com/b"),
        ("event_seats", 5),
        ("event_price", "0.75"),
        ("event_price", "0"),
        ("event_host", 1),
    ]

    for name, value in others:
        changed = client.patch(f"/api/posts/{post['id']}", json=sent({name: value}))
        fields[name] = value
        assert changed.status_code == 200, (name, value, changed.text)
        assert_holds(client.get(f"/api/posts/{post['id']}").json(), fields)


def test_null_clears_an_optional_field(client: TestClient, fields: dict[str, Any]) -> None:
    post = client.post("/api/posts", json=sent(fields, type=TYPE)).json()

    for name in ["event_description", "event_ends_at", "event_link", "event_cover", "event_seats", "event_host"]:
        changed = client.patch(f"/api/posts/{post['id']}", json=sent({name: None}))
        fields[name] = None
        assert changed.status_code == 200, (name, changed.text)
        assert_holds(changed.json(), fields)


def test_defaults_fill_what_is_omitted(client: TestClient, fields: dict[str, Any]) -> None:
    defaults: dict[str, Any] = {
        "event_location": "in person",
        "event_price": "0.00",
    }
    given = {name: value for name, value in fields.items() if name not in defaults}

    created = client.post("/api/posts", json=sent(given, type=TYPE))

    assert created.status_code == 201, created.text
    assert_holds(created.json(), {**given, **defaults})


def test_a_required_field_must_be_given(client: TestClient, fields: dict[str, Any]) -> None:
    post = client.post("/api/posts", json=sent(fields, type=TYPE)).json()

    for name in ["event_title", "event_starts_at"]:
        rest = {key: value for key, value in fields.items() if key != name}
        for response in (
            client.post("/api/posts", json=sent(rest, type=TYPE)),
            client.patch(f"/api/posts/{post['id']}", json=sent({name: None})),
        ):
            assert response.status_code == 422, (name, response.text)
            assert response.json()["detail"][0]["loc"] == ["body", name]


def test_a_wrong_value_is_refused_at_its_field(client: TestClient, fields: dict[str, Any]) -> None:
    post = client.post("/api/posts", json=sent(fields, type=TYPE)).json()
    wrong: list[tuple[str, Any]] = [
        ("event_title", 5),
        ("event_title", "x" * 121),
        ("event_title", ""),
        ("event_description", 5),
        ("event_description", "x" * 5001),
        ("event_starts_at", "not one"),
        ("event_starts_at", "2026-05-17T18:30:00"),
        ("event_starts_at", "2019-12-31T23:00:00Z"),
        ("event_ends_at", "not one"),
        ("event_ends_at", "2026-05-17T18:30:00"),
        ("event_location", "none of the values"),
        ("event_location", 0),
        ("event_link", "javascript:alert(1)"),
        ("event_link", 5),
        ("event_cover", "javascript:alert(1)"),
        ("event_cover", 5),
        ("event_seats", "not one"),
        ("event_seats", 0),
        ("event_seats", 100001),
        ("event_price", "not one"),
        ("event_price", "-0.5"),
        ("event_price", "10000.49"),
        ("event_host", "no id"),
        ("event_host", 2147483647),
        ("not_a_field", 1),
    ]

    for name, value in wrong:
        for response in (
            client.post("/api/posts", json=sent({**fields, name: value}, type=TYPE)),
            client.patch(f"/api/posts/{post['id']}", json=sent({name: value})),
        ):
            assert response.status_code == 422, (name, value, response.text)
            assert response.json()["detail"][0]["loc"][:2] == ["body", name]
    assert client.get(f"/api/posts/{post['id']}").json() == post


def test_its_feeds_list_it(client: TestClient, fields: dict[str, Any]) -> None:
    post = client.post("/api/posts", json=sent(fields, type=TYPE)).json()

    for feed in ["global"]:
        assert post in client.get(f"/api/feeds/{feed}").json()["posts"], feed


def test_its_card_is_shown(client: TestClient, fields: dict[str, Any]) -> None:
    post = client.post("/api/posts", json=sent(fields, type=TYPE)).json()

    page = client.get(f"/posts/{post['id']}")

    assert page.status_code == 200, page.text
    assert 'class="card-body' in page.text


def test_its_form_offers_every_field(client: TestClient) -> None:
    page = client.get("/create/event")

    assert page.status_code == 200, page.text
    for name in [
        "event_title",
        "event_description",
        "event_starts_at",
        "event_ends_at",
        "event_location",
        "event_link",
        "event_cover",
        "event_seats",
        "event_price",
        "event_host",
    ]:
        assert f'name="{name}"' in page.text
