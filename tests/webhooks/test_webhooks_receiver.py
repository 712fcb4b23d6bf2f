"""`Receiver`: statuses, repeats, handlers, and the frameworks that it is mounted in."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from helpers.flavour import Flavour
from webhooks.test_webhooks_parse import FIELDS, SECRET, delivery, signed

from geopera import webhooks
from geopera.webhooks.adapters import MOST_BYTES

Receiver = webhooks.Receiver


def receive(flavour: Flavour, receiver: Receiver, body: bytes, headers: Any) -> int:
    made: Any = receiver.areceive(body, headers) if flavour.asynchronous else receiver.receive(body, headers)
    status: int = flavour(made)
    return status


def event(number: int, type: str = "order.fulfilled") -> tuple[bytes, dict[str, str]]:
    return delivery({"event_id": f"evt_{number}", "event_type": type})


def test_handlers_are_called_by_type_and_pattern(flavour: Flavour) -> None:
    receiver, called = Receiver(SECRET), []

    @receiver.on("order.fulfilled", "order.failed")
    def exact(event: webhooks.WebhookEvent) -> None:
        called.append(("exact", event.event_type))

    @receiver.on("order.*")
    async def pattern(event: webhooks.WebhookEvent) -> None:
        await asyncio.sleep(0)
        called.append(("pattern", event.event_type))

    for number, name in enumerate(("order.fulfilled", "order.placed", "processing.job.succeeded")):
        assert receive(flavour, receiver, *event(number, name)) == 204
    assert called == [
        ("exact", "order.fulfilled"), ("pattern", "order.fulfilled"), ("pattern", "order.placed"),
    ]  # fmt: skip


@pytest.mark.parametrize("patterns", [(), (5,), (None,), (print,)])
def test_a_handler_names_its_types(patterns: Any) -> None:
    with pytest.raises(TypeError, match="event types"):
        Receiver(SECRET).on(*patterns)


def test_a_handler_stays_the_function_that_it_is() -> None:
    receiver = Receiver(SECRET)

    @receiver.on("*")
    def handler(event: webhooks.WebhookEvent) -> str:
        return event.event_id

    assert callable(handler)
    assert handler(webhooks.parse(*event(1), SECRET)) == "evt_1"


def test_an_async_handler_runs_in_the_loop_and_another_one_in_a_thread_of_its_own() -> None:
    receiver, threads = Receiver(SECRET, seen=set()), dict[str, int]()

    @receiver.on("*")
    async def in_the_loop(event: webhooks.WebhookEvent) -> None:
        threads["async"] = threading.get_ident()

    class Callable:
        async def __call__(self, event: webhooks.WebhookEvent) -> None:
            threads["callable"] = threading.get_ident()

    @receiver.on("*")
    def blocking(event: webhooks.WebhookEvent) -> None:
        threads["sync"] = threading.get_ident()

    receiver.on("*")(Callable())
    assert asyncio.run(receiver.areceive(*event(1))) == 204
    here = threading.get_ident()
    assert threads["async"] == threads["callable"] == here != threads["sync"]


def test_a_store_that_blocks_does_not_block_the_event_loop() -> None:
    threads: list[int] = []

    class Database:
        def add(self, event_id: str) -> bool:
            threads.append(threading.get_ident())
            return True

    class Memory(set[str]):
        def add(self, event_id: str) -> None:
            threads.append(threading.get_ident())
            super().add(event_id)

    for store in (Database(), Memory()):
        assert asyncio.run(Receiver(SECRET, seen=store).areceive(*event(1))) == 204
    assert threads[0] != threading.get_ident() == threads[1]


def test_the_last_ids_of_this_process_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    from geopera.webhooks import receiver as module

    monkeypatch.setattr(module, "_REMEMBERED", 3)
    recent = module._Recent()
    assert [recent.add(name) for name in ("a", "b", "a", "c")] == [True, True, False, True]
    assert [name in recent for name in "abc"] == [True, True, True]
    assert recent.add("d")
    assert [name in recent for name in "abcd"] == [False, True, True, True]


class Kept:
    """A store of ids that is no set: it says whether an id is new, and has nothing else."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def add(self, event_id: str) -> bool:
        new = event_id not in self.ids
        self.ids.append(event_id)
        return new


@pytest.mark.parametrize("seen", [None, set, Kept])
def test_a_repeated_event_is_handled_once_and_a_failed_one_again(
    flavour: Flavour, seen: Any, caplog: pytest.LogCaptureFixture
) -> None:
    store = seen and seen()
    receiver, called = Receiver(SECRET, seen=store), []

    @receiver.on("*")
    def handler(event: webhooks.WebhookEvent) -> None:
        called.append(event.event_id)
        if len(called) == 1:
            raise RuntimeError("the disk is full")

    assert receive(flavour, receiver, *event(1)) == 500
    assert not getattr(store, "ids", store)
    assert "the disk is full" in caplog.text
    assert [receive(flavour, receiver, *event(1)) for _ in range(3)] == [204] * 3
    assert called == ["evt_1"] * 2
    if store is not None:
        assert list(getattr(store, "ids", store)) == ["evt_1"]


