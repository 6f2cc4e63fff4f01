"""A PLAYLIST is created, read back, changed, and refused when it is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

TYPE = "PLAYLIST"


@pytest.fixture
def fields() -> dict[str, Any]:
    """What a client sends to create one."""
    return {
        "title": "A short text",
        "mood": "calm",
        "tracks": ["018f6b1e-7b1a-7c3d-9e5f-0a1b2c3d4e5f"],
        "date": "2026-05-17",
        "tempo": 20.0,
        "shared_with": [1],
        "listed": True,
    }


def sent(fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The body of a request."""
    return {**more, "payload": fields}


def assert_holds(post: dict[str, Any], fields: dict[str, Any]) -> None:
    """The post has these values."""
    for name, value in fields.items():
        assert post["payload"][name] == value


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
        ("title", "Another"),
        ("title", ""),
        ("mood", "wild"),
        ("tracks", ["018f6b1e-7b1a-7c3d-9e5f-0a1b2c3d4e60"]),
        ("date", "2026-06-01"),
        ("tempo", 20.5),
        ("shared_with", [1]),
        ("shared_with", []),
        ("listed", False),
    ]

    for name, value in others:
        changed = client.patch(f"/api/posts/{post['id']}", json=sent({name: value}))
        fields[name] = value
        assert changed.status_code == 200, (name, value, changed.text)
        assert_holds(client.get(f"/api/posts/{post['id']}").json(), fields)


def test_null_clears_an_optional_field(client: TestClient, fields: dict[str, Any]) -> None:
    post = client.post("/api/posts", json=sent(fields, type=TYPE)).json()

    for name in ["mood", "date", "tempo"]:
        changed = client.patch(f"/api/posts/{post['id']}", json=sent({name: None}))
        fields[name] = None
        assert changed.status_code == 200, (name, changed.text)
        assert_holds(changed.json(), fields)


def test_defaults_fill_what_is_omitted(client: TestClient, fields: dict[str, Any]) -> None:
    defaults: dict[str, Any] = {
        "shared_with": [],
        "listed": True,
    }
    given = {name: value for name, value in fields.items() if name not in defaults}

    created = client.post("/api/posts", json=sent(given, type=TYPE))

    assert created.status_code == 201, created.text
    assert_holds(created.json(), {**given, **defaults})


def test_a_required_field_must_be_given(client: TestClient, fields: dict[str, Any]) -> None:
    post = client.post("/api/posts", json=sent(fields, type=TYPE)).json()

    for name in ["title", "tracks"]:
        rest = {key: value for key, value in fields.items() if key != name}
        for response in (
            client.post("/api/posts", json=sent(rest, type=TYPE)),
            client.patch(f"/api/posts/{post['id']}", json=sent({name: None})),
        ):
            assert response.status_code == 422, (name, response.text)
            assert response.json()["detail"][0]["loc"] == ["body", "payload", name]


def test_a_wrong_value_is_refused_at_its_field(client: TestClient, fields: dict[str, Any]) -> None:
    post = client.post("/api/posts", json=sent(fields, type=TYPE)).json()
    wrong: list[tuple[str, Any]] = [
        ("title", 5),
        ("title", "x" * 121),
        ("mood", "none of the values"),
        ("mood", 0),
        ("tracks", ["no id"]),
        ("tracks", "no list"),
        ("tracks", ["018f6b1e-7b1a-7c3d-9e5f-0a1b2c3d4e5f"] * 101),
        ("tracks", []),
        ("date", "not one"),
        ("tempo", "not one"),
        ("tempo", 19.5),
        ("tempo", 400.5),
        ("shared_with", ["no id"]),
        ("shared_with", "no list"),
        ("listed", "not one"),
        ("not_a_field", 1),
    ]

    for name, value in wrong:
        for response in (
            client.post("/api/posts", json=sent({**fields, name: value}, type=TYPE)),
            client.patch(f"/api/posts/{post['id']}", json=sent({name: value})),
        ):
            assert response.status_code == 422, (name, value, response.text)
            assert response.json()["detail"][0]["loc"][:3] == ["body", "payload", name]
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
    page = client.get("/create/playlist")

    assert page.status_code == 200, page.text
    for name in ["title", "mood", "tracks", "date", "tempo", "shared_with", "listed"]:
        assert f'name="payload.{name}"' in page.text
