"""The gate before the pools of httpx: its slots, and requests that wait for one or hold one, in threads and in tasks."""

from __future__ import annotations

import asyncio
import importlib
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers.raw import response

from geopera import Geopera, errors
from geopera._transport import gate as gates
from geopera._transport.gate import Gate, Slot

TOKEN = "token-for-tests"
READ = {"order_id": "o"}
pytestmark = pytest.mark.filterwarnings("ignore::geopera.errors.ResponseMismatchWarning")


def one_connection(http_library, **options):
    library = importlib.import_module(http_library)
    return {
        "http_library": http_library,
        "httpx_args": {"limits": library.Limits(max_connections=1, max_keepalive_connections=1)},
        "timeout": library.Timeout(20, pool=options.pop("pool", 20)),
        "rate_limit": None,
        "max_retries": 0,
        **options,
    }


def reply(connection, seen):
    connection.send(response({"id": "o"}))


def silent(connection, seen):
    connection.over.wait(20)


def lines(connection, seen):
    if seen.operation != "catalog.search_stream":
        return reply(connection, seen)
    body = b'{"type": "Feature", "id": "a"}\n' * 2000
    return connection.send(response(body=body, content_type="application/x-ndjson"))


@pytest.mark.slow
def test_threads_that_wait_get_no_connection_of_another(http_library, serve_raw):
    """httpx alone closes about one connection in a hundred under the thread that uses it."""
    server = serve_raw(reply)
    library = importlib.import_module(http_library)
    limits = library.Limits(max_connections=2, max_keepalive_connections=2)
    options = one_connection(http_library, httpx_args={"limits": limits})
    failed: list[BaseException] = []

    with Geopera(TOKEN, server.url, **options) as client:

        def work():
            try:
                for _ in range(100):
                    client.orders.get(READ)
            except errors.GeoperaError as exc:
                failed.append(exc)

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert failed == []
    assert server.connections <= 2


@pytest.mark.parametrize("operation", ["orders.get", "orders.archive.place"])
def test_a_pool_never_has_more_requests_than_connections(http_library, serve_raw, monkeypatch, operation):
    server = serve_raw(reply)
    library = importlib.import_module(http_library)
    send, most, now, lock = library.Client.send, [0], [0], threading.Lock()

    def counted(self, *args, **options):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        try:
            return send(self, *args, **options)
        finally:
            with lock:
                now[0] -= 1

    monkeypatch.setattr(library.Client, "send", counted)
    with Geopera(TOKEN, server.url, **one_connection(http_library)) as client:

        def work():
            for _ in range(10):
                client.invoke(operation, READ if operation == "orders.get" else {"collection": "c"})

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert len(server.seen) == 40
    assert most == [1]


def test_closing_wakes_those_that_wait(http_library, serve_raw):
    """Also if the request that holds the connection does not end: it is stopped in a hook of the caller's."""
    server = serve_raw(reply)
    held, released = threading.Event(), threading.Event()

    def hook(request):
        held.set()
        released.wait(20)

    client = Geopera(TOKEN, server.url, on_request=hook, **one_connection(http_library))
    caught: list[tuple[errors.GeoperaError, float]] = []

    def work():
        try:
            client.orders.archive.place(collection="c")
        except errors.GeoperaError as exc:
            caught.append((exc, time.monotonic()))

    holder = threading.Thread(target=work)
    holder.start()
    assert held.wait(10)
    waiting = [threading.Thread(target=work) for _ in range(3)]
    for thread in waiting:
        thread.start()
    time.sleep(0.2)
    closed = time.monotonic()
    client.close()
    for thread in waiting:
        thread.join(10)
    ended = list(caught)
    released.set()
    holder.join(10)
    assert [type(exc) for exc, _ in ended] == [errors.APIConnectionError] * 3
    assert not any(exc.may_have_acted for exc, _ in ended)
    assert all(when - closed < 2 for _, when in ended)
    assert server.seen == []


