"""The fault proxy itself, in front of the plainest of servers: each fault does what its name says."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from faults import FAULTS, FaultProxy, Plan

REPLY = json.dumps({"ok": True, "filler": "x" * 500}).encode()


class Plain(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self):
        self.got: list[bytes] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.server.got.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", str(len(REPLY)))
        self.end_headers()
        self.wfile.write(REPLY)

    def do_GET(self):
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with Plain() as plain:
        thread = threading.Thread(target=plain.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield plain
        plain.shutdown()
        thread.join(5)


class Asker:
    """One plain connection at a time."""

    def __init__(self, port: int, timeout: float = 5):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.connection.close()

    def post(self, key="k", body=b"{}", path="/v1/op/a.b"):
        self.connection.request("POST", path, body, {"Idempotency-Key": key})
        reply = self.connection.getresponse()
        return reply.status, reply.headers, reply.read()


def test_without_a_plan_bytes_pass_unchanged(server):
    with FaultProxy(server.server_port) as proxy, Asker(proxy.port) as asker:
        for n in range(3):
            assert asker.post(body=b"%d" % n)[2] == REPLY
        asker.connection.request("GET", "/")
        assert asker.connection.getresponse().read() == b"hello world"
        assert proxy.connections == 1
    assert server.got == [b"0", b"1", b"2"]
    assert [seen.body for seen in proxy.attempts("k")] == [b"0", b"1", b"2"]


CUTS = ["cut_request", "cut_before", "half_body", "garbage"]


@pytest.mark.parametrize("name", CUTS)
def test_cuts_leave_no_response(server, name):
    plan = Plan(first=(name,))
    with FaultProxy(server.server_port, plan) as proxy:
        with Asker(proxy.port) as asker, pytest.raises((http.client.HTTPException, ConnectionError)):
            asker.post()
        with Asker(proxy.port) as asker:
            assert asker.post()[2] == REPLY
    assert len(server.got) == (2 if FAULTS[name].forwarded else 1)
    assert proxy.faults == Counter({name: 1})


def test_cut_during_ends_within_the_head(server):
    proxy = FaultProxy(server.server_port, Plan(first=("cut_during",)))
    with proxy, socket.create_connection(("127.0.0.1", proxy.port), 5) as sock:
        sock.sendall(b"POST /v1/op/a.b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}")
        got = b"".join(iter(lambda: sock.recv(4096), b""))
    assert got.startswith(b"HTTP/1.1 ")
    assert b"\r\n\r\n" not in got
    assert server.got == [b"{}"]


def test_half_a_body_is_half_of_it(server):
    proxy = FaultProxy(server.server_port, Plan(first=("half_body",)))
    with proxy, Asker(proxy.port) as asker, pytest.raises(http.client.IncompleteRead) as caught:
        asker.post()
    assert caught.value.partial == REPLY[: len(REPLY) // 2]


def test_cut_after_sends_the_response_and_then_disconnects(server):
    with FaultProxy(server.server_port, Plan(first=("cut_after",))) as proxy, Asker(proxy.port) as asker:
        assert asker.post()[2] == REPLY
        assert asker.connection.sock.recv(1) == b""


@pytest.mark.parametrize("name", ["slow_after", "slow_before"])
def test_slow_faults_outlast_the_patience_of_the_client(server, name):
    with FaultProxy(server.server_port, Plan(first=(name,)), delay=0.3) as proxy:
        with Asker(proxy.port, timeout=0.1) as asker, pytest.raises(TimeoutError):
            asker.post()
        assert len(server.got) == (1 if name == "slow_after" else 0)
        end = time.monotonic() + 5
        while not server.got and time.monotonic() < end:
            time.sleep(0.01)
        assert len(server.got) == 1  # slow_before: the server acts when the client has long gone


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.status])
def test_statuses(server, name):
    fault = FAULTS[name]
    proxy = FaultProxy(server.server_port, Plan(first=(name,)), retry_after=7)
    with proxy, Asker(proxy.port) as asker:
        status, headers, body = asker.post()
        assert status == fault.status == json.loads(body)["status"]
        assert (headers["retry-after"] is not None) is bool(fault.retry_after)
        if fault.retry_after == "seconds":
            assert headers["retry-after"] == "7"
        assert asker.post()[0] == 200  # the connection stays
    assert len(server.got) == 1 + fault.forwarded
    assert proxy.connections == 1


def test_refusing_connections(server):
    with FaultProxy(server.server_port) as proxy:
        with Asker(proxy.port) as asker:
            proxy.refuse()
            with pytest.raises(ConnectionRefusedError):
                asker.post()
        proxy.accept()
        with Asker(proxy.port) as asker:
            assert asker.post()[0] == 200
        proxy.refuse()
    assert len(server.got) == 1


def test_refusing_as_a_planned_fault_is_temporary(server):
    with FaultProxy(server.server_port, Plan(first=("refuse",)), closed=0.2) as proxy:
        with Asker(proxy.port) as asker:
            assert asker.post()[0] == 200
        with Asker(proxy.port) as asker, pytest.raises(ConnectionRefusedError):
            asker.post()
        time.sleep(0.3)
        with Asker(proxy.port) as asker:
            assert asker.post()[0] == 200


def test_a_dead_server_is_a_cut_connection(server):
    with FaultProxy(server.server_port) as proxy:
        proxy.target = 9  # discard: nobody listens
        with Asker(proxy.port) as asker, pytest.raises((http.client.HTTPException, ConnectionError)):
            asker.post()
        proxy.target = server.server_port
        with Asker(proxy.port) as asker:
            assert asker.post()[0] == 200


def test_the_plan_depends_on_seed_key_and_attempt_alone():
    plan = Plan.evenly(3, 0.5)
    draws = [plan.draw("/v1/op/a", f"key {n}", attempt) for n in range(500) for attempt in range(3)]
    again = [Plan.evenly(3, 0.5).draw("/v1/op/a", f"key {n}", a) for n in range(500) for a in range(3)]
    assert draws == again
    assert draws != [
        Plan.evenly(4, 0.5).draw("/v1/op/a", f"key {n}", a) for n in range(500) for a in range(3)
    ]
    counts = Counter(draws)
    assert set(counts) == {None, *FAULTS}
    assert 0.44 < counts[None] / len(draws) < 0.56
    assert plan.draw("/healthz", "key 1", 0) is None


def test_a_plan_that_cannot_be():
    with pytest.raises(ValueError, match="more than 1"):
        Plan(faults={"429": 0.7, "500": 0.7})
    with pytest.raises(ValueError, match="unknown"):
        Plan(first=("gremlins",))


def test_it_ends_with_connections_open(server):
    with FaultProxy(server.server_port, Plan(first=("slow_before",)), delay=60) as proxy:
        asker = Asker(proxy.port, timeout=0.05)
        with pytest.raises(TimeoutError):
            asker.post()
        started = time.monotonic()
    assert time.monotonic() - started < 5
    asker.connection.close()
