"""Webhook secrets: what is one, what is refused, and that none is shown."""

from __future__ import annotations

import array
import datetime as dt
import hmac
import json
import sys
import traceback
from typing import Any

import pydantic
import pytest
from webhooks.test_webhooks_parse import BODY, FIELDS, HEADERS, SECRET, signed

from geopera import webhooks
from geopera.types import Secret

FORGED = {"X-Geopera-Signature": "sha256=" + hmac.digest(b"", BODY, "sha256").hex()}
RAW = SECRET.encode()


@pytest.mark.parametrize(
    "form", [memoryview, bytearray, bytes, lambda b: [memoryview(b)], lambda b: (b, b"x" * 16)]
)
def test_binary_secrets_are_the_secret_itself(form: Any) -> None:
    assert webhooks.parse(BODY, HEADERS, form(RAW)).event_id == "evt_1"
    with pytest.raises(webhooks.WebhookSignatureError):
        webhooks.parse(BODY, FORGED, form(RAW))


@pytest.mark.parametrize(
    "secret",
    [list(RAW), 5, 0, 16, True, {"primary": SECRET}, [SECRET, None], [SECRET, 20], array.array("B", RAW), range(20),
     iter([SECRET]), None, 1.5, [[SECRET]]],
)  # fmt: skip
def test_what_is_no_secret_is_a_type_error_before_anything_is_compared(secret: Any) -> None:
    for headers in (HEADERS, FORGED):
        with pytest.raises(TypeError, match="text or bytes"):
            webhooks.parse(BODY, headers, secret)
    with pytest.raises(TypeError):
        webhooks.Receiver(secret)
    with pytest.raises(TypeError):
        webhooks.sign(BODY, secret)


@pytest.mark.parametrize(
    "secret", ["", "a", "x" * 15, b"\0" * 15, ["x" * 15], [SECRET, "a"], memoryview(b"a"), []]
)
def test_a_short_secret_is_refused(secret: Any) -> None:
    with pytest.raises(ValueError, match=r"16|empty") as caught:
        webhooks.parse(BODY, HEADERS, secret)
    assert not isinstance(caught.value, webhooks.WebhookError)


@pytest.mark.parametrize(
    "secret", [pydantic.SecretStr(SECRET), pydantic.SecretBytes(RAW), Secret(SECRET), SECRET + "\n"]
)
def test_secret_types_and_a_file_with_a_line_break(secret: Any) -> None:
    assert webhooks.parse(BODY, HEADERS, secret).event_id == "evt_1"
    assert webhooks.parse(BODY, HEADERS, [secret]).event_id == "evt_1"
    assert webhooks.sign(BODY, secret) == signed(BODY)


@pytest.mark.parametrize("form", [" {} ", "\t{}", "{} ", "  {}"])
def test_spaces_and_upper_case_around_a_signature(form: str) -> None:
    good = HEADERS["X-Geopera-Signature"]
    for value in (good, good.upper()):
        assert webhooks.parse(BODY, {**HEADERS, "X-Geopera-Signature": form.format(value)}, SECRET)


@pytest.mark.parametrize(
    "call",
    [
        lambda: webhooks.parse(BODY, {"X-Geopera-Signature": "sha256=00"}, SECRET),
        lambda: webhooks.parse(BODY, {}, [SECRET, "x" * 20]),
        lambda: webhooks.parse(BODY, {}, [SECRET, None]),
        lambda: webhooks.parse(b"[]", {"X-Geopera-Signature": signed(b"[]")}, SECRET),
        lambda: webhooks.sign([1], SECRET),  # type: ignore[arg-type]
        lambda: webhooks.Receiver([SECRET, "a"]),
        lambda: webhooks.Receiver(SECRET, seen=5),
        lambda: webhooks.Receiver(SECRET, max_age="x"),  # type: ignore[arg-type]
    ],
)
def test_no_frame_shows_a_secret_or_a_valid_signature(call: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        try:
            call()
        except Exception:
            made = traceback.TracebackException(*sys.exc_info(), capture_locals=True)
            shown = "".join(made.format())
            # The first frames are this test's own.
            assert SECRET not in shown.partition("geopera/webhooks")[2]
            assert signed(BODY) not in shown.partition("geopera/webhooks")[2]
            raise


def aged(**age: float) -> tuple[bytes, dict[str, str]]:
    when = dt.datetime.now(dt.timezone(dt.timedelta(hours=10))) - dt.timedelta(**age)
    body = json.dumps({**FIELDS, "timestamp": when.isoformat()}).encode()
    return body, {"X-Geopera-Signature": signed(body)}


def test_an_age_is_checked_where_it_is_asked_for() -> None:
    assert webhooks.parse(*aged(days=365), SECRET)
    assert webhooks.parse(*aged(minutes=1), SECRET, max_age=300)
    assert webhooks.parse(*aged(minutes=1), SECRET, max_age=dt.timedelta(minutes=5))
    for limit in (300, dt.timedelta(minutes=5)):
        with pytest.raises(webhooks.WebhookError, match="max_age") as caught:
            webhooks.parse(*aged(minutes=10), SECRET, max_age=limit)
        assert not isinstance(caught.value, webhooks.WebhookSignatureError)


def test_an_age_of_less_than_a_second() -> None:
    assert webhooks.parse(*aged(seconds=-60), SECRET, max_age=0.5)
    with pytest.raises(webhooks.WebhookError, match="max_age"):
        webhooks.parse(*aged(seconds=2), SECRET, max_age=0.5)


def test_secrets_that_are_kept_print_as_none() -> None:
    from geopera.webhooks.signature import held, keys_of

    one, two = keys_of(held(SECRET)), keys_of(held([SECRET, "x" * 16]))
    assert (repr(one), repr(two)) == ("<secret: ***>", "<2 secrets: ***>")
    assert webhooks.parse(BODY, HEADERS, one) == webhooks.parse(BODY, HEADERS, two)


@pytest.mark.parametrize("secret", ["\ud800" * 16, ["\ud800" * 16]])
def test_half_a_surrogate_pair_is_no_secret(secret: Any) -> None:
    with pytest.raises(ValueError, match="surrogate"):
        webhooks.parse(BODY, HEADERS, secret)
    with pytest.raises(ValueError, match="surrogate"):
        webhooks.Receiver(secret)


@pytest.mark.parametrize("limit", [0, -1, float("nan"), "5", True])
def test_an_age_that_is_none(limit: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="max_age") as caught:
        webhooks.parse(BODY, HEADERS, SECRET, max_age=limit)
    assert not isinstance(caught.value, webhooks.WebhookError)