def test_a_deadline_ends_the_wait_and_nothing_is_sent(flavour, http_library, serve_raw):
    server = serve_raw(silent)
    options = one_connection(http_library)
    waited: list[float] = []

    def judge(exc, started):
        waited.append(time.monotonic() - started)
        assert not exc.may_have_acted

    async def main():
        client = flavour.client(TOKEN, server.url, **options)
        holder = asyncio.ensure_future(
            client.with_options(total_timeout=10).orders.archive.place(collection="c")
        )
        while not server.seen:
            await asyncio.sleep(0.01)
        started = time.monotonic()
        with pytest.raises(errors.APITimeoutError) as caught:
            await client.with_options(total_timeout=0.3).orders.archive.place(collection="c")
        judge(caught.value, started)
        await client.aclose()
        await asyncio.gather(holder, return_exceptions=True)

    def blocking():
        client = flavour.client(TOKEN, server.url, **options)

        def hold():
            with pytest.raises(errors.GeoperaError):
                client.with_options(total_timeout=10).orders.archive.place(collection="c")

        holder = threading.Thread(target=hold)
        holder.start()
        while not server.seen:
            time.sleep(0.01)
        started = time.monotonic()
        with pytest.raises(errors.APITimeoutError) as caught:
            client.with_options(total_timeout=0.3).orders.archive.place(collection="c")
        judge(caught.value, started)
        client.close()
        holder.join(10)

    asyncio.run(main()) if flavour.asynchronous else blocking()
    assert 0.2 < waited[0] < 3
    assert len(server.seen) == 1


def test_a_call_that_was_given_up_frees_its_slot(http_library, serve_raw):
    """Its thread ends by itself, after the caller has gone."""
    server = serve_raw(
        lambda connection, seen: silent(connection, seen) if seen.number < 3 else reply(connection, seen)
    )
    with Geopera(TOKEN, server.url, **one_connection(http_library, pool=5)) as client:
        for _ in range(3):
            with pytest.raises(errors.APITimeoutError):
                client.with_options(total_timeout=0.1).orders.get(READ)
        assert client.orders.archive.place(collection="c")["id"] == "o"  # the same gate


@pytest.mark.parametrize("how", ["read", "closed", "dropped"])
def test_a_stream_frees_its_slot_when_it_is_closed(http_library, serve_raw, how):
    server = serve_raw(lines)
    with Geopera(TOKEN, server.url, **one_connection(http_library, pool=0.2)) as client:
        stream = iter(client.catalog.search_stream(host_name="h"))
        next(stream)
        with pytest.raises(errors.APITimeoutError, match="pool timeout"):
            client.orders.get(READ)
        if how == "read":
            assert sum(1 for _ in stream) == 1999
        elif how == "closed":
            stream.close()
        del stream
        assert client.orders.get(READ)["id"] == "o"


def test_transports_and_clients_of_the_callers_have_no_gate(http_library, serve_raw):
    library = importlib.import_module(http_library)
    server = serve_raw(reply)
    mine, transport = library.Client(base_url=server.url), library.HTTPTransport()
    given = Geopera(TOKEN, server.url, http_library=http_library)
    given.client.set_httpx_client(mine)
    own = Geopera(TOKEN, server.url, http_library=http_library, httpx_args={"transport": transport})
    unlimited = Geopera(
        TOKEN,
        server.url,
        http_library=http_library,
        httpx_args={"limits": library.Limits(max_connections=None)},
    )
    for client in (given, own, unlimited):
        assert client.client._sync()._gates == (None, None)
        assert client.orders.get(READ)["id"] == "o"
        client.close()
    mine.close()
    transport.close()


# The gate by itself.


def free(gate, places):
    """Whether exactly so many slots can be entered at once."""
    slots = [Slot(gate) for _ in range(places + 1)]
    entered = [slot.enter(0) for slot in slots]
    for slot in slots:
        slot.leave()
    return entered == [True] * places + [False]


