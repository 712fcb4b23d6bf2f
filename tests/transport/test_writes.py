"""A request leaves in one write; what is read, and what goes wrong, is as without that."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpcore
import pytest
from helpers.flavour import Flavour

from geopera._transport.writes import KEPT, AsyncOneWriteStream, OneWriteStream

ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{"enabled":true'


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """A server that notes what each of its first reads brought, and answers once."""
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(10)
                    got.append(connection.recv(1_000_000))
                    connection.sendall(ANSWER.replace(b"15", b"16") + b"}")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", got
    thread.join(10)


def test_head_and_body_arrive_together(listener: tuple[str, list[bytes]], flavour: Flavour) -> None:
    url, got = listener
    client = flavour.client(token="test-token", base_url=url, max_retries=0)
    flavour(client.billing.auto_topup.get())
    assert got[0].startswith(b"POST /v1/op/billing.auto_topup.get HTTP/1.1\r\n")
    assert got[0].endswith(b"\r\n\r\n{}")


class Recorded:
    """A stream that notes what is done with it, in both flavours."""

    def __init__(self, *, broken: bool = False) -> None:
        self.done: list[Any] = []
        self.broken = broken

    def note(self, *what: Any) -> None:
        self.done.append(what)
        if self.broken and what[0] == "write":
            raise httpcore.WriteError("the other side hung up")


class Blocking(Recorded, httpcore.NetworkStream):
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.note("write", buffer, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.note("read", timeout)
        return b"answer"


class Awaited(Recorded, httpcore.AsyncNetworkStream):
    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.note("write", buffer, timeout)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.note("read", timeout)
        return b"answer"


def pair(flavour: Flavour, **options: Any) -> tuple[Any, Recorded]:
    if flavour.asynchronous:
        inner = Awaited(**options)
        return AsyncOneWriteStream(inner), inner
    blocking = Blocking(**options)
    return OneWriteStream(blocking), blocking


def test_writes_are_kept_until_something_is_read(flavour: Flavour) -> None:
    stream, inner = pair(flavour)
    flavour(stream.write(b"head ", 1.0))
    flavour(stream.write(b"body", 2.0))
    assert inner.done == []
    assert flavour(stream.read(10, 3.0)) == b"answer"
    assert inner.done == [("write", b"head body", 2.0), ("read", 3.0)]
    flavour(stream.read(10, 3.0))
    assert inner.done[2:] == [("read", 3.0)]


def test_a_large_body_goes_on_as_it_comes(flavour: Flavour) -> None:
    stream, inner = pair(flavour)
    flavour(stream.write(b"head ", 1.0))
    flavour(stream.write(b"x" * KEPT, 1.0))
    assert inner.done == [("write", b"head " + b"x" * KEPT, 1.0)]


def test_an_answer_that_came_before_the_write_failed_is_read(flavour: Flavour) -> None:
    stream, _ = pair(flavour, broken=True)
    flavour(stream.write(b"head", 1.0))
    assert flavour(stream.read(10, 3.0)) == b"answer"
