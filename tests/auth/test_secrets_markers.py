"""A marker in each place where a secret can stand, and everything that is shown searched for it, in each failure."""

from __future__ import annotations

import base64
import io
import json
import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pydantic
import pytest
from auth.conftest import Store, key, sign_in
from helpers.flavour import Flavour
from helpers.outputs import of_error, of_records, of_response, of_thing, shows
from helpers.sample import sampled
from helpers.wire import Asked, Reply, Wire

import geopera
from geopera.api.operations import catalog_search

MARKER = "gpra_Zq7XvB2mKt9RwPn4LdYs"
PLAIN = "plain-token-0123"
RETRY = geopera.RetryPolicy(base=0.001, cap=0.001, max_retries=1)


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" for letter in text)


def spellings(asked: Asked) -> list[str]:
    """What the server was sent, and the marker itself, in all the ways in which it can be quoted."""
    texts = [MARKER, *(value for value in asked.headers.values() if MARKER in value)]
    out = []
    for text in texts:
        coded = [base64.b64encode(("x" * shift + text).encode()).decode() for shift in range(3)]
        out += [text, quote(text, safe=""), *coded]
        out += ["".join(form % ord(letter) for letter in text) for form in ("%%%02X", "%%%02x", "&#%d;")]
    return [
        *out,
        asked.headers.get("authorization", ""),
        asked.headers.get("proxy-authorization", ""),
        asked.path,
    ]


def echo(asked: Asked, status: int = 200, **more: Any) -> Reply:
    """A problem that quotes the request: in its body, and in headers."""
    quoted = " ".join(spellings(asked))
    problem = {
        "title": "No",
        "status": status,
        "detail": quoted,
        "type": f"about:{MARKER}",
        MARKER: [MARKER],
        **more,
    }
    text = json.dumps(problem)[:-1] + f', "escaped": "{escaped(MARKER)}", "{escaped(MARKER)}": 1}}'
    return Reply(text.encode(), status=status, type="application/problem+json", headers=headers(quoted))


def headers(quoted: str) -> dict[str, str]:
    return {
        "WWW-Authenticate": f'Bearer error_description="{MARKER}"',
        "X-Request-Id": MARKER,
        "X-Echo": quoted,
        "Location": f"http://127.0.0.1:9/{MARKER}?next={MARKER}",
        "Set-Cookie": f"echo={MARKER}",
    }


def invalid(asked: Asked) -> Reply:
    detail = [
        {"loc": ["header", one], "msg": one, "type": "value_error", "input": one} for one in spellings(asked)
    ]
    return Reply(json.dumps({"detail": detail}).encode(), status=422, headers=headers("x"))


def broken(asked: Asked) -> Reply:
    return Reply(f'{{"features": "{" ".join(spellings(asked))}'.encode(), headers=headers("x"))


def mismatch(asked: Asked) -> Reply:
    return Reply(json.dumps({"features": spellings(asked)}).encode(), headers=headers("x"))


def page(asked: Asked) -> Reply:
    text = f"<!doctype html><title>{MARKER}</title>{escaped(MARKER)} {' '.join(spellings(asked))}"
    return Reply(text.encode(), status=502, type="text/html", headers=headers("x"))


def cut(asked: Asked) -> Reply:
    return Reply([f'{{"features": "{MARKER}'.encode()], headers=headers("x"), length=10_000, cut=True)


def failed_event(asked: Asked) -> Reply:
    lines = [
        b'data: {"id": "1", "type": "Feature"}\n\n',
        b"event: error\ndata: " + echo(asked, 500).chunks[0] + b"\n\n",
    ]  # type: ignore[index]
    return Reply(lines, type="text/event-stream", headers=headers("x"))


def bad_line(asked: Asked) -> Reply:
    return Reply(
        [f'{{"id": "Bearer {MARKER} {" ".join(spellings(asked))}'.encode()], type="application/x-ndjson"
    )


MODES: dict[str, Callable[[Asked], Reply]] = {
    "401": lambda asked: echo(asked, 401),
    "403": lambda asked: echo(asked, 403),
    "422": invalid,
    "422 problem": lambda asked: echo(asked, 422),
    "500": lambda asked: echo(asked, 500),
    "page": page,
    "broken JSON": broken,
    "mismatch": mismatch,
    "redirect": lambda asked: echo(asked, 307),
    "cut": cut,
    "stream event": failed_event,
    "stream line": bad_line,
    "stream cut": lambda asked: Reply(
        [b'{"id": "' + MARKER.encode()], type="application/x-ndjson", length=999, cut=True
    ),
    "stream refused": lambda asked: echo(asked, 403),
}
WITHOUT_SERVER = ("refused", "timeout")
HEADERS = ("Authorization", "Cookie", "X-API-Key", "x_session-token", "X-My-Secret-Thing")


