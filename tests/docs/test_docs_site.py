"""The built site: links and anchors exist, nothing is asked of another host, pages work in a browser.

The site is built once. Without zensical, or without a Chromium for the browser's part, these tests are skipped.
Set GEOPERA_SCREENSHOTS to a folder to keep the screenshots.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from helpers import browser
from helpers.pages import RECIPES, ROOT, PageServer, blocks, needs

from geopera.manifest import default
from geopera.sandbox import Sandbox

pytestmark = pytest.mark.slow
SITE = "http://site.test/"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("zensical")
    out = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, "-m", "docs.build_site", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


class Page(HTMLParser):
    """The ids of a page, its links, and the addresses that a browser fetches for it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.update(value for name in ("id", "name") if (value := given.get(name)))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if "src" in given:
            self.fetched.append(given["src"])
        if tag == "link" and given.get("rel") != "canonical" and "href" in given:
            self.fetched.append(given["href"])


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    return {path.relative_to(site).as_posix(): Page(path) for path in sorted(site.rglob("*.html"))}


def test_links_and_anchors_exist(site: Path, pages: dict[str, Page]) -> None:
    wrong = []
    for name, page in pages.items():
        for link in page.links:
            address, anchor = urldefrag(urljoin(SITE + name, link))
            if not address.startswith(SITE) or name == "404.html":
                continue
            target = unquote(urlsplit(address).path).lstrip("/") or "index.html"
            if target.endswith("/"):
                target += "index.html"
            if not (site / target).is_file():
                wrong.append(f"{name}: {link}: no such file")
            elif anchor and target in pages and unquote(anchor) not in pages[target].ids:
                wrong.append(f"{name}: {link}: no such anchor")
    assert not wrong, "\n".join(wrong[:40])


def test_nothing_is_asked_of_another_host(site: Path, pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        for address in page.fetched:
            assert urljoin(SITE + name, address).startswith((SITE, "data:")), f"{name} fetches {address}"
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", style.read_text(encoding="utf-8"))


def test_every_page_has_a_twin_in_markdown(site: Path, pages: dict[str, Page]) -> None:
    listed = set(re.findall(r"\]\(([\w/.-]+\.md)\)", (site / "llms.txt").read_text(encoding="utf-8")))
    for name in pages.keys() - {"404.html"}:
        twin = name.removesuffix(".html") + ".md"
        assert (site / twin).read_text(encoding="utf-8").startswith("# "), twin
        assert twin in listed, f"llms.txt does not list {twin}"
    assert "WaitTimeoutError" in (site / "api" / "errors.md").read_text(encoding="utf-8")


def test_every_operation_has_its_anchor(pages: dict[str, Page]) -> None:
    ids = set(default().operations)
    found = {id for name, page in pages.items() if name.startswith("reference/") for id in page.ids}
    assert ids <= found
    assert ids <= pages["reference/index.html"].ids


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Browser]:
    program = browser.installed()
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(browser.NAMES)} is installed")
    made = browser.Browser(program, tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


def test_search_finds_an_operation(chromium: browser.Browser, served: str) -> None:
    chromium.look(1280, 900, "light")
    chromium.open(served + "index.html")
    chromium.evaluate("document.querySelector('.md-search__button').click()")
    chromium.wait("document.activeElement.shadowRoot !== null")
    chromium.type("orders.archive.place")
    links = "[...(document.activeElement.shadowRoot?.querySelectorAll('a') ?? [])].map(a => a.href)"
    first = chromium.wait(f"({links})[0]")
    assert urlsplit(first).path == "/reference/orders.html"
    assert urlsplit(first).fragment == "orders.archive.place"


def test_no_page_logs_an_error(chromium: browser.Browser, served: str, pages: dict[str, Page]) -> None:
    chromium.errors.clear()
    chromium.requested.clear()
    for name in pages.keys() - {"404.html"}:
        chromium.open(served + name)
    assert chromium.errors == []
    hosts = {urlsplit(address).netloc for address in chromium.requested if address.startswith("http")}
    assert hosts == {urlsplit(served).netloc}


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("index.html", 1280, "light"),
        ("reference/orders.html#orders.archive.place", 1280, "light"),
        ("recipes/order.html", 1280, "dark"),
        ("index.html", 390, "light"),
        ("recipes/order.html", 390, "dark"),
    ],
)
def test_pages_look_like_pages(
    chromium: browser.Browser, served: str, tmp_path: Path, name: str, width: int, scheme: str
) -> None:
    chromium.look(width, 900, scheme)
    chromium.open(served + "404.html")
    chromium.evaluate("localStorage.clear()")  # the scheme that was chosen before
    chromium.open(served + name)
    title = chromium.evaluate("document.querySelector('h1').textContent")
    assert title
    red, green, blue = map(
        int, re.findall(r"\d+", chromium.evaluate("getComputedStyle(document.body).backgroundColor"))[:3]
    )
    assert (red + green + blue > 600) is (scheme == "light")
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width, "it scrolls sideways"
    folder = Path(os.environ.get("GEOPERA_SCREENSHOTS") or tmp_path)
    file = folder / f"{Path(urlsplit(name).path).stem}-{width}-{scheme}.png"
    chromium.screenshot(file)
    assert file.stat().st_size > 10_000


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    made = PageServer(tmp_path_factory.mktemp("runner"))
    yield made
    made.close()


@pytest.mark.parametrize(
    "page", [page for page in RECIPES if "```python" in page.read_text("utf-8")], ids=lambda page: page.stem
)
def test_the_notebook_of_a_recipe_runs(
    site: Path, runner: PageServer, sandbox: Sandbox, tmp_path: Path, page: Path
) -> None:
    pytest.importorskip("IPython")
    for module in needs(page):
        pytest.importorskip(module)
    path = site / "recipes" / f"{page.stem}.ipynb"
    made = json.loads(path.read_text(encoding="utf-8"))
    assert (made["nbformat"], made["metadata"]["kernelspec"]["name"]) == (4, "python3")
    code = ["".join(cell["source"]) for cell in made["cells"] if cell["cell_type"] == "code"]
    assert code == [block.code.strip("\n") for block in blocks(page) if block.language == "python"]
    assert f'href="{page.stem}.ipynb"' in (site / "recipes" / f"{page.stem}.html").read_text(encoding="utf-8")
    done = runner.run("notebook", path, page.name, sandbox, tmp_path)
    assert done.status == 0, done.stdout[-2000:] + done.stderr[-4000:]