def test_a_shared_store_keeps_a_second_receiver_from_handling(flavour: Flavour) -> None:
    store: set[str] = set()
    called: list[int] = []
    for number in range(2):
        receiver = Receiver(SECRET, seen=store)
        receiver.on("*")(lambda event, number=number: called.append(number))
        assert receive(flavour, receiver, *event(1)) == 204
    assert called == [0]


def test_forged_and_malformed_deliveries_use_up_no_event_id(flavour: Flavour) -> None:
    store: set[str] = set()
    receiver = Receiver(SECRET, seen=store, max_age=3600)
    body, headers = event(1)
    assert receive(flavour, receiver, body, {**headers, "X-Geopera-Signature": signed(b"other")}) == 401
    assert receive(flavour, receiver, body, {}) == 401
    assert receive(flavour, receiver, body, headers) == 400  # too old
    assert receive(flavour, receiver, b"[]", {"X-Geopera-Signature": signed(b"[]")}) == 400
    assert store == set()


def test_an_event_under_way_is_not_handled_twice_nor_acknowledged() -> None:
    receiver, began, go = Receiver(SECRET), threading.Event(), threading.Event()
    statuses: list[int] = []

    @receiver.on("*")
    def slow(event: webhooks.WebhookEvent) -> None:
        began.set()
        assert go.wait(10)

    thread = threading.Thread(target=lambda: statuses.append(receiver.receive(*event(1))))
    thread.start()
    assert began.wait(10)
    assert receiver.receive(*event(1)) == 409
    go.set()
    thread.join(10)
    assert statuses == [204]
    assert receiver.receive(*event(1)) == 204


def test_a_receiver_shows_no_secret() -> None:
    receiver = Receiver([SECRET, "whsec_other_0123456789"])
    shown = repr(receiver) + repr(vars(receiver)) + str(receiver)
    assert "whsec" not in shown
    assert "***" in shown


# Frameworks.


def posts(client: httpx.Client, path: str) -> list[int]:
    good, bad = event(1), event(2)
    bad[1]["X-Geopera-Signature"] = signed(b"other")
    replies = [
        client.post(path, content=good[0], headers=good[1]),
        client.post(path, content=good[0], headers=good[1]),
        client.post(path, content=bad[0], headers=bad[1]),
        client.post(path, content=b" " * (MOST_BYTES + 1), headers=good[1]),
        client.get(path),
    ]
    return [reply.status_code for reply in replies]


EXPECTED = [204, 204, 401, 413, 405]


@pytest.fixture
def receiver() -> Receiver:
    made = Receiver(SECRET)
    made.on("order.*")(CALLED.append)
    CALLED.clear()
    return made


CALLED: list[Any] = []


def test_in_starlette(receiver: Receiver) -> None:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    app = Starlette(routes=[Mount("/hooks", app=receiver.asgi())])

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            good, bad = event(1), event(2)
            bad[1]["X-Geopera-Signature"] = signed(b"other")
            large = b" " * (MOST_BYTES + 1)
            sent = [(*good,), (*good,), (*bad,), (large, good[1])]
            found = [(await client.post("/hooks/", content=b, headers=h)).status_code for b, h in sent]
            return [*found, (await client.get("/hooks/")).status_code]

    assert asyncio.run(ask()) == EXPECTED
    assert [one.event_id for one in CALLED] == ["evt_1"]


def test_a_body_in_pieces_and_one_that_ends_early(receiver: Receiver) -> None:
    body, headers = event(1)
    scope = {
        "type": "http",
        "method": "POST",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }

    def run(*messages: dict[str, Any]) -> list[int]:
        waiting, sent = list(messages), []

        async def take() -> Any:
            return waiting.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(receiver.asgi()(scope, take, send))
        return [message["status"] for message in sent if "status" in message]

    pieces = [
        {"type": "http.request", "body": body[at : at + 50], "more_body": at + 50 < len(body)}
        for at in range(0, len(body), 50)
    ]
    assert run(pieces[0], {"type": "http.disconnect"}) == []
    assert run(*pieces) == [204]
    assert len(CALLED) == 1


def test_in_flask(receiver: Receiver) -> None:
    flask = pytest.importorskip("flask")
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    app = flask.Flask("test")
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/hooks": receiver.wsgi()})
    with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://test") as client:
        assert posts(client, "/hooks") == EXPECTED
    assert [one.event_id for one in CALLED] == ["evt_1"]


def test_in_django(receiver: Receiver) -> None:
    django = pytest.importorskip("django")
    from django.conf import settings

    if not settings.configured:
        settings.configure(DEFAULT_CHARSET="utf-8", ALLOWED_HOSTS=["*"], DATA_UPLOAD_MAX_MEMORY_SIZE=None)
        django.setup()
    from django.test import RequestFactory

    view: Callable[..., Any] = receiver.django()
    assert view.csrf_exempt is True  # type: ignore[attr-defined]
    body, headers = event(1)
    made = {"HTTP_" + k.upper().replace("-", "_"): v for k, v in headers.items() if k != "Content-Type"}
    factory = RequestFactory()
    assert view(factory.post("/hooks", body, "application/json", **made)).status_code == 204
    assert view(factory.post("/hooks", body + b" ", "application/json", **made)).status_code == 401
    assert view(factory.get("/hooks")).status_code == 405
    assert json.loads(body)["event_id"] == CALLED[0].event_id == "evt_1"
    assert FIELDS["event_id"] == "evt_1"
