"""Everything that a person, a log service, an error tracker or another process gets to see, to search it for a secret."""

from __future__ import annotations

import base64
import copy
import html
import io
import logging
import pickle
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote

import geopera

PACKAGE = str(Path(geopera.__file__).parent)


def readings(text: str) -> Iterator[str]:
    """A text as it is, and as it reads without percent-encoding, JSON and HTML escapes, and base64."""
    yield text
    yield unquote(text)
    yield re.sub(r"\\{1,4}u([0-9a-fA-F]{4})", lambda one: chr(int(one[1], 16)), text)
    yield html.unescape(text)
    for run in re.findall(r"[A-Za-z0-9+/_-]{16,}", text):
        coded = run.replace("-", "+").replace("_", "/")
        for shift in range(4):
            part = coded[shift:]
            yield base64.b64decode(part[: len(part) // 4 * 4]).decode("latin-1")


def shows(marker: str, text: str) -> bool:
    """Whether a text shows the marker, or half of it."""
    half = len(marker) // 2
    return any(part in reading for reading in readings(text) for part in (marker[:half], marker[half:]))


def chain(error: BaseException | None) -> list[BaseException]:
    """An exception with its causes and contexts, suppressed ones too."""
    found: list[BaseException] = []
    todo = [error]
    while todo:
        one = todo.pop()
        if one is not None and one not in found:
            found.append(one)
            todo += [one.__cause__, one.__context__]
    return found


def in_the_package(trace: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that begins with the package: what lies before it are frames of the test."""
    while trace is not None and not trace.tb_frame.f_code.co_filename.startswith(PACKAGE):
        trace = trace.tb_next
    return trace


def of_thing(thing: Any) -> dict[str, str]:
    """What an object shows of itself, and what a copy of it holds."""
    found = {"repr": repr(thing), "str": str(thing), "format": f"{thing}"}
    if hasattr(thing, "__dict__"):
        found["vars"] = repr(vars(thing))
    if hasattr(thing, "_repr_html_"):
        found["html"] = str(thing._repr_html_())
    found |= {f"pickle: {name}": data.decode("latin-1") for name, data in pickles(thing).items()}
    return found


def pickles(thing: Any) -> dict[str, bytes]:
    import cloudpickle

    return {
        "pickle": pickle.dumps(thing),
        "protocol 2": pickle.dumps(thing, 2),
        "cloudpickle": cloudpickle.dumps(thing),
        "of a copy": pickle.dumps(copy.copy(thing)),
    }


def of_response(response: Any) -> dict[str, str]:
    """What a response holds."""
    if response is None:
        return {}
    return {
        **of_thing(response),
        "content": response.content.decode("latin-1"),
        "headers": repr(list(response.headers.multi_items())) + repr(response.headers.raw),
        "parsed": f"{response.parsed!r} {response.parsed}",
        "request_id": repr(response.request_id),
    }


def of_error(error: BaseException, *, rendered: bool = False) -> dict[str, str]:
    """What an exception holds and shows, with the frames of the package and all that it is chained to.

    rendered: Render by rich and by pytest too, which is slow.
    """
    found = {f"error {name}": text for name, text in of_thing(error).items()}
    for number, one in enumerate(chain(error)):
        parts = [repr(one), str(one), repr(one.args), repr(vars(one)), repr(getattr(one, "__notes__", None))]
        parts += [_attribute(one, name) for name in ("doc", "object", "request", "response")]
        found[f"chain {number}"] = " ".join(parts)
        one.__traceback__ = in_the_package(one.__traceback__)
    found |= {
        f"response {name}": text for name, text in of_response(getattr(error, "response", None)).items()
    }
    problem = getattr(error, "error", None)
    if problem is not None:
        found["error.error"] = f"{problem!r} {problem} {problem.to_dict()!r}"
    shown = tracebacks(error, rendered=rendered)
    if error.__traceback__ is not None:
        local = next(iter(error.__traceback__.tb_frame.f_locals))
        assert local in shown["traceback"]
    found |= {f"traceback: {name}": text for name, text in shown.items()}
    found["pickle: tblib"] = with_tblib(error).decode("latin-1")
    return found


def _attribute(error: BaseException, name: str) -> str:
    try:
        return repr(getattr(error, name, None))
    except RuntimeError:  # httpx's errors without a request
        return ""


def tracebacks(error: BaseException, *, rendered: bool = False) -> dict[str, str]:
    """The traceback as those show it who show local variables."""
    made = traceback.TracebackException.from_exception(error, capture_locals=True)
    return {
        "traceback": "".join(made.format()),
        "sentry": by_sentry(error),
        **({"rich": by_rich(error), "pytest -l": by_pytest(error)} if rendered else {}),
    }


def by_rich(error: BaseException) -> str:
    from rich.console import Console
    from rich.traceback import Traceback

    console = Console(file=io.StringIO(), width=2000, color_system=None)
    console.print(
        Traceback.from_exception(
            type(error),
            error,
            error.__traceback__,
            show_locals=True,
            locals_max_length=None,
            locals_max_string=None,
            locals_hide_dunder=False,
            locals_hide_sunder=False,
            width=2000,
            extra_lines=0,
        )
    )
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def by_pytest(error: BaseException) -> str:
    import pytest

    if error.__traceback__ is None:
        return ""
    info = pytest.ExceptionInfo.from_exception(error)
    return str(info.getrepr(showlocals=True, truncate_locals=False, funcargs=True))


def by_sentry(error: BaseException) -> str:
    """What Sentry's SDK sends, taken from its transport. Its integrations would patch this process; they are left out."""
    import sentry_sdk
    from sentry_sdk.transport import Transport

    sent: list[bytes] = []

    class Kept(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            sent.append(envelope.serialize())

    client = sentry_sdk.Client(
        dsn="http://key@127.0.0.1:9/1",
        transport=Kept,
        default_integrations=False,
        auto_enabling_integrations=False,
    )
    with sentry_sdk.new_scope() as scope:
        scope.set_client(client)
        sentry_sdk.capture_exception(error)
    client.close(timeout=0)
    return b"".join(sent).decode("utf-8", "replace")


def with_tblib(error: BaseException) -> bytes:
    """A pickle where `tblib` is installed as dask's workers install it, and as it can be told to: with local variables."""
    import copyreg

    import tblib.pickling_support

    before = dict(copyreg.dispatch_table)
    try:
        tblib.pickling_support.install()
        plain = pickle.dumps(error)
        tblib.pickling_support.install(
            get_locals=lambda frame: {n: repr(v) for n, v in frame.f_locals.items()}
        )
        return plain + pickle.dumps(error)
    finally:
        copyreg.dispatch_table.clear()
        copyreg.dispatch_table.update(before)


def of_records(records: list[logging.LogRecord]) -> dict[str, str]:
    """Log records: text, attributes, and the exceptions that they carry."""
    found = {}
    for number, record in enumerate(records):
        text = logging.Formatter().format(record)
        found[f"log {number} of {record.name}"] = f"{text} {record.__dict__!r}"
    return found
