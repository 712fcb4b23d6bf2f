"""A function as ``token=``: asked once, kept, and asked again at its end and after a 401."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from helpers.flavour import Flavour
from helpers.wire import Asked, Reply, Wire, feature, json_reply

import geopera
from geopera.errors import AuthenticationError
from geopera.types import Token

Serve = Callable[..., Wire]
ORDER = {"collection": "c", "item_ids": ["i"]}


class Vault:
    """Hands out token-1, token-2, …; the server takes the newest alone."""

    def __init__(self, end: Any = None, delay: float = 0.0) -> None:
        self.asked = 0
        self.end = end
        self.delay = delay

    def __call__(self) -> Any:
        time.sleep(self.delay)
        self.asked += 1
        token = f"token-{self.asked}-0123456789"
        return token if self.end is None else (token, self.end() if callable(self.end) else self.end)

    async def later(self) -> Any:
        await asyncio.sleep(0)
        return self()


class Server:
    """Refuses every token but `valid`."""

    def __init__(self, serve: Serve, response: Callable[[Asked], Reply] | None = None) -> None:
        self.valid = "token-1-0123456789"
        self.response = response or (lambda asked: json_reply({"credits": 5}))
        self.wire = serve(self.reply)

    def reply(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {self.valid}":
            return json_reply({"title": "Unauthorized"}, 401)
        return self.response(asked)

    def sent(self) -> list[str]:
        return [asked.headers["authorization"].removeprefix("Bearer ")[:7] for asked in self.wire.asked]


def function_of(vault: Vault, flavour: Flavour, form: str) -> Any:
    forms = {"function": vault, "method": vault.__call__, "partial": partial(vault), "async": vault.later}
    return forms[form]


@pytest.mark.parametrize("form", ["function", "method", "partial", "async"])
def test_a_function_is_asked_once_and_again_after_a_401(flavour: Flavour, serve: Serve, form: str) -> None:
    if form == "async" and not flavour.asynchronous:
        with pytest.raises(TypeError, match="async"):
            flavour.client(Vault().later, "http://127.0.0.1:9")
        return
    vault, server = Vault(), Server(serve)
    client = flavour.client(function_of(vault, flavour, form), server.wire.url)
    assert vault.asked == 0
    for _ in range(3):
        flavour(client.billing.credits.balance())
    assert (vault.asked, server.sent()) == (1, ["token-1"] * 3)
    server.valid = "token-2-0123456789"
    flavour(client.billing.credits.balance())
    assert (vault.asked, server.sent()[3:]) == (2, ["token-1", "token-2"])
    server.valid = "none of them"
    with pytest.raises(AuthenticationError) as caught:
        flavour(client.billing.credits.balance())
    assert server.sent()[5:] == ["token-2", "token-3"], "sent once more, and no more than that"
    assert caught.value.attempts == 2


def test_a_coroutine_on_the_sync_client_is_refused_before_anything_is_sent(serve: Serve) -> None:
    server = Server(serve)
    with (
        geopera.Geopera(lambda: Vault().later(), server.wire.url) as client,
        pytest.raises(TypeError, match="coroutine"),
    ):
        client.billing.credits.balance()
    assert server.wire.asked == []


@pytest.mark.parametrize("token", ["token-9-0123456789", "X-API-Key"])
def test_a_token_that_stays_is_not_sent_twice(flavour: Flavour, serve: Serve, token: str) -> None:
    server = Server(serve)
    options = {"prefix": "", "auth_header_name": "X-API-Key"} if token == "X-API-Key" else {}
    with pytest.raises(AuthenticationError):
        flavour(flavour.client("token-9-0123456789", server.wire.url, **options).billing.credits.balance())
    assert len(server.wire.asked) == 1


@pytest.mark.parametrize(
    "end",
    [lambda: time.time() + 5, lambda: datetime.now(UTC) + timedelta(seconds=5), lambda: time.time() - 1],
)
def test_a_token_near_its_end_is_replaced_before_the_call(flavour: Flavour, serve: Serve, end: Any) -> None:
    """Near is a quarter of its life, and 30 seconds at most."""
    vault, server = Vault(end), Server(serve)
    client = flavour.client(vault, server.wire.url)
    ended = end() if isinstance(end(), float) and end() < time.time() else None
    flavour(client.billing.credits.balance()) if ended is None else None
    if ended is None:
        client.client._credential.expires_at = time.time() + 1  # four of the five seconds later
        server.valid = "token-2-0123456789"
        flavour(client.billing.credits.balance())
        assert server.sent() == ["token-1", "token-2"]
    else:
        with pytest.raises(AuthenticationError):
            [flavour(client.billing.credits.balance()) for _ in range(2)]
        assert vault.asked >= 2, "a token that has ended already is not kept"


def test_a_token_with_a_far_end_is_kept(flavour: Flavour, serve: Serve) -> None:
    server = Server(serve)
    made = Token("token-1-0123456789", datetime.now(UTC) + timedelta(hours=1))
    asked: list[int] = []
    client = flavour.client(lambda: asked.append(1) or made, server.wire.url)  # type: ignore[func-returns-value]
    for _ in range(3):
        flavour(client.billing.credits.balance())
    assert asked == [1]


def test_an_order_is_sent_once_more_with_its_key_and_its_body(flavour: Flavour, serve: Serve) -> None:
    server = Server(serve, lambda asked: json_reply({"id": "ord_1", "status": "awaiting_data"}))
    server.valid = "token-2-0123456789"
    flavour(flavour.client(Vault(), server.wire.url).orders.archive.place(ORDER))
    first, second = server.wire.asked
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.content == second.content


def test_a_stream_is_begun_once_more(flavour: Flavour, serve: Serve) -> None:
    line = str(feature(1)).replace("'", '"').encode() + b"\n"
    server = Server(serve, lambda asked: Reply(line * 3, type="application/x-ndjson"))
    server.valid = "token-2-0123456789"
    client = flavour.client(Vault(), server.wire.url)
    assert len(flavour.collect(client.catalog.search_stream(host_name="h"))) == 3
    assert server.sent() == ["token-1", "token-2"]


@pytest.mark.usefixtures("no_pauses")
def test_a_download_is_begun_once_more(flavour: Flavour, serve: Serve, tmp_path: Any) -> None:
    server = Server(serve, lambda asked: Reply(b"image", type="image/tiff", length=5))
    server.valid = "token-2-0123456789"
    client = flavour.client(Vault(), server.wire.url)
    flavour(client.clip.job.download.download({"job_id": "j", "mosaic_type": "rgb"}, tmp_path / "a.tif"))
    assert (tmp_path / "a.tif").read_bytes() == b"image"


def test_threads_that_meet_the_same_expired_token_cause_one_renewal(serve: Serve) -> None:
    vault, server = Vault(delay=0.05), Server(serve)
    with geopera.Geopera(vault, server.wire.url) as client, ThreadPoolExecutor(8) as executor:
        client.billing.credits.balance()
        server.valid = "token-2-0123456789"
        barrier = threading.Barrier(8)

        def work(_: int) -> Any:
            barrier.wait(10)
            return client.billing.credits.balance().credits

        assert list(executor.map(work, range(8))) == [5] * 8
    assert vault.asked == 2


@pytest.mark.parametrize("form", ["function", "async"])
def test_tasks_that_meet_the_same_expired_token_cause_one_renewal(serve: Serve, form: str) -> None:
    vault, server = Vault(delay=0.02), Server(serve)

    async def main() -> None:
        async with geopera.AsyncGeopera(
            vault if form == "function" else vault.later, server.wire.url
        ) as client:
            await client.billing.credits.balance()
            server.valid = "token-2-0123456789"
            await asyncio.gather(*(client.billing.credits.balance() for _ in range(8)))

    asyncio.run(main())
    assert vault.asked == 2


def test_a_function_that_raises_is_the_caller_s_own_error(flavour: Flavour, serve: Serve) -> None:
    server = Server(serve)

    def locked() -> str:
        raise PermissionError("the vault is locked")

    with pytest.raises(PermissionError, match="the vault is locked"):
        flavour(flavour.client(locked, server.wire.url).billing.credits.balance())
    assert server.wire.asked == []