def options(place: str, url: str) -> tuple[Any, dict[str, Any]]:
    """(token, options) of a client with the marker in a place."""
    if place in HEADERS:
        token = None if place == "Authorization" else PLAIN
        return token, {"headers": {place: f"Bearer {MARKER}" if token is None else MARKER}}
    if place == "proxy":
        return PLAIN, {"httpx_args": {"proxy": url.replace("//", f"//user:{MARKER}@")}}
    found: dict[str, tuple[Any, dict[str, Any]]] = {
        "token": (MARKER, {}),
        "function": (lambda: MARKER, {}),
        "secret type": (pydantic.SecretStr(MARKER), {}),
        "X-API-Key token": (MARKER, {"prefix": "", "auth_header_name": "X-API-Key"}),
        "cookies": (PLAIN, {"cookies": {"session": MARKER}}),
        "auth": (None, {"httpx_args": {"auth": ("user", MARKER)}}),
        "params": (PLAIN, {"httpx_args": {"params": {"key": MARKER}}}),
    }
    return found[place]


PLACES = ("token", "function", "secret type", "X-API-Key token", "profile", "sign-in", *HEADERS, "cookies", "proxy",
          "auth", "params", "with_options", "x_api_key")  # fmt: skip


def make(place: str, flavour: Flavour, url: str, home: Store, **more: Any) -> Any:
    """A client with the marker in a place."""
    if place in ("profile", "sign-in"):
        entry = key(url, MARKER) if place == "profile" else sign_in(
            url, left=900, access=MARKER + "-access", refresh_token=MARKER + "-refresh"
        )  # fmt: skip
        home.write({"default": entry})
        return flavour.client(**more)
    if place in ("with_options", "x_api_key"):
        client = flavour.client(PLAIN, url, **more)
        return client.with_options(headers={"X-API-Key": MARKER}) if place == "with_options" else client
    token, settings = options(place, url)
    if "httpx_args" in settings:
        settings["httpx_args"] |= more.pop("httpx_args", {})
    return flavour.client(token, url, **settings, **more)


def call(place: str, flavour: Flavour, client: Any, mode: str) -> Any:
    if place == "x_api_key":
        return flavour.detailed(
            catalog_search, client=client.client, body={"host_name": "h"}, x_api_key=MARKER
        )
    if mode.startswith("stream"):
        return flavour.collect(client.catalog.search_stream(host_name="h"))
    return flavour(client.catalog.search(host_name="h"))


@pytest.fixture
def slow_end() -> Iterator[threading.Event]:
    made = threading.Event()
    yield made
    made.set()


@pytest.fixture
def server(serve: Callable[..., Wire], slow_end: threading.Event) -> Callable[[str], str]:
    """Starts the server of a failure."""

    def start(mode: str) -> str:
        if mode == "refused":
            return "http://127.0.0.1:9"

        def reply(asked: Asked) -> Reply:
            if asked.path.endswith("/token"):
                tokens = {
                    "access_token": MARKER + "-second",
                    "refresh_token": MARKER + "-rotated",
                    "expires_in": 600,
                }
                return Reply(json.dumps(tokens).encode())
            if mode == "timeout":
                slow_end.wait(20)
                return Reply(b"{}")
            return MODES[mode](asked)

        return serve(reply).url

    return start


def run(
    place: str,
    mode: str,
    flavour: Flavour,
    url: str,
    home: Store,
    caplog: pytest.LogCaptureFixture,
    *,
    rendered: bool = False,
) -> list[str]:
    """The outputs that show the marker."""
    for name in ("geopera", "httpx", "httpx2"):
        caplog.set_level(logging.DEBUG, name)
    more: dict[str, Any] = {"retry": RETRY, "timeout": 0.05 if mode == "timeout" else None}
    client = make(place, flavour, url, home, **more)
    found: dict[str, str] = {}
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for strict in (False, True) if mode == "mismatch" else (False,):
            chosen = client.with_options(strict_responses=strict)
            try:
                result = call(place, flavour, chosen, mode)
            except Exception as exc:  # noqa: BLE001 - whatever it is, it is looked at
                found |= {
                    f"{name} of {type(exc).__name__}": text
                    for name, text in of_error(exc, rendered=rendered).items()
                }
            else:
                if hasattr(result, "content") and result.status_code >= 300:
                    found |= of_response(result)
                elif mode != "mismatch":
                    assert place == "x_api_key"
    found |= {f"warning {number}": str(one.message) for number, one in enumerate(warned)}
    found |= of_records([record for record in caplog.records if not record.name.startswith("httpcore")])
    for name, thing in (
        ("client", client),
        ("low-level client", client.client),
        ("operation", client.catalog.search),
    ):
        found |= {f"{name} {how}": text for how, text in of_thing(thing).items()}
    assert len(found) > 10
    return sorted(name for name, text in found.items() if shows(MARKER, text))


