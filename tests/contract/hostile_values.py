"""Runs inside an app that got a type of hostile texts: each comes back through HTTP, PostgreSQL and HTML as it is."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

TEXTS: dict[str, Any] = json.loads(Path(__file__).with_name("hostile_values.json").read_text("utf-8"))
"""`label` and `storage`; and of each field `label`, `help`, `default` and `values`, by its name."""
FIELDS: dict[str, dict[str, Any]] = TEXTS["fields"]
IN_PAYLOAD = TEXTS["storage"] == "json"
COLUMNS = {name if IN_PAYLOAD else f"odd_{name}": field for name, field in FIELDS.items()}
DEFAULTS = {column: field["default"] for column, field in COLUMNS.items()}
ENUMS = {column: field for column, field in COLUMNS.items() if "values" in field}


class Form(HTMLParser):
    """What a browser makes of the form: options, defaults, labels and help, and every tag that it has."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.options: dict[str, list[str]] = {}
        self.texts: dict[str, list[str]] = {}
        self.presets: dict[str, str] = {}
        self._field = ""
        self._open: list[tuple[str, str]] = []
        self.feed(page.replace("\r\n", "\n").replace("\r", "\n"))  # browsers do, before anything else
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        if tag in {"select", "fieldset"} and "name" in attributes:
            self._field = attributes["name"].removeprefix("payload.")
        if tag == "option":
            self.options.setdefault(self._field, []).append(attributes["value"])
        if "data-value" in attributes:
            self.presets[attributes["name"].removeprefix("payload.")] = attributes["data-value"]
        if tag in {"select", "textarea", "label", "legend", "p", "h1"}:
            self._open.append((tag, attributes.get("name", attributes.get("for", ""))))
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1][0] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open[-1][0]][-1] += data


@pytest.fixture
def form(client: TestClient) -> Form:
    page = client.get("/create/odd")
    assert page.status_code == 200
    return Form(page.text)


def body(fields: dict[str, Any]) -> dict[str, Any]:
    return {"payload": fields} if IN_PAYLOAD else fields


def fields_of(post: dict[str, Any]) -> dict[str, Any]:
    held: dict[str, Any] = post["payload"] if IN_PAYLOAD else post
    return {column: held[column] for column in COLUMNS}


def created(client: TestClient, **fields: Any) -> dict[str, Any]:
    answer = client.post("/api/posts", json={"type": "ODD", **body(fields)})
    assert answer.status_code == 201, answer.text
    post: dict[str, Any] = client.get(f"/api/posts/{answer.json()['id']}").json()
    assert post == answer.json()
    return post


def one_of(column: str, value: str) -> Any:
    return [value] if COLUMNS[column]["type"].startswith("list[") else value


def test_every_default_comes_back(client: TestClient) -> None:
    assert fields_of(created(client)) == DEFAULTS


def test_every_text_can_be_sent(client: TestClient) -> None:
    assert fields_of(created(client, **DEFAULTS)) == DEFAULTS


def test_every_value_of_an_enum_comes_back(client: TestClient) -> None:
    for column, field in ENUMS.items():
        for value in field["values"]:
            post = created(client, **{column: one_of(column, value)})
            assert fields_of(post) == {**DEFAULTS, column: one_of(column, value)}
            other = one_of(column, next(other for other in field["values"] if other != value))
            changed = client.patch(f"/api/posts/{post['id']}", json=body({column: other}))
            assert changed.status_code == 200, changed.text
            assert fields_of(changed.json()) == {**DEFAULTS, column: other}


def test_what_is_no_value_is_refused(client: TestClient) -> None:
    for column, field in ENUMS.items():
        for value in field["values"]:
            for wrong in {value + "'", value + "\\", value[1:], value.encode("unicode_escape").decode()}:
                if wrong not in field["values"]:
                    answer = client.post("/api/posts", json={"type": "ODD", **body({column: one_of(column, wrong)})})
                    assert answer.status_code == 422, wrong


def test_the_form_offers_every_value_and_says_every_text(form: Form) -> None:
    assert "b" not in form.tags
    for column, field in ENUMS.items():
        assert [value for value in form.options[column] if value] == field["values"]
    for column, field in COLUMNS.items():
        if field["type"].startswith("list["):
            assert json.loads(form.presets[column]) == field["default"]
    labels = [lines(text) for text in form.texts["label"] + form.texts["legend"]]
    for field in FIELDS.values():
        assert lines(field["label"]) in labels
        assert lines(field["help"]) in [lines(text) for text in form.texts["p"]]
    for text in form.texts["h1"]:
        assert text.endswith(f"New: {html.unescape(lines(html.escape(TEXTS['label'])))}")


def test_what_a_text_area_begins_with_is_its_default(form: Form) -> None:
    shown = [lines(re.sub(r"\A\n", "", text)) for text in form.texts["textarea"]]  # browsers drop one line break there
    assert lines(FIELDS["body"]["default"]) in shown


def test_a_card_shows_every_text(client: TestClient) -> None:
    post = created(client)
    page = client.get(f"/posts/{post['id']}")
    assert page.status_code == 200
    shown = lines(html.unescape(page.text))
    for field in FIELDS.values():
        if isinstance(field["default"], str):
            assert lines(field["default"]) in shown
    assert "<b>" not in page.text
    assert page.text.count("</script>") == client.get("/").text.count("</script>")


def lines(text: str) -> str:
    """A text as a browser holds it."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