def test_slots_are_served_in_the_order_of_arrival():
    gate, order = Gate(1), []
    first = Slot(gate)
    assert first.enter(0)
    threads = []
    for number in range(5):

        def work(number=number):
            slot = Slot(gate)
            assert slot.enter(10)
            order.append(number)
            slot.leave()

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        while len(gate._waiting) <= number:
            time.sleep(0.001)
    first.leave()
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2, 3, 4]
    assert free(gate, 1)


def test_a_wait_without_end_and_leaving_twice():
    gate = Gate(1)
    first, second = Slot(gate), Slot(gate)
    assert first.enter(None)
    threading.Timer(0.05, first.leave).start()
    assert second.enter(None)
    for _ in range(2):
        first.leave()
        second.leave()
    assert free(gate, 1)


@pytest.mark.parametrize("places", [1, 2])
def test_an_interrupt_at_any_line_loses_no_slot(places):
    """A KeyboardInterrupt may come between any two lines; `leave` is called once more then, as after each request.

    In a thread of its own: an exception raised by a trace function leaves CPython's record of the handled one behind.
    """
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(interrupts, places).result() > 40


def interrupts(places):
    interrupted = 0
    for number in range(200):
        gate, count, raised = Gate(places), [0], [False]
        others = [Slot(gate) for _ in range(places)]
        for slot in others:
            slot.enter(0)

        def trace(frame, event, argument, *, number=number, count=count, raised=raised):
            if frame.f_code.co_filename != gates.__file__:
                return None
            if event == "line" and not raised[0]:
                count[0] += 1
                if count[0] > number:
                    raised[0] = True
                    raise KeyboardInterrupt
            return trace

        slot, before = Slot(gate), sys.gettrace()
        sys.settrace(trace)
        try:
            slot.enter(0)  # nothing is free
            slot.leave()
            others[0].leave()
            slot.enter(0)
            slot.leave()
        except KeyboardInterrupt:
            interrupted += 1
        finally:
            sys.settrace(before)
            for one in (slot, *others):
                one.leave()
        assert free(gate, places), number
        if not raised[0]:
            break
    else:
        pytest.fail("the steps never ended")
    return interrupted


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals to a thread")
def test_an_interrupt_ends_a_wait(http_library, serve_raw):
    """Control-C while a call waits for a connection, which is free again afterwards for others."""
    free = threading.Event()
    server = serve_raw(lambda connection, seen: free.wait(20) and reply(connection, seen))
    with Geopera(TOKEN, server.url, **one_connection(http_library)) as client:
        holder = threading.Thread(target=lambda: client.orders.get(READ))
        holder.start()
        while not server.seen:
            time.sleep(0.01)
        main = threading.main_thread().ident
        gate = client.client._sync()._gates[0]

        def interrupt():
            while not gate.wanted:
                time.sleep(0.01)
            signal.pthread_kill(main, signal.SIGINT)

        # Whatever an earlier test has left in its place.
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Thread(target=interrupt, daemon=True).start()
        try:
            with pytest.raises(KeyboardInterrupt):
                client.orders.get(READ)
        finally:
            signal.signal(signal.SIGINT, handler)
            free.set()
        holder.join(10)
        assert client.orders.get(READ)["id"] == "o"
        assert len(server.seen) == 2


def test_a_forked_child_does_not_wait_for_a_lock_of_its_parent():
    gate = Gate(1)
    slot = Slot(gate)
    slot.enter(0)
    gate._process = -1  # as if the process was a child
    locked, over = threading.Event(), threading.Event()

    def hold():
        with gate._lock:
            locked.set()
            over.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert locked.wait(10)
    leaving = threading.Thread(target=slot.leave)
    leaving.start()
    leaving.join(2)
    ended = not leaving.is_alive()
    over.set()
    holder.join(10)
    leaving.join(10)
    assert ended
