"""Uploads: the plan.

Five operations and the object store: an upload is initiated, a URL is signed for the file, the file is PUT there,
and the upload is completed, or reported as failed. What an upload consists of is in the overlay.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from mimetypes import guess_type
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from ..errors import APIConnectionError, APIError, GeoperaError
from ..manifest import bundled_bytes
from .drive import run
from .payload import Empty, Payload, opened
from .progress import needs_tqdm, progress_bar
from .resume import taken_up_to
from .sources import Failed, Signed, from_bytes
from .todo import Call, Emit, Fetch, Fork, LastCall

if TYPE_CHECKING:
    from collections.abc import Generator

    from .._call.endpoint import Endpoint
    from .drive import Caller, Plan
    from .progress import Silent

__all__ = ["upload", "upload_rules"]

_MOST_ATTEMPTS = 100
_LARGE = 16 << 20  # bytes from which on the API learns how far the transfer is
_BEAT = 0.5  # seconds between two checks of the progress
_EVERY = 10.0  # seconds between two such reports
_FAREWELL = 10.0  # seconds that the report of a failure may take


@cache
def upload_rules() -> Mapping[str, Mapping[str, str]]:
    """For each operation that initiates uploads, the operations that follow it, as the overlay has them."""
    rules: Mapping[str, Any] = from_bytes(bundled_bytes("overlay.json")).get("uploads", {})
    return rules


def upload(
    caller: Caller,
    id: str,
    file: Any,
    body: Any,
    fields: dict[str, Any],
    *,
    file_name: str | None,
    content_type: str | None,
    progress: Any,
) -> Any:
    """The item that the upload became; a coroutine of it on an async client."""
    rule = upload_rules().get(id)
    if rule is None:
        known = " or ".join(f"client.{other}.upload(...)" for other in upload_rules())
        raise TypeError(f"{id} uploads no file; use {known}")
    endpoint = caller._any_endpoint(id)
    payload = opened(file, file_name)
    try:
        content = _initial(caller, endpoint, body, fields, payload.size)
        media_type = content_type or guess_type(payload.name)[0] or "application/octet-stream"
        needs_tqdm(progress)
        steps = caller._steps(endpoint, None, {}, content=content)
        bar = progress_bar(progress, payload.name, "B", total=payload.size)
    except BaseException:
        payload.close()
        raise
    return run(_Upload(caller, rule, payload, media_type, bar).plan(steps), caller)


def _initial(caller: Caller, endpoint: Endpoint, body: Any, fields: dict[str, Any], size: int) -> bytes:
    """The body that initiates the upload. Raises ValueError: if it describes another file."""
    given = dict(from_bytes(caller._content(endpoint, body, fields)))
    for name, value in (("total_bytes", size), ("file_count", 1)):
        if given.get(name) not in (None, value):
            raise ValueError(f"{endpoint.operation.id}: {name} is {given[name]}, but the upload has {value}")
    return caller._content(endpoint, {"transfer_method": "cli", **given, "total_bytes": size}, {})


class _Upload:
    """One file on its way to the store, and what the API learns of it."""

    def __init__(
        self, caller: Caller, rule: Mapping[str, str], payload: Payload, media_type: str, bar: Silent
    ) -> None:
        self._caller, self._rule, self._payload = caller, rule, payload
        self._media_type, self._bar = media_type, bar
        payload.bar = bar
        self._id = ""
        self._sent = False

    def _steps(self, step: str, **body: Any) -> Any:
        endpoint = self._caller._any_endpoint(self._rule[step])
        return self._caller._steps(endpoint, {"upload_id": self._id, **body}, {})

    def plan(self, first: Any) -> Plan:
        step = "initiate"
        try:
            self._id = str((yield Call(first)).parsed["id"])
            step = "transfer"
            yield from self._transfer()
            step = "complete"
            response = yield Call(self._steps("complete"))
        except GeneratorExit:
            raise
        except BaseException as exc:
            if self._id:
                yield from self._fail(step, exc)
            raise
        finally:
            self._payload.close()
            self._bar.close()
        result = response.parsed
        item = result.get("item") if isinstance(result, Mapping) else None
        yield Emit((item if isinstance(item, Mapping) else result,))

    def _fail(self, step: str, exc: BaseException) -> Generator[Any, Any, None]:
        """Report that the upload failed, unless the API may have completed it."""
        exc.add_note(f"upload_id: {self._id}")
        refused = isinstance(exc, APIError) and 400 <= (exc.status_code or 0) < 500
        if step == "complete" and not refused:
            exc.add_note("the file is at the store; the upload can still be completed under this id")
            return
        # The text of a system error has paths of this machine in it.
        message = str(exc) if isinstance(exc, GeoperaError) else f"interrupted: {type(exc).__name__}"
        try:
            context = self._caller._context()
            brief = context.replace({"timeout": _FAREWELL, "retry": context.policy.replace(max_retries=1)})
            endpoint = self._caller._any_endpoint(self._rule["fail"])
            body = {"upload_id": self._id, "error_message": message[:500], "error_step": step}
            yield LastCall(self._caller._steps(endpoint, body, {}, context=brief), _FAREWELL)
        except Exception as failure:  # noqa: BLE001 - what made the upload fail matters more
            exc.add_note(f"the failure could not be reported: {type(failure).__name__}")

    def _transfer(self) -> Generator[Any, Any, None]:
        endpoint = self._caller._any_endpoint(self._rule["signed_url"])
        signing = {
            "upload_id": self._id,
            "file_name": self._payload.name,
            "content_type": self._media_type,
        }
        slot = _Slot(self._caller, endpoint, self._caller._content(endpoint, signing, {}), None)
        retries = self._caller._context().policy.max_retries
        if self._payload.size >= _LARGE:
            yield Fork(self._reports(), 1)
        failures = attempts = 0
        while True:
            before, attempts = self._payload.start, attempts + 1
            try:
                yield from self._attempt(slot, again=attempts > 1)
                break
            except Failed as failed:
                failures = 1 if self._payload.start > before else failures + 1
                if failures > retries or attempts >= _MOST_ATTEMPTS:
                    failed.error.attempts = attempts
                    raise failed.error from failed.cause
                yield min(failed.after if failed.after is not None else 0.5 * 2 ** (failures - 1), 60.0)
        self._sent = True
        yield from self._report(self._payload.size)

    def _attempt(self, slot: _Slot, *, again: bool) -> Generator[Any, Any, None]:
        """Send what the store does not have yet. Raises `Failed` if another attempt may succeed."""
        payload, size = self._payload, self._payload.size
        yield from slot.prepare()
        if slot.in_parts:
            slot.stay()
        if again and slot.in_parts:
            # The response to a PUT without content reports how much has arrived.
            question = {"Content-Length": "0", "Content-Range": f"bytes */{size}"}
            if (yield from self._put(slot, question, Empty())):
                return
        headers = {"Content-Type": self._media_type, "Content-Length": str(size - payload.start)}
        if payload.start:
            headers["Content-Range"] = f"bytes {payload.start}-{size - 1}/{size}"
        if not (yield from self._put(slot, headers, payload)):
            raise Failed(slot.cut("the store took a part of the file"))

    def _put(
        self, slot: _Slot, headers: dict[str, str], content: Payload | Empty
    ) -> Generator[Any, Any, bool]:
        """One PUT; whether the store has the whole file by now."""
        slot.content = content
        http, _ = yield from slot.open(headers)
        if http.status_code == 308:
            self._payload.start = taken_up_to(http)
            return False
        return True

    def _reports(self) -> Plan:
        """Reports in the background, while the file is on its way."""
        reported, last = 0, time.monotonic()
        while not self._sent and not self._payload.closed:
            yield _BEAT
            sent, now = self._payload.sent, time.monotonic()
            if sent != reported and now - last >= _EVERY and not self._sent:
                reported, last = sent, now
                yield from self._report(sent)
        yield Emit((None,))

    def _report(self, count: int) -> Generator[Any, Any, None]:
        with suppress(GeoperaError):  # the file matters, and not what is reported about it
            yield Call(self._steps("progress", bytes_uploaded=count))


class _Slot(Signed):
    """The place at the store that a URL is signed for."""

    content: Payload | Empty

    @property
    def in_parts(self) -> bool:
        """Whether the URL is that of a resumable session, which reports how much of a file it has."""
        names = dict(parse_qsl(urlsplit(self._url or "").query))
        return "upload_id" in names and names.get("uploadType", "resumable") == "resumable"

    def stay(self) -> None:
        """Ask for no other URL: what this session has would be lost."""
        self._fixed = True

    def _request(self, url: str, headers: dict[str, str]) -> Fetch:
        return Fetch(url, headers, self.content)

    def _is_good(self, status: int) -> bool:
        return 200 <= status < 300 or (status == 308 and self.in_parts)

    def cut(self, why: str) -> GeoperaError:
        return APIConnectionError(f"{self.label}: {why}", operation=self.label)

    def _lost(self, exc: BaseException) -> Exception:
        fault = self.content.fault
        if fault is not None:
            return fault
        return Failed(self.cut(f"the upload was cut: {type(exc).__name__}"), exc)
