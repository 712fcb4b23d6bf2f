"""Waiting for orders and jobs, over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.wire import Asked, Reply, Wire, json_reply

from geopera.errors import InvalidInputError, NotFoundError, OperationFailedError, WaitTimeoutError

Serve = Callable[[Callable[[Asked], Reply]], Wire]
Script = list[Any]

QUICK = [0.01]


def scripted(script: Script) -> Callable[[Asked], Reply]:
    """Responds in turn; the last one stays. A number is an error status, an Response is sent as it is."""
    turns = iter(script)
    last: list[Any] = []

    def reply(asked: Asked) -> Reply:
        last[:] = [next(turns, *last)]
        said = last[0]
        if isinstance(said, Reply):
            return said
        if isinstance(said, int):
            return json_reply({"title": "Not now", "status": said}, said)
        return json_reply({"id": "o1", "status": said} if isinstance(said, str) else said)

    return reply


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between the polls, which are not slept."""
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    from geopera._loops import drive as _drive

    class Clock:
        sleep = staticmethod(pauses.append)

    monkeypatch.setattr(_drive, "time", Clock)
    monkeypatch.setattr(_drive, "sleep", pause)
    return pauses


def test_the_default_delays(flavour: Flavour, serve: Serve, slept: list[float]) -> None:
    wire = serve(scripted([*["processing"] * 7, "fulfilled"]))
    client = flavour.client("test-token", wire.url)
    order = flavour(client.orders.get.wait({"order_id": "o1"}))
    assert order["status"] == "fulfilled"
    assert order.id == "o1"
    assert slept == [2, 4, 8, 16, 30, 30, 30]
    assert len(wire.asked) == 8
    assert all(asked.body == {"order_id": "o1"} for asked in wire.asked)


@pytest.mark.parametrize(
    ("id", "body", "end"),
    [
        ("orders.get", {"order_id": "x"}, "fulfilled"),
        ("orders.get", {"order_id": "x"}, "failed"),
        ("orders.get", {"order_id": "x"}, "cancelled"),
        ("processing.job.get", {"job_id": "x"}, "succeeded"),
        ("processing.job.get", {"job_id": "x"}, "failed"),
        ("clip.job.get", {"job_id": "x"}, "succeeded"),
        ("clip.job.get", {"job_id": "x"}, "cancelled"),
    ],
)
def test_end_states_come_from_the_manifest(
    flavour: Flavour, serve: Serve, id: str, body: dict[str, str], end: str
) -> None:
    wire = serve(scripted(["waiting", {"id": "x", "status": end, "error": "clouds"}]))
    op = flavour.client("test-token", wire.url)
    for name in id.split("."):
        op = getattr(op, name)
    assert flavour(op.wait(body, delays=QUICK))["status"] == end
    if end in ("failed", "cancelled"):
        with pytest.raises(OperationFailedError, match=f"{end}.*clouds") as caught:
            flavour(op.wait(body, delays=QUICK, raise_on_failure=True))
        assert caught.value.last["status"] == end
        assert caught.value.operation == id
        assert caught.value.attempts == 1
        assert caught.value.elapsed > 0
    else:
        assert flavour(op.wait(**body, delays=QUICK, raise_on_failure=True))["status"] == end


def test_it_survives_what_passes(flavour: Flavour, serve: Serve) -> None:
    cut = Reply([b'{"id": '], length=1000, cut=True)
    wire = serve(
        scripted(["waiting", 503, 500, cut, 429, Reply(b"", status=502, type="text/html"), "fulfilled"])
    )
    client = flavour.client("test-token", wire.url, max_retries=0)
    assert flavour(client.orders.get.wait(order_id="x", delays=QUICK))["status"] == "fulfilled"
    assert len(wire.asked) == 7


def test_what_does_not_pass_ends_it_at_once(flavour: Flavour, serve: Serve) -> None:
    wire = serve(scripted(["waiting", 404]))
    client = flavour.client("test-token", wire.url)
    with pytest.raises(NotFoundError):
        flavour(client.orders.get.wait(order_id="x", delays=QUICK))
    assert len(wire.asked) == 2


def test_a_timeout_tells_the_last_state(flavour: Flavour, serve: Serve) -> None:
    wire = serve(scripted(["processing"]))
    client = flavour.client("test-token", wire.url)
    started = time.monotonic()
    with pytest.raises(
        WaitTimeoutError, match=r"orders\.get\(order_id='x'\) timed out after 0 s; last status 'processing'"
    ) as caught:
        flavour(client.orders.get.wait(order_id="x", timeout=0.3, delays=[0.1]))
    assert 0.25 < time.monotonic() - started < 5
    assert caught.value.last["status"] == "processing"
    assert caught.value.operation == "orders.get"
    assert isinstance(caught.value, TimeoutError)
    assert len(wire.asked) in (3, 4, 5)


def test_errors_until_the_deadline(flavour: Flavour, serve: Serve) -> None:
    wire = serve(scripted(["processing", 503]))
    client = flavour.client("test-token", wire.url)
    started = time.monotonic()
    with pytest.raises(WaitTimeoutError, match=r"the last call failed: orders\.get: ") as caught:
        flavour(client.orders.get.wait(order_id="x", timeout=0.5, delays=[0.1]))
    assert time.monotonic() - started < 5  # the repeats of a single call keep to the deadline too
    assert caught.value.last["status"] == "processing"
    assert caught.value.status_code in (
        503,
        None,
    )  # None: on a busy machine the last poll is cut by the deadline
    assert caught.value.__cause__ is not None


