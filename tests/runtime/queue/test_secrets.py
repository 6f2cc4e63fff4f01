from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import psycopg
import pydantic
import pytest
from pydantic import BaseModel, Field, RootModel, SecretBytes, SecretStr
from typing_extensions import TypedDict

from mesh_runtime.queue import JobContext, NewJob, PayloadError, Secret, enqueue, enqueue_many, job, register_types
from mesh_runtime.queue.secret_fields import secret_paths

if TYPE_CHECKING:
    from tests.runtime.queue.conftest import Rows

Connection = psycopg.Connection[Any]


class Login(BaseModel):
    user: str = "ada"
    password: SecretStr | None = None


class Send(BaseModel):
    token: SecretStr
    key: SecretBytes = SecretBytes(b"")
    pin: pydantic.Secret[int] = pydantic.Secret[int](0)
    note: Annotated[str, Secret()] = ""
    logins: list[Login] = []
    headers: dict[str, SecretStr] = {}
    renamed: Annotated[SecretStr, Field(alias="reNamed")] = SecretStr("")


@job("send_secretly", payload=Send)
def send_secretly(payload: Send, context: JobContext) -> None: ...


FULL = Send(
    token=SecretStr("t0ken"),
    key=SecretBytes(b"k3y"),
    pin=pydantic.Secret[int](1234),
    note="n0te",
    logins=[Login(password=SecretStr("pw"))],
    headers={"x": SecretStr("h")},
    reNamed=SecretStr("r"),
)
STORED = {
    "token": "t0ken",
    "key": "k3y",
    "pin": 1234,
    "note": "n0te",
    "logins": [{"user": "ada", "password": "pw"}],
    "headers": {"x": "h"},
    "reNamed": "r",
}
PATHS = ["headers.*", "key", "logins.password", "note", "pin", "reNamed", "token"]


def test_a_secret_reaches_the_handler_as_it_is(auto: Connection, rows: Rows) -> None:
    enqueue(auto, send_secretly, FULL)
    enqueue_many(auto, [NewJob(job_type=send_secretly, payload=FULL)])
    for stored, text in rows("SELECT payload, payload::text FROM mesh.jobs"):
        assert stored == STORED
        assert send_secretly.read(text) == FULL


def test_a_secret_in_a_plain_mapping_is_not_lost_either(auto: Connection, rows: Rows) -> None:
    enqueue(auto, "process_image", {"deep": [{"token": SecretStr("t")}], "login": Login(password=SecretStr("p"))})
    assert rows("SELECT payload FROM mesh.jobs") == [
        ({"deep": [{"token": "t"}], "login": {"user": "ada", "password": "p"}},)
    ]


def test_text_that_looks_like_a_masked_secret_stays(auto: Connection, rows: Rows) -> None:
    enqueue(auto, "process_image", {"text": "**********"})
    assert rows("SELECT payload FROM mesh.jobs") == [({"text": "**********"},)]


def test_the_database_knows_the_secret_fields_before_the_first_job_is_seen(connection: Connection, rows: Rows) -> None:
    enqueue(connection, send_secretly, FULL)
    connection.commit()
    assert rows("SELECT secrets, payload_schema FROM mesh.job_types WHERE name = 'send_secretly'") == [(PATHS, None)]
    register_types(connection, [send_secretly])
    connection.commit()
    ((schema,),) = rows("SELECT payload_schema FROM mesh.job_types WHERE name = 'send_secretly'")
    assert schema["properties"].keys() == STORED.keys()


def test_a_field_that_was_secret_once_stays_so(auto: Connection, rows: Rows) -> None:
    class Fewer(BaseModel):
        other: SecretStr

    register_types(auto, [send_secretly])
    register_types(auto, [job("send_secretly", payload=Fewer)(send_secretly.function)])
    assert rows("SELECT secrets FROM mesh.job_types WHERE name = 'send_secretly'") == [(sorted([*PATHS, "other"]),)]


def test_registering_what_is_known_writes_nothing(auto: Connection, rows: Rows) -> None:
    register_types(auto, [send_secretly])
    before = rows("SELECT xmin::text FROM mesh.job_types WHERE name = 'send_secretly'")
    register_types(auto, [send_secretly])
    enqueue(auto, send_secretly, FULL)
    assert rows("SELECT xmin::text FROM mesh.job_types WHERE name = 'send_secretly'") == before


def test_a_refused_payload_is_named_without_its_secret() -> None:
    with pytest.raises(PayloadError) as raised:
        send_secretly.write({"token": "t0ken", "pin": "n0 number"})
    assert "pin" in str(raised.value)
    assert "n0 number" not in str(raised.value)
    assert "t0ken" not in str(raised.value)


class Tree(BaseModel):
    secret: SecretStr
    children: list[Tree] = []


class Plain(BaseModel):
    children: list[Plain] = []


@dataclass
class Card:
    number: SecretStr


class Typed(TypedDict):
    token: Annotated[str, Secret()]


class Held(BaseModel):
    card: Card
    typed: Typed
    either: Login | Card | None
    pairs: tuple[tuple[str, SecretStr], ...]
    by_user: dict[str, list[Login]]


def test_secrets_are_found_wherever_they_are_nested() -> None:
    assert secret_paths(Held) == (
        "by_user.*.password",
        "card.number",
        "either.number",
        "either.password",
        "pairs",
        "typed.token",
    )
    assert secret_paths(RootModel[dict[str, SecretStr]]) == ("*",)


def test_a_model_that_holds_itself_is_hidden_below_its_first_level() -> None:
    assert secret_paths(Tree) == ("children", "secret")
    assert secret_paths(Plain) == ()
