"""What a payload's model marks as secret is in nothing that leaves."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from mesh_runtime.queue.masking import MASK, Mask


def test_a_secret_field_is_masked_wherever_its_path_leads() -> None:
    payload = {"token": "abc", "card": {"number": 4111, "name": "Eve"}, "keys": [{"value": "k1"}, {"value": "k2"}]}
    shown = Mask(payload, ["token", "card.number", "keys.value", "missing.path"]).shown_payload()
    assert shown == {
        "token": MASK,
        "card": {"number": MASK, "name": "Eve"},
        "keys": [{"value": MASK}, {"value": MASK}],
    }


def test_a_star_means_every_key() -> None:
    assert Mask({"by_user": {"1": "a", "2": "b"}}, ["by_user.*"]).shown_payload() == {"by_user": {"1": MASK, "2": MASK}}


def test_keys_may_hold_dots_and_the_whole_payload_may_be_secret() -> None:
    assert Mask({"a.b": {"c": "x"}, "a": {"b.c": "y"}}, ["a.b.c"]).shown_payload() == {
        "a.b": {"c": MASK},
        "a": {"b.c": MASK},
    }
    assert Mask({"a": "x"}, [""]).shown_payload() == MASK


def test_a_whole_object_may_be_secret() -> None:
    mask = Mask({"login": {"user": "me", "password": "hunter2"}}, ["login"])
    assert mask.shown_payload() == {"login": MASK}
    assert mask.text("refused: hunter2") == f"refused: {MASK}"


def test_a_secret_that_has_no_value_is_shown_as_such() -> None:
    assert Mask({"token": None}, ["token"]).shown_payload() == {"token": None}


@pytest.mark.parametrize(
    "secret", ["hunter2", "with 'quotes' and \"more\"", "line\nbreak", "größe/100%", "a.*b(", "\\"]
)
def test_errors_and_results_do_not_repeat_it_in_whatever_form(secret: str) -> None:
    mask = Mask({"password": secret}, ["password"])
    for written in (secret, repr(secret), json.dumps(secret), json.dumps(secret, ensure_ascii=False), quote(secret)):
        assert (
            mask.text(f"cannot log in with {written}!")
            == f"cannot log in with {written.replace(_core(written, secret), MASK)}!"
        )
    assert mask.value({"used": [secret, {"deep": f"x{secret}y"}]}) == {"used": [MASK, {"deep": f"x{MASK}y"}]}


def _core(written: str, secret: str) -> str:
    return written if written in (secret, quote(secret)) else written[1:-1]


def test_a_secret_number_is_found_as_a_whole_only() -> None:
    mask = Mask({"pin": 12}, ["pin"])
    assert mask.text("pin 12 of 128 at 0.12") == f"pin {MASK} of 128 at 0.12"
    assert mask.value({"pin": 12, "count": 128, "ok": True}) == {"pin": MASK, "count": 128, "ok": True}


def test_the_longer_of_two_secrets_leaves_no_rest() -> None:
    assert Mask({"a": "abc", "b": "abcdef"}, ["a", "b"]).text("abcdef") == MASK


def test_the_same_value_in_a_field_that_nobody_marked_is_masked_too() -> None:
    shown = Mask({"token": "abc", "url": "https://x/?t=abc"}, ["token"]).shown_payload()
    assert shown == {"token": MASK, "url": f"https://x/?t={MASK}"}


def test_without_secrets_everything_stays() -> None:
    mask = Mask({"token": "abc", "n": [1, None, True]}, [])
    assert mask.shown_payload() == {"token": "abc", "n": [1, None, True]}
    assert mask.text("abc") == "abc"
