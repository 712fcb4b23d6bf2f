"""Deliveries: the signature, the shape, the typed event."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import pickle
import subprocess
import sys
from typing import Any

import httpx
import pytest

from geopera import webhooks
from geopera.errors import GeoperaError, WebhookError, WebhookSignatureError

SECRET = "whsec_0123456789abcdef"
FIELDS: dict[str, Any] = {
    "event_id": "evt_1",
    "event_type": "order.fulfilled",
    "timestamp": "2024-01-15T00:02:41.024+00:00",
    "organization_id": "org_1",
    "entity_type": "order",
    "entity_id": "ord_1",
    "data": {"status": "fulfilled", "items": [{"id": "a"}], "note": "é\u2028"},
}


def signed(body: bytes, secret: str = SECRET) -> str:
    """The signature by the documented recipe, apart from the code under test."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def delivery(
    changes: dict[str, Any] | None = None, drop: str = "", **headers: str
) -> tuple[bytes, dict[str, str]]:
    fields = {**FIELDS, **(changes or {})}
    fields.pop(drop, None)
    body = json.dumps(fields).encode()
    return body, {
        "Content-Type": "application/json",
        "X-Geopera-Signature": signed(body),
        "X-Geopera-Event": str(fields.get("event_type")),
        "X-Geopera-Event-ID": str(fields.get("event_id")),
        "X-Geopera-Delivery-ID": "del_1",
        **headers,
    }


def test_a_delivery_becomes_a_typed_event() -> None:
    body, headers = delivery()
    event = webhooks.parse(body, headers, SECRET)
    assert event.event_id == "evt_1"
    assert event.event_type == "order.fulfilled"
    assert event.timestamp == dt.datetime(2024, 1, 15, 0, 2, 41, 24000, tzinfo=dt.UTC)
    assert event.timestamp.tzinfo is not None
    assert event.organization_id == "org_1"
    assert (event.entity_type, event.entity_id) == ("order", "ord_1")
    assert event.delivery_id == "del_1"
    assert event.data["status"] == "fulfilled"
    assert event.data.note == "é\u2028"
    assert event.raw == FIELDS
    assert event == webhooks.parse(body, headers, SECRET)
    assert pickle.loads(pickle.dumps(event)) == event
    assert hash(event) == hash(webhooks.parse(body, headers, SECRET))
    assert "order.fulfilled" in repr(event)
    assert "ord_1" in repr(event)


def test_an_event_is_frozen() -> None:
    event = webhooks.parse(*delivery(), SECRET)
    with pytest.raises(AttributeError, match="frozen"):
        event.event_id = "other"
    with pytest.raises(AttributeError, match="frozen"):
        del event.event_id
    with pytest.raises(AttributeError):
        event.other = 1  # type: ignore[attr-defined]


def forms(headers: dict[str, str]) -> dict[str, Any]:
    return {
        "lower case": {k.lower(): v for k, v in headers.items()},
        "upper case": {k.upper(): v for k, v in headers.items()},
        "httpx": httpx.Headers(headers),
        "pairs": list(headers.items()),
        "tuple of pairs": tuple(headers.items()),
        "generator": ((k, v) for k, v in headers.items()),
        "asgi": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        "wsgi": {"HTTP_" + k.upper().replace("-", "_"): v for k, v in headers.items()},
        "lists": {k: [v] for k, v in headers.items()},
    }


@pytest.mark.parametrize("form", list(forms({})))
def test_headers_of_all_frameworks(form: str) -> None:
    body, headers = delivery()
    assert webhooks.parse(body, forms(headers)[form], SECRET).delivery_id == "del_1"


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview, lambda b: b.decode()])
def test_bodies_of_all_types(form: Any) -> None:
    body, headers = delivery()
    assert webhooks.parse(form(body), headers, SECRET).event_id == "evt_1"


@pytest.mark.parametrize("body", [None, 5, {}, [1, 2]])
def test_a_body_that_was_parsed_or_is_none_is_a_mistake_of_the_caller(body: Any) -> None:
    with pytest.raises(TypeError, match=f"the raw bytes, not a {type(body).__name__}"):
        webhooks.parse(body, delivery()[1], SECRET)


def test_text_without_bytes_is_no_delivery() -> None:
    with pytest.raises(WebhookError, match="not UTF-8"):
        webhooks.parse("\ud800", delivery()[1], SECRET)


@pytest.mark.parametrize(
    "secret",
    [SECRET, SECRET.encode(), ["whsec_new_0123456789", SECRET], (SECRET.encode(), "x" * 16), {SECRET}],
)
def test_secrets(secret: Any) -> None:
    assert webhooks.parse(*delivery(), secret).event_id == "evt_1"


@pytest.mark.parametrize("secret", ["", b"", [], [""], [SECRET, ""], None, 5])
def test_no_secret_is_never_taken_for_one(secret: Any) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        webhooks.parse(*delivery(), secret)
    assert not isinstance(caught.value, WebhookError)


BODY, HEADERS = delivery()
GOOD = HEADERS["X-Geopera-Signature"]


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        GOOD.removeprefix("sha256="),
        GOOD[:-1],
        GOOD + "0",
        GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1"),
        GOOD.replace("sha256", "sha1"),
        signed(BODY, "whsec_other_0123456789"),
        signed(BODY + b" "),
        "sha256=é",
        "sha256=" + "0" * 64,
    ],
)
def test_a_wrong_signature_is_refused(signature: str) -> None:
    with pytest.raises(WebhookSignatureError, match="do not act on it") as caught:
        webhooks.parse(BODY, {**HEADERS, "X-Geopera-Signature": signature}, SECRET)
    assert SECRET not in str(caught.value)
    assert GOOD not in str(caught.value)
    assert isinstance(caught.value, WebhookError)
    assert isinstance(caught.value, GeoperaError)


