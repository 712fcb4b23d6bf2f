"""The I/O of a call: HTTP clients, and the two loops that drive the steps of `_call.call`.

httpx (or httpx2) does the transport: every request goes through ``Client.send`` or ``AsyncClient.send``. Only the
request is prepared here: its URL and its fixed headers, once for each operation.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from .._auth.credentials import Renew
from .._call.endpoint import Request
from .._call.layers import Layered
from .._call.stops import TotalTimeout
from .._decoding.inflate import BodyCut
from .._drivers import arun, run
from .._secrets.urls import unlogged
from .apart import all_given_up, in_a_task, in_a_thread
from .base import Get, Pool, arguments_of, foreign, made_of
from .bodies import Body, for_sure
from .entry import Entry
from .gate import Slot
from .redirects import MOST, BadRedirect, bad_redirect, destination, following, origin
from .spent import Spent, closed
from .streams import Watch, running_loop

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractAsyncContextManager

    import httpx

    from .._call.endpoint import Reply
    from .gate import Gate
    from .guard import Reception
    from .settings import Connection


class SyncPool(Pool):
    """The pool of sync calls."""

    __slots__ = ()

    def send(self, request: Request | Get) -> Reply:
        built = self.build(request)
        watch = None if request.deadline is None else Watch(self._streams)
        sent = False
        slot: Slot | None = None
        try:
            self._cut(built, request.deadline)
            client, gate = self._client_for(request)
            slot = Slot(gate)
            if not slot.enter(built.extensions["timeout"].get("pool")) or self.closed:
                raise self._not_entered(request)
            sent = True
            if watch is None:
                built.extensions["trace"] = self._streams.note
                return self._exchange(client, built, request, slot)
            built.extensions["trace"] = watch.note
            assert request.deadline is not None
            work = partial(self._exchange, client, built, request, slot)
            reply: Reply = in_a_thread(work, watch, request.deadline)
            return reply
        except BaseException as exc:
            # A request that was given up keeps its connection, and so its slot, until its thread ends.
            if slot is not None and not (watch is not None and watch.given_up):
                slot.leave()
            request.place = self._place(built)
            instead = self._instead(exc, sent=sent)
            if instead is not None:
                raise instead from exc
            raise

    def _client_for(self, request: Request | Get) -> tuple[Any, Gate | None]:
        """The client that carries a request, and its gate.

        A request with a deadline has a connection of its own too, so that ending it affects no other request.
        """
        if not (request.alone or request.deadline is not None) or self.given or self._connection.own_way:
            return self.client, self._gates[0]
        if self._alone is None:
            self._alone = self._like(type(self.client), asynchronous=False)
        return self._synced(self._alone), self._gates[1]

    def _exchange(self, client: Any, built: httpx.Request, request: Request | Get, slot: Slot) -> Reply:
        response: Any = None
        body: Body | None = None
        try:
            response = client.send(built, stream=True, auth=self.client.auth, follow_redirects=False)
            if self.client.follow_redirects:
                response = self._redirected(client, built, response)
            reception = self._guard.reception(response)
            if reception.stale():
                response.extensions["network_stream"].close()
                raise self._early()
            if request.stream and response.is_success:
                body = Body(
                    response, self.library, reception, request.deadline, slot.leave, direct=self.direct
                )
                return self._reply(response, None, body)
            return self._reply(response, self._read(response, reception, request.limit))
        finally:
            if body is None:
                try:
                    if response is not None:
                        response.close()
                finally:
                    slot.leave()

    def _redirected(self, client: Any, built: httpx.Request, response: Any) -> Any:
        for _ in range(MOST):
            another = following(self.library, built, response)
            if another is None:
                break
            response.close()
            auth = self.client.auth if origin(another.url) == origin(built.url) else None
            built = another
            response = client.send(built, stream=True, auth=auth, follow_redirects=False)
        return response

    def _read(self, response: Any, reception: Reception, limit: int) -> bytes:
        if response.is_stream_consumed:  # a hook has read it, or it came so from the transport
            content: bytes = response.content
            return content
        whole = self._whole(response, limit)
        try:
            if reception.surplus:
                response.extensions["network_stream"].close()
            for raw in response.iter_raw():
                reception.note()
                if reception.surplus:
                    response.extensions["network_stream"].close()
                if whole.add(raw):
                    return whole.end()
            content = whole.end()
        except BodyCut as exc:
            raise self._damaged(exc) from None
        if reception.stale(whole.arrived):
            response.extensions["network_stream"].close()
            raise self._early()
        return content

    def fetch(self, url: str, headers: dict[str, str], content: Any = None) -> Body:
        """GET a URL outside the API, or PUT content there, with nothing of the API's."""
        client = self.client
        if not self.given:
            if self._files is None:
                self._files = made_of(type(client), self._connection.files(asynchronous=False))
            client = self._files
        for _ in range(MOST):
            request = foreign(self, client, url, headers, None if content is None else content.chunks())
            request.extensions["trace"] = self._streams.note
            unlogged(request)
            try:
                response = client.send(request, stream=True, auth=None, follow_redirects=False)
            except Exception as exc:  # noqa: BLE001 - inspected, then raised
                raise bad_redirect(self.library, exc) or exc from None
            another = destination(self.library, request, response)
            if another is None:
                return Body(response, self.library, self._guard.reception(response), direct=self.direct)
            response.close()
            url = str(another)
        raise BadRedirect(f"the response redirects more than {MOST} times")

    def run(self, steps: Generator[Any, Any, Any] | Layered) -> Any:
        """Perform the steps of a call, sync."""
        if isinstance(steps, Layered):
            return steps.run(self)
        return run(steps, self._perform)

    def _perform(self, step: Any) -> Any:
        if type(step) is Request or type(step) is Get:
            return self.send(step)
        if type(step) is Renew:
            return step.credential.renew(step.failed)
        return time.sleep(step)

    def close(self) -> None:
        """End what runs, and close what was made here."""
        if self.finalizer is not None:
            self.finalizer.detach()
        if self.given or not self.mine:
            return
        self._end()
        for client in (self.client, self._alone, self._files):
            if client is not None:
                client.close()


