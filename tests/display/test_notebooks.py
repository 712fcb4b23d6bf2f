"""Notebooks as a kernel runs them, and pictures of them as a browser draws them, in both themes."""

from __future__ import annotations

import base64
import shutil
import subprocess

import pytest
from helpers.scenes import search

from geopera.sandbox import Sandbox

CELLS = {
    "client": "from geopera import Geopera, AsyncGeopera\nclient = Geopera(TOKEN, base_url=URL)",
    "page": "page = client.catalog.search(host_name='earthsearch-aws', limit=30)\npage",
    "scene": "page.records[0]",
    "list": "list(page.records)",
    "order": "client.orders.archive.place({'collection': 'sentinel-2-l2a', 'item_ids': [page.records[0].id], "
    "'delivery': {'format': 'geotiff'}}, idempotency_key=KEY)",
    "operation": "client.catalog.search",
    "image": "client.cog.thumbnail(url='https://example.com/a.tif')",
    "await": "await AsyncGeopera(TOKEN, base_url=URL).catalog.hosts.list({})",
    "progress": "list(client.catalog.search.iter(host_name='earthsearch-aws', max_items=5, progress=True))",
    "error": "client.catalog.search(limit=10_000)",
}


@pytest.mark.slow
def test_a_notebook_runs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ipykernel")
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    names = f"TOKEN = {sandbox.token!r}; URL = {sandbox.url!r}; KEY = 'notebook'\n"
    cells = [
        nbformat.v4.new_code_cell((names if name == "client" else "") + code) for name, code in CELLS.items()
    ]
    cells[-1].metadata["tags"] = ["raises-exception"]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    nbformat.validate(notebook)
    outputs = {name: cell.outputs[-1] for name, cell in zip(CELLS, cells, strict=True) if cell.outputs}
    data = {name: output.data for name, output in outputs.items() if "data" in output}

    assert "30 features" in data["page"]["text/html"]
    assert data["page"]["text/plain"].endswith("more pages follow")
    assert "<summary>8: blue, green" in data["scene"]["text/html"]
    assert data["scene"]["text/plain"].startswith("<StacFeature ")
    assert data["list"]["text/plain"].count("<StacFeature ") == 30
    assert len(data["list"]["text/plain"]) < 5_000
    assert "<b>order</b> ord_" in data["order"]["text/html"]
    assert "host_name" in data["operation"]["text/html"]
    assert base64.b64decode(data["image"]["image/jpeg"]).startswith(b"\xff\xd8\xff")
    assert "3 hosts" in data["await"]["text/html"]
    assert "Warning" not in "".join(one.text for cell in cells for one in cell.outputs if "text" in one)
    assert outputs["error"].ename == "InvalidInputError"
    assert len("\n".join(outputs["error"].traceback).splitlines()) <= 20
    assert all(len(str(one)) < 150_000 for one in data.values())


def browser() -> str | None:
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


@pytest.mark.slow
@pytest.mark.skipif(browser() is None, reason="no Chromium is installed to take a picture with")
@pytest.mark.parametrize(
    ("scheme", "background", "shape"),
    [("light", (255, 255, 255), (31, 111, 235)), ("dark", (17, 17, 17), (88, 166, 255))],
)
@pytest.mark.parametrize("variables", [False, True], ids=["plain", "jupyterlab"])
def test_a_picture_in_both_themes(tmp_path, scheme, background, shape, variables) -> None:
    image = pytest.importorskip("PIL.Image")
    page = search()
    colour = f"rgb{background}"
    theme = f"body{{background:{colour};color:gray;margin:0}}"
    if variables:  # what a theme of JupyterLab defines wins over the scheme of the system
        shape = (200, 30, 60)
        theme += f":root{{--jp-brand-color1:rgb{shape}}}"
    source = tmp_path / "page.html"
    html = f"{page._repr_html_()}{page.features[0]._repr_html_()}"
    source.write_text(f"<meta charset='utf-8'><style>{theme}</style>{html}", encoding="utf-8")
    taken = tmp_path / "page.png"
    subprocess.run(
        [
            str(browser()),
            *("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1000,900"),
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}",
            f"--screenshot={taken}",
            source.as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    with image.open(taken) as opened:
        picture = opened.convert("RGB")
    colours = {colour for _, colour in picture.getcolors(1 << 24)}
    assert background in colours
    # Lines are drawn with soft edges: the nearest colour is nearer to this shape's than to that of the other theme.
    distance = min(sum(abs(a - b) for a, b in zip(shape, found, strict=True)) for found in colours)
    assert distance < 60, "the footprint has the colour of the theme"
    # Nothing runs over the right edge: the table of what people look for fits.
    width, height = picture.size
    edge = picture.crop((width - 3, 0, width, height)).getcolors(1 << 16)
    assert len(edge) < 20
