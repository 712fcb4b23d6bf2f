"""Nothing that a server says is executed by a terminal or changes what a line seems to say."""

from __future__ import annotations

import pydoc
import subprocess
import sys
import warnings

import pytest
from helpers.scenes import PAGE, SCENE, says, search

from geopera import Geopera
from geopera._display.safe import cut, one_line, safe, width
from geopera.errors import GeoperaError, ManifestError, ResponseMismatchWarning, UnexpectedStatus
from geopera.manifest import Manifest, bundled
from geopera.schema import type_adapter
from geopera.types import Content, open_json

EVIL = "\x1b[31mred\x1b]0;owned\x07\x9b2J\r\u202egnp\u2066\u200f\x00\x7f\u2028"


def harmless(text):
    return all(c.isprintable() or c in "\n\t" for c in text)


def test_controls_become_escapes_and_other_text_stays():
    assert safe("plain text\n\tand more") == "plain text\n\tand more"
    assert safe("\x1b[31m\x9b\r\u202e\U000e0041\ud800") == r"\x1b[31m\x9b\x0d\u202e\U000e0041\ud800"
    kept = "Zürich 東京 a\u00a0b می\u200cخواهم 👩\u200d👧"
    assert safe(kept) == kept
    assert safe("a\nb", keep="") == r"a\x0ab"
    assert one_line(" a\n b ", 10) == "a b"
    assert one_line("x" * 100, 10) == "x" * 9 + "…"
    assert len(cut("\x00" * 100, 10)) == 10
    assert width("東京") == 4


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (400, "application/problem+json", {"title": EVIL, "detail": EVIL}),
        (422, "application/json", {"detail": [{"loc": ["body", EVIL], "msg": EVIL, "type": EVIL}]}),
        (500, "text/html", EVIL.encode()),
        (503, "text/plain; charset=latin-1", EVIL.encode("latin-1", "replace")),
        (404, "application/json", {"title": {EVIL: EVIL}, "detail": [EVIL]}),
    ],
)
def test_messages_of_errors(status, kind, body):
    client = says(body, status, kind).with_options(max_retries=0)
    with pytest.raises(GeoperaError) as caught:
        client.orders.get(order_id="o")
    assert harmless(str(caught.value))
    assert harmless(caught.value.message)
    assert harmless(repr(caught.value))
    assert "red" in str(caught.value)


def test_the_data_stays_as_it_came():
    with pytest.raises(GeoperaError) as caught:
        says({"title": EVIL, "detail": EVIL}, 400, "application/problem+json").orders.get(order_id="o")
    assert caught.value.error.detail == EVIL
    order = says({"id": EVIL}).orders.get(order_id="o")
    assert order["id"] == EVIL
    assert order.to_dict() == {"id": EVIL}


def test_an_undeclared_status_and_a_warning():
    assert harmless(str(UnexpectedStatus(418, EVIL.encode())))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        search({**PAGE, "features": [{**SCENE, "id": {EVIL: 1}}]})
        warnings.warn(EVIL, ResponseMismatchWarning, stacklevel=1)
    assert len(seen) >= 1
    assert all(harmless(str(one.message)) for one in seen)


def test_reprs_tables_and_html():
    evil = {**SCENE, "id": EVIL, "collection": EVIL, "properties": {EVIL: EVIL, "datetime": EVIL}}
    evil["assets"] = {EVIL: {"href": EVIL}}
    page = search({"type": "FeatureCollection", "features": [evil], "note": EVIL, EVIL: EVIL})
    open_ = open_json({EVIL: EVIL, "id": EVIL, "nested": {EVIL: [EVIL, {EVIL: EVIL}]}})
    for thing in (page, page.features[0], page.features, open_, open_json({"orders": [open_], EVIL: 1})):
        for shown in (repr(thing), str(thing), thing._repr_html_()):
            assert harmless(shown)
            assert "red" in shown
    assert harmless(repr(Content(b"", EVIL)))


@pytest.mark.parametrize(
    "change",
    [
        {"description": EVIL},
        {"limit": {"type": "integer", "format": EVIL, "description": EVIL}},
        {"mode": {"enum": [EVIL]}},
        {"mode": {"type": "string", "default": EVIL}},
        {EVIL: {"type": "string"}},
    ],
)
def test_what_a_manifest_says(change):
    document = bundled().to_dict()
    schema = document["schemas"]["CatalogSearchInput"]
    if "description" in change:
        schema |= change
    else:
        schema["properties"] |= change
    from geopera._repl import operations

    try:
        manifest = Manifest.from_dict(document)
        operation = manifest.operations["catalog.search"]
        shown = [
            operations.operation_line(operation, manifest),
            operations.operation_text(operation, manifest),
            operations.operation_doc(operation, manifest),
            operations.operation_html(operation, manifest),
            operations.resource_repr(manifest, "catalog"),
            operations.resource_html(manifest, "catalog"),
            repr(operation),
            repr(manifest),
        ]
    except ManifestError as refusal:
        shown = [str(refusal)]
    assert all(map(harmless, shown))


def test_the_docstring_of_a_class():
    assert harmless(type_adapter({"title": "T", "type": "object", "description": EVIL}).type.__doc__)


def test_help_is_harmless():
    shown = pydoc.render_doc(Geopera().catalog.search, renderer=pydoc.plaintext)
    assert harmless(shown)


@pytest.mark.slow
def test_a_traceback_on_stderr():
    code = (
        "import sys; sys.path[:0] = ['tests']\n"
        "from helpers.scenes import says\n"
        f"says({{'title': {EVIL!r}}}, 400, 'application/problem+json').orders.get(order_id='o')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert "BadRequestError" in done.stderr
    assert harmless(done.stderr.replace("\r\n", "\n"))
