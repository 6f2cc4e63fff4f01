"""A POLL is created, read back, changed, and refused when it is wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

TYPE = "POLL"
MOMENTS = {"poll_closes_at"}


@pytest.fixture
def fields() -> dict[str, Any]:
    """What a client sends to create one."""
    return {
        "poll_question": "A short text",
        "poll_options": ["A short text", "Another"],
        "poll_multiple": True,
        "poll_closes_at": "2026-05-17T18:30:00Z",
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
        ("poll_question", "Another"),
        ("poll_options", ["Another", "Another"]),
        ("poll_multiple", False),
        ("poll_closes_at", "2026-06-01T09:00:00Z"),
    ]

    for name, value in others:
        changed = client.patch(f"/api/posts/{post['id']}", json=sent({name: value}))
        fields[name] = value
        assert changed.status_code == 200, (name, value, changed.text)
        assert_holds(client.get(f"/api/posts/{post['id']}").json(), fields)


def test_null_clears_an_optional_field(client: TestClient, fields: dict[str, Any]) -> None:
    post = client.post("/api/posts", json=sent(fields, type=TYPE)).json()

    for name in ["poll_closes_at"]:
        changed = client.patch(f"/api/posts/{post['id']}", json=sent({name: None}))
        fields[name] = None
        assert changed.status_code == 200, (name, changed.text)
        assert_holds(changed.json(), fields)


def test_defaults_fill_what_is_omitted(client: TestClient, fields: dict[str, Any]) -> None:
    defaults: dict[str, Any] = {
        "poll_multiple": False,
    }
    given = {name: value for name, value in fields.items() if name not in defaults}

    created = client.post("/api/posts", json=sent(given, type=TYPE))

    assert created.status_code == 201, created.text
    assert_holds(created.json(), {**given, **defaults})


def test_a_required_field_must_be_given(client: TestClient, fields: dict[str, Any]) -> None:
    post = client.post("/api/posts", json=sent(fields, type=TYPE)).json()

    for name in ["poll_question", "poll_options"]:
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
        ("poll_question", 5),
        ("poll_question", "x" * 201),
        ("poll_question", "x" * 2),
        ("poll_options", ["A short text", 5]),
        ("poll_options", ["A short text", "x" * 81]),
        ("poll_options", ["A short text"] * 11),
        ("poll_options", ["A short text"] * 1),
        ("poll_multiple", "not one"),
        ("poll_closes_at", "not one"),
        ("poll_closes_at", "2026-05-17T18:30:00"),
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
    page = client.get("/create/poll")

    assert page.status_code == 200, page.text
    for name in ["poll_question", "poll_options", "poll_multiple", "poll_closes_at"]:
        assert f'name="{name}"' in page.text