class AsyncPool(Pool):
    """The pool of async calls in one event loop; a client of the caller's is used in any."""

    __slots__ = ("_entry", "_spent", "_tasks")

    def __init__(self, client: Any, connection: Connection, *, given: bool) -> None:
        super().__init__(client, connection, given=given)
        self._tasks: dict[Any, Watch] = {}
        self._spent = Spent()
        self._entry = Entry()

    @property
    def direct(self) -> bool:
        # The library's generators stay suspended meanwhile, and only asyncio ends such without a complaint.
        return super().direct and running_loop() is not None

    async def send(self, request: Request | Get) -> Reply:
        built = self.build(request)
        sent = False
        slot: Slot | None = None
        try:
            self._cut(built, request.deadline)
            client, gate = self._client_for(request)
            spent = self._spent.take() if client is self.client else None
            if spent is not None:
                before, slot = spent
            else:
                before, slot = None, Slot(gate)
                if not await slot.aenter(built.extensions["timeout"].get("pool")) or self.closed:
                    raise self._not_entered(request)
            sent = True
            work = self._exchange(client, built, request, slot, before)
            return await self._apart(built, work, request.deadline)
        except BaseException as exc:
            if slot is not None and not sent:
                slot.leave()
            request.place = self._place(built)
            instead = self._instead(exc, sent=sent)
            if instead is not None:
                raise instead from exc
            raise

    async def _apart(self, built: httpx.Request, work: Any, deadline: float | None) -> Reply:
        """Send a request in a task of its own, where there are tasks: cancelling the caller costs no connection."""
        if running_loop() is None:
            built.extensions["trace"] = self._streams.anote
            return await self._in_time(work, deadline)
        watch = Watch(self._streams)
        built.extensions["trace"] = watch.anote
        reply: Reply = await in_a_task(work, watch, deadline, self._tasks)
        return reply

    async def _in_time(self, work: Any, deadline: float | None) -> Reply:
        if deadline is None:
            reply: Reply = await work
            return reply
        from anyio import move_on_after

        with move_on_after(max(deadline - time.monotonic(), 0)) as scope:
            reply = await work
        if not scope.cancelled_caught:
            return reply
        raise TotalTimeout("no response in time")

    def _client_for(self, request: Request | Get) -> tuple[Any, Gate | None]:
        if not request.alone or self.given or self._connection.own_way:
            return self.client, self._gates[0]
        if self._alone is None:
            self._alone = self._like(type(self.client), asynchronous=True)
        return self._synced(self._alone), self._gates[1]

    async def _exchange(
        self, client: Any, built: httpx.Request, request: Request | Get, slot: Slot, before: Any
    ) -> Reply:
        """Send a request, after the response that its slot still held was closed."""
        response: Any = None
        body: Body | None = None
        kept = False
        try:
            async with self._entered(client, built):
                if before is not None:
                    await closed(before)
                response = await client.send(
                    built, stream=True, auth=self.client.auth, follow_redirects=False
                )
            if self.client.follow_redirects:
                response = await self._redirected(client, built, response)
            reception = self._guard.reception(response)
            if reception.stale():
                await response.extensions["network_stream"].aclose()
                raise self._early()
            if request.stream and response.is_success:
                body = Body(
                    response, self.library, reception, request.deadline, slot.leave, direct=self.direct
                )
                return self._reply(response, None, body)
            content = await self._read(response, reception, request.limit)
            if client is self.client and self.direct and not response.is_closed and not slot.wanted:
                self._spent.keep(response, slot)
                kept = True
            return self._reply(response, content)
        finally:
            if body is None and not kept:
                try:
                    if response is not None and not response.is_closed:
                        await for_sure(response.aclose())
                finally:
                    slot.leave()

    def _entered(self, client: Any, built: httpx.Request) -> AbstractAsyncContextManager[None]:
        """What is around sending a request: the entry, unless code of the caller's would run in it."""
        if client is not self.client or not self.direct or client.auth or client.event_hooks["request"]:
            return nullcontext()
        return self._entry.of(built)

    async def _redirected(self, client: Any, built: httpx.Request, response: Any) -> Any:
        for _ in range(MOST):
            another = following(self.library, built, response)
            if another is None:
                break
            await response.aclose()
            auth = self.client.auth if origin(another.url) == origin(built.url) else None
            built = another
            response = await client.send(built, stream=True, auth=auth, follow_redirects=False)
        return response

    async def _read(self, response: Any, reception: Reception, limit: int) -> bytes:
        if response.is_stream_consumed:
            content: bytes = response.content
            return content
        whole = self._whole(response, limit)
        try:
            if reception.surplus:
                await response.extensions["network_stream"].aclose()
            # Not `aiter_raw`, which closes the response.
            async for raw in response.stream:
                reception.note()
                if reception.surplus:
                    await response.extensions["network_stream"].aclose()
                if whole.add(raw):
                    return whole.end()
            content = whole.end()
        except BodyCut as exc:
            raise self._damaged(exc) from None
        if reception.stale(whole.arrived):
            await response.extensions["network_stream"].aclose()
            raise self._early()
        return content

    async def fetch(self, url: str, headers: dict[str, str], content: Any = None) -> Body:
        """GET a URL outside the API, or PUT content there, with nothing of the API's."""
        client = self.client
        if not self.given:
            if self._files is None:
                self._files = made_of(type(client), self._connection.files(asynchronous=True))
            client = self._files
        for _ in range(MOST):
            request = foreign(self, client, url, headers, None if content is None else content.achunks())
            unlogged(request)
            body: Body = (await self._apart(request, self._fetched(client, request), None)).http
            another = destination(self.library, request, body.http)
            if another is None:
                return body
            await body.aclose()
            url = str(another)
        raise BadRedirect(f"the response redirects more than {MOST} times")

    async def _fetched(self, client: Any, request: httpx.Request) -> Reply:
        try:
            response = await client.send(request, stream=True, auth=None, follow_redirects=False)
        except Exception as exc:  # noqa: BLE001 - inspected, then raised
            raise bad_redirect(self.library, exc) or exc from None
        body = Body(response, self.library, self._guard.reception(response), direct=self.direct)
        return self._reply(response, None, body)

    async def run(self, steps: Generator[Any, Any, Any] | Layered) -> Any:
        """Perform the steps of a call, async."""
        if isinstance(steps, Layered):
            return await steps.arun(self)
        return await arun(steps, self._perform)

    async def _perform(self, step: Any) -> Any:
        if type(step) is Request or type(step) is Get:
            return await self.send(step)
        if type(step) is Renew:
            return await step.credential.arenew(step.failed)
        return await _sleep(step)

    async def aclose(self) -> None:
        """End what runs, and close what was made here."""
        if self.given or not self.mine:
            return
        self._end()
        if self._tasks:
            await all_given_up(self._tasks)
        await self._spent.close()
        for client in (self.client, self._alone, self._files):
            if client is not None:
                await client.aclose()


async def _sleep(seconds: float) -> None:
    from anyio import sleep

    await sleep(seconds)


def sync_pool(connection: Connection, given: Any = None) -> SyncPool:
    """A pool over a client of the caller's, or over one that is made."""
    if given is not None:
        return SyncPool(given, connection, given=True)
    client = made_of(connection.library.Client, arguments_of(connection, asynchronous=False))
    return SyncPool(client, connection, given=False)


def async_pool(connection: Connection, given: Any = None) -> AsyncPool:
    """`sync_pool`, for an event loop."""
    if given is not None:
        return AsyncPool(given, connection, given=True)
    client = made_of(connection.library.AsyncClient, arguments_of(connection, asynchronous=True))
    return AsyncPool(client, connection, given=False)