def test_a_missing_signature_is_refused() -> None:
    headers = {k: v for k, v in HEADERS.items() if k != "X-Geopera-Signature"}
    with pytest.raises(WebhookSignatureError, match="no x-geopera-signature"):
        webhooks.parse(BODY, headers, SECRET)


def test_other_headers_may_stand_there_twice() -> None:
    pairs = [*HEADERS.items(), ("Accept", "a"), ("accept", "b")]
    assert webhooks.parse(BODY, pairs, SECRET)


def test_two_signatures_are_refused() -> None:
    pairs = [*HEADERS.items(), ("x-geopera-signature", signed(b"other"))]
    with pytest.raises(WebhookSignatureError, match="two different"):
        webhooks.parse(BODY, pairs, SECRET)


def test_a_changed_body_is_refused() -> None:
    with pytest.raises(WebhookSignatureError):
        webhooks.parse(BODY.replace(b"ord_1", b"ord_2"), HEADERS, SECRET)


def test_the_signature_in_upper_case_is_the_same_number() -> None:
    assert webhooks.parse(
        BODY, {**HEADERS, "X-Geopera-Signature": GOOD.upper().replace("SHA256", "sha256")}, SECRET
    )


def test_the_comparison_is_the_constant_time_one(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    real = hmac.compare_digest

    def counted(a: Any, b: Any) -> bool:
        calls.append(1)
        return real(a, b)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    webhooks.parse(BODY, HEADERS, [SECRET, "whsec_other_0123456789", "whsec_third_0123456789"])
    assert len(calls) == 3  # all are tried, whichever fits


@pytest.mark.parametrize(
    "name", ["event_id", "event_type", "timestamp", "organization_id", "entity_type", "entity_id"]
)
@pytest.mark.parametrize("value", ["missing", None, 5, "", {}])
def test_a_wrong_shape_is_refused(name: str, value: Any) -> None:
    body, headers = delivery(
        {} if value == "missing" else {name: value}, drop=name if value == "missing" else ""
    )
    headers.pop("X-Geopera-Event")
    headers.pop("X-Geopera-Event-ID")
    with pytest.raises(WebhookError, match=name) as caught:
        webhooks.parse(body, headers, SECRET)
    assert not isinstance(caught.value, WebhookSignatureError)


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"null", b'"text"', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookError) as caught:
        webhooks.parse(body, {"x-geopera-signature": signed(body)}, SECRET)
    assert not isinstance(caught.value, WebhookSignatureError)


@pytest.mark.parametrize("value", ["yesterday", "2024-01-15T00:00:00", "2024-13-01T00:00:00Z"])
def test_a_time_without_an_offset_or_sense_is_refused(value: str) -> None:
    with pytest.raises(WebhookError, match="timestamp"):
        webhooks.parse(*delivery({"timestamp": value}), SECRET)


@pytest.mark.parametrize("data", [[], "x", 5])
def test_data_is_an_object(data: Any) -> None:
    with pytest.raises(WebhookError, match="data"):
        webhooks.parse(*delivery({"data": data}), SECRET)


def test_what_may_be_left_out() -> None:
    body, headers = delivery({"data": None, "more": 1})
    for name in ("X-Geopera-Event", "X-Geopera-Event-ID", "X-Geopera-Delivery-ID"):
        headers.pop(name)
    event = webhooks.parse(body, headers, SECRET)
    assert event.data == {}
    assert event.delivery_id is None
    assert event.raw["more"] == 1


@pytest.mark.parametrize("header", ["X-Geopera-Event", "X-Geopera-Event-ID"])
def test_headers_that_contradict_the_body_are_refused(header: str) -> None:
    body, headers = delivery()
    with pytest.raises(WebhookError, match=header.lower()):
        webhooks.parse(body, {**headers, header: "other"}, SECRET)


@pytest.mark.parametrize("headers", [None, 5, "text", [1, 2]])
def test_headers_that_are_none(headers: Any) -> None:
    with pytest.raises(WebhookError):
        webhooks.parse(BODY, headers, SECRET)


@pytest.mark.parametrize("value", [[GOOD, signed(b"other")], [], ["a", "b"]])
def test_a_list_of_several_values_is_no_signature(value: list[str]) -> None:
    with pytest.raises(WebhookSignatureError):
        webhooks.parse(BODY, {**HEADERS, "X-Geopera-Signature": value}, SECRET)  # type: ignore[dict-item]


@pytest.mark.parametrize("headers", [None, 5, "text", [1, 2]])
def test_the_message_names_what_the_headers_are(headers: Any) -> None:
    with pytest.raises(WebhookError, match=f"neither a mapping nor pairs: {type(headers).__name__}"):
        webhooks.parse(BODY, headers, SECRET)


def test_sign_makes_what_parse_takes() -> None:
    assert webhooks.sign(BODY, SECRET) == GOOD == webhooks.sign(BODY.decode(), SECRET.encode())


def test_receiving_needs_neither_the_transport_nor_the_models() -> None:
    code = (
        "import sys, json; from geopera import webhooks\n"
        f"body = {BODY!r}\n"
        f"assert webhooks.parse(body, {{'X-Geopera-Signature': webhooks.sign(body, {SECRET!r})}}, {SECRET!r}).event_id == 'evt_1'\n"
        "bad = {'httpx', 'pydantic', 'jsonschema', 'asyncio', 'ssl'} & set(sys.modules)\n"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
