"""Every message on the page about messages is produced by the failure that it stands under."""

from __future__ import annotations

import re
import socket
import warnings
from collections.abc import Callable
from json import dumps
from typing import Any

import pytest
from helpers.pages import ROOT
from helpers.wire import Reply

from geopera import AsyncGeopera, Geopera
from geopera.sandbox import Sandbox

PAGE = (ROOT / "docs" / "messages.md").read_text(encoding="utf-8")
MESSAGES = dict(re.findall(r"^### (.+)\n\n```text\n(.+)\n```", PAGE, re.M))
SEARCH = {"host_name": "earthsearch-aws", "limit": 1}
ORDER = {"collection": "sentinel-2-l2a", "item_ids": ["example-item"]}


def pattern(message: str) -> str:
    """A message as a regular expression: `…` is any text."""
    return ".*".join(map(re.escape, message.split("…")))


def said(call: Callable[[], Any], *kinds: type[BaseException]) -> str:
    with pytest.raises(kinds or (Exception,)) as caught:
        call()
    return str(caught.value)


class Cases:
    """A method for each heading, which returns the message."""

    def __init__(self, sandbox: Sandbox, serve: Any, patch: pytest.MonkeyPatch) -> None:
        self.sandbox, self.serve, self.patch = sandbox, serve, patch
        self.client = Geopera(sandbox.token, sandbox.url, max_retries=0)

    def of(self, reply: Any, **options: Any) -> Geopera:
        return Geopera("a-token", self.serve(lambda asked: reply).url, max_retries=0, **options)

    def problem(self, status: int, title: str) -> str:
        body = dumps({"type": "about:blank", "title": title, "status": status, "detail": "why"}).encode()
        reply = Reply(body, status=status, type="application/problem+json")
        return said(self.of(reply).billing.credits.balance)

    def cannot_connect(self) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        client = Geopera("a-token", f"http://127.0.0.1:{port}", max_retries=0)
        return said(lambda: client.catalog.search(SEARCH))

    def the_certificate_is_not_trusted(self) -> str:
        import trustme
        from transport.test_tls import serving

        with serving(trustme.CA(), "127.0.0.1") as url, Geopera("a-token", url, max_retries=0) as client:
            return said(lambda: client.catalog.search(SEARCH))

    def no_response_in_time(self) -> str:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            with Geopera("a-token", url, max_retries=0, timeout=0.2) as client:
                return said(lambda: client.catalog.search(SEARCH))

    def an_html_page(self) -> str:
        page = b"<html><head><title>Sign in</title></head></html>"
        return said(lambda: self.of(Reply(page, status=403, type="text/html")).catalog.search(SEARCH))

    def the_proxy_needs_socksio(self) -> str:
        import sys

        self.patch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
        self.patch.setitem(sys.modules, "socksio", None)
        client = Geopera("a-token", "https://geopera.test")
        return said(lambda: client.catalog.search(SEARCH))

    def status_401(self) -> str:
        return said(Geopera("not-a-valid-token", self.sandbox.url).billing.credits.balance)

    def status_402(self) -> str:
        body = {"amount": 5000, "currency": "aud", "payment_method": "pm_declined"}
        return said(lambda: self.client.billing.topup(body))

    def status_403(self) -> str:
        return self.problem(403, "Forbidden")

    def status_404(self) -> str:
        return said(lambda: self.client.orders.get(order_id="no-such-order"))

    def status_409(self) -> str:
        key = "messages-page"
        self.client.orders.archive.place(ORDER, idempotency_key=key)
        other = {**ORDER, "item_ids": ["example-other"]}
        return said(lambda: self.client.orders.archive.place(other, idempotency_key=key))

    def status_429(self) -> str:
        return self.problem(429, "Too Many Requests")

    def the_response_does_not_match_the_manifest(self) -> str:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.of(Reply(b'{"features": 3}')).catalog.search(SEARCH)
        return str(caught[-1].message)

    def unknown_field(self) -> str:
        return said(lambda: self.client.catalog.search(host_nam="a"))

    def field_required(self) -> str:
        return said(lambda: self.client.catalog.search(limit=1))

    def a_body_or_keyword_arguments(self) -> str:
        return said(lambda: self.client.catalog.search({"host_name": "a"}, limit=1), TypeError)

    def no_operation_or_resource(self) -> str:
        return said(lambda: self.client.catalog.serach, AttributeError)

    def a_run_that_spends(self) -> str:
        return said(lambda: list(self.client.orders.archive.place.map([ORDER])))

    def timed_out(self) -> str:
        id = self.client.orders.archive.place(ORDER).id
        return said(
            lambda: self.client.orders.get.wait(order_id=id, timeout=0.5, until=lambda order: False),
            TimeoutError,
        )

    def ended_with_status(self) -> str:
        id = self.client.orders.archive.place({**ORDER, "item_ids": ["fail-1"]}).id
        return said(
            lambda: self.client.orders.get.wait(order_id=id, raise_on_failure=True, delays=[0.05], timeout=30)
        )

    def coroutine(self) -> str:
        made = AsyncGeopera(self.sandbox.token, self.sandbox.url).catalog.search(SEARCH)
        try:
            return said(lambda: made.features, AttributeError)
        finally:
            made.close()

    def an_extra_is_missing(self) -> str:
        import sys

        self.patch.setitem(sys.modules, "tqdm", None)
        self.patch.setitem(sys.modules, "tqdm.auto", None)
        return said(lambda: self.client.catalog.search.iter(SEARCH, progress=True), ImportError)

    def no_attribute(self) -> str:
        return said(lambda: self.client.catalog.search.features, AttributeError)


def method(heading: str) -> str:
    name = re.sub(r"\W+", "_", heading.lower()).strip("_")
    return f"status_{name[:3]}" if name[0].isdigit() else name


@pytest.mark.parametrize("heading", MESSAGES)
def test_a_message_is_true(
    heading: str, sandbox: Sandbox, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Cases(sandbox, serve, monkeypatch)
    try:
        message = getattr(case, method(heading))()
    finally:
        case.client.close()
    assert re.search(pattern(MESSAGES[heading]), message), message


def test_every_message_has_its_case() -> None:
    assert len(MESSAGES) == PAGE.count("\n### ")
    assert {method(heading) for heading in MESSAGES} == {
        name for name in vars(Cases) if not name.startswith("_")
    } - {"of", "problem"}