@pytest.mark.parametrize("mode", sampled([*MODES, *WITHOUT_SERVER], 4))
def test_every_failure_with_a_token(
    flavour: Flavour, server: Callable[[str], str], home: Store, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    rendered = mode in ("broken JSON", "stream event", "refused")  # of all of them it takes too long here
    assert run("token", mode, flavour, server(mode), home, caplog, rendered=rendered) == []


@pytest.mark.parametrize("place", sampled(PLACES[1:], 4))
def test_every_place(
    flavour: Flavour, server: Callable[[str], str], home: Store, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    mode = "422 problem" if flavour.asynchronous else "401"
    assert run(place, mode, flavour, server(mode), home, caplog) == []


CALLS: dict[str, Callable[[Any], Any]] = {
    "whoami": lambda client: client.whoami(),
    "refresh_manifest": lambda client: client.refresh_manifest(dry_run=True),
    "pages": lambda client: client.items.list.pages(project_id="p"),
    "wait": lambda client: client.orders.get.wait(order_id="o", delays=[0.0], timeout=0.2),
    "map": lambda client: client.map("orders.get", [{"order_id": "o"}], errors="raise"),
}


@pytest.mark.parametrize("mode", ["401", "broken JSON", "cut", "page"])
@pytest.mark.parametrize("name", sampled(CALLS, 4))
@pytest.mark.usefixtures("no_pauses")
def test_other_calls(
    flavour: Flavour,
    server: Callable[[str], str],
    home: Store,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    mode: str,
) -> None:
    def other(place: str, flavour: Flavour, client: Any, mode: str) -> Any:
        made = CALLS[name](client)
        if name in ("pages", "map"):
            flavour.collect(made)
        return flavour(made)

    monkeypatch.setitem(globals(), "call", other)
    assert run("token", mode, flavour, server(mode), home, caplog) == []


def test_the_reason_of_a_failed_order_is_redacted(flavour: Flavour, serve: Callable[..., Wire]) -> None:
    order = {"id": "o", "status": "failed", "error": f"you sent {MARKER}"}
    client = flavour.client(MARKER, serve(lambda asked: Reply(json.dumps(order).encode())).url)
    with pytest.raises(geopera.errors.OperationFailedError) as caught:
        flavour(client.orders.get.wait(order_id="o", raise_on_failure=True))
    assert str(caught.value).endswith("you sent ***")


@pytest.mark.parametrize("end", ["whole", "403", "cut"])
@pytest.mark.usefixtures("no_pauses")
def test_a_signed_url_is_logged_without_its_query(
    flavour: Flavour, serve: Callable[..., Wire], caplog: pytest.LogCaptureFixture, end: str
) -> None:
    """Also where the download fails, also behind a redirect; other clients of the process log as before."""
    caplog.set_level(logging.DEBUG, "httpx")

    def reply(asked: Asked) -> Reply:
        if asked.method == "POST":
            return Reply(json.dumps({"url": f"{wire.other_url}/a.tif?X-Amz-Signature={MARKER}"}).encode())
        if asked.path.startswith("/a.tif"):
            return Reply(status=302, headers={"Location": f"/b.tif?sig={MARKER}"})
        if end == "403":
            return Reply(b"expired", status=403)
        return Reply(b"data", type="image/tiff", length=4 if end == "whole" else 9, cut=end == "cut")

    wire, file = serve(reply), io.BytesIO()
    client = flavour.client(PLAIN, wire.url)

    def download() -> None:
        flavour(client.items.asset.download.download({"item_id": "i", "asset_id": "a"}, file))

    if end == "whole":
        download()
        assert file.getvalue() == b"data"
    else:
        with pytest.raises(geopera.GeoperaError) as caught:
            download()
        assert [name for name, text in of_error(caught.value).items() if shows(MARKER, text)] == []
    records = [record for record in caplog.records if not record.name.startswith("httpcore")]
    assert any("/b.tif " in record.getMessage() for record in records if record.name.startswith("httpx"))
    assert [name for name, text in of_records(records).items() if shows(MARKER, text)] == []
    with httpx.Client() as http:
        http.get(f"{wire.url}/a.tif?page=2")
    assert "a.tif?page=2" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("mode", [*MODES, *WITHOUT_SERVER])
@pytest.mark.parametrize("place", PLACES)
def test_every_place_in_every_failure(
    flavour: Flavour,
    server: Callable[[str], str],
    home: Store,
    caplog: pytest.LogCaptureFixture,
    place: str,
    mode: str,
) -> None:
    assert run(place, mode, flavour, server(mode), home, caplog, rendered=True) == []