def test_a_server_that_does_not_respond_does_not_delay_the_deadline(flavour: Flavour, serve: Serve) -> None:
    def reply(asked: Asked) -> Reply:
        if len(wire.asked) > 1:
            time.sleep(4)
        return json_reply({"status": "processing"})

    wire = serve(reply)
    client = flavour.client("test-token", wire.url)
    started = time.monotonic()
    with pytest.raises(WaitTimeoutError) as caught:
        flavour(client.orders.get.wait(order_id="x", timeout=0.4, delays=[0.1]))
    assert time.monotonic() - started < 3
    assert caught.value.last["status"] == "processing"


def test_retry_after_is_kept_to(flavour: Flavour, serve: Serve, slept: list[float]) -> None:
    limited = json_reply({"title": "Slow down", "status": 429}, 429, Retry_After="21")
    wire = serve(scripted([limited, "waiting", "fulfilled"]))
    client = flavour.client("test-token", wire.url, max_retries=0)
    assert flavour(client.orders.get.wait(order_id="x"))["status"] == "fulfilled"
    assert slept == [21, 4]


def test_retry_after_of_a_response_is_honoured_as_well(
    flavour: Flavour, serve: Serve, slept: list[float]
) -> None:
    pending = json_reply({"id": "o1", "status": "waiting"}, Retry_After="21")
    wire = serve(scripted([pending, "waiting", "fulfilled"]))
    client = flavour.client("test-token", wire.url)
    assert flavour(client.orders.get.wait(order_id="x"))["status"] == "fulfilled"
    assert slept == [21, 4]


def test_what_is_changed_in_a_body_meanwhile_is_not_sent(flavour: Flavour, serve: Serve) -> None:
    body = {"order_id": "x"}
    replies = scripted(["waiting", "waiting", "fulfilled"])

    def reply(asked: Asked) -> Reply:
        body["order_id"] = "y"
        return replies(asked)

    wire = serve(reply)
    client = flavour.client("test-token", wire.url)
    flavour(client.orders.get.wait(body, delays=QUICK))
    assert [a.body for a in wire.asked] == [{"order_id": "x"}] * 3


def test_a_retry_after_beyond_the_deadline_ends_it(flavour: Flavour, serve: Serve) -> None:
    wire = serve(scripted(["waiting", json_reply({"title": "Slow down"}, 429, Retry_After="3000")]))
    client = flavour.client("test-token", wire.url)
    with pytest.raises(WaitTimeoutError) as caught:
        flavour(client.orders.get.wait(order_id="x", timeout=60, delays=QUICK))
    assert caught.value.retry_after == 3000
    assert caught.value.last["status"] == "waiting"
    assert len(wire.asked) == 2


def test_a_predicate_for_any_other_operation(flavour: Flavour, serve: Serve) -> None:
    wire = serve(scripted([{"unread": 1}, {"unread": 2}, {"unread": 3}]))
    client = flavour.client("test-token", wire.url)
    found = flavour(client.notifications.unread_count.wait(until=lambda a: a["unread"] > 1, delays=QUICK))
    assert found == {"unread": 2}
    with pytest.raises(TypeError, match=r"notifications\.unread_count.*until"):
        client.notifications.unread_count.wait({})


def test_what_would_change_something_cannot_be_waited_on(flavour: Flavour, serve: Serve) -> None:
    wire = serve(scripted(["x"]))
    client = flavour.client("test-token", wire.url)
    for made in (client.orders.archive.place, client.billing.topup, client.items.delete):
        with pytest.raises(TypeError, match="side effect"):
            made.wait({}, until=lambda reply: True)
    assert wire.asked == []


def test_a_bad_body_is_refused_where_it_is_written(flavour: Flavour, serve: Serve) -> None:
    wire = serve(scripted(["x"]))
    client = flavour.client("test-token", wire.url)
    with pytest.raises(InvalidInputError, match="order_id"):
        client.orders.get.wait({"order": "x"})
    with pytest.raises(ValueError, match="timeout"):
        client.orders.get.wait({"order_id": "x"}, timeout=-1)
    assert wire.asked == []


def test_a_bar(flavour: Flavour, serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    client = flavour.client("test-token", serve(scripted(["processing", "fulfilled"])).url)
    flavour(client.orders.get.wait(order_id="x", delays=QUICK, progress=True))
    shown = capsys.readouterr().err
    assert "orders.get" in shown
    assert "fulfilled" in shown


def test_an_order_and_a_job_of_the_sandbox(flavour: Flavour, client: Any) -> None:
    inputs = {
        "collection": "sentinel-2-l2a",
        "item_ids": ["S2A_MSIL2A_20240115T000241_R030_T56HKH_20240115T012345"],
    }
    order = flavour(client.orders.archive.place({**inputs, "delivery": {"format": "geotiff"}}))
    assert order["status"] == "awaiting_data"
    done = flavour(client.orders.get.wait({"order_id": order["id"]}, timeout=60, delays=[0.05]))
    assert done["status"] == "fulfilled"
    assert done["id"] == order["id"]
    job = flavour(client.processing.create({"job_type": "ndvi", "inputs": inputs}))
    done = flavour(
        client.processing.job.get.wait(
            {"job_id": job["id"]}, timeout=60, delays=[0.05], raise_on_failure=True
        )
    )
    assert done["status"] == "succeeded"
