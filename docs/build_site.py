"""Build the documentation as a static site: ``python -m docs.build_site --out site``.

The pages of docs/, the operation reference of the bundled manifest and the API reference from the docstrings are put
together in a folder, built by zensical, and joined by a notebook of each recipe, a Markdown twin of each page and
``llms.txt``. The build fails where a page asks another host for a script, a style, a font or an image.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from docs.notebooks import notebook

DOCS = Path(__file__).parent
ROOT = DOCS.parent
# Public modules, in the order of their importance to a reader.
MODULES = (
    "fluent",
    "client",
    "errors",
    "types",
    "middleware",
    "webhooks",
    "manifest",
    "bodies",
    "schema",
    "sandbox",
)
CONFIG = """\
[project]
site_name = "Geopera for Python"
site_description = "Search satellite imagery, order it, task satellites and run processing"
docs_dir = "docs"
site_dir = "site"
use_directory_urls = false
nav = {nav}

[project.theme]
font = false
features = [
  "content.code.copy", "navigation.footer", "navigation.indexes", "navigation.sections", "navigation.top",
  "search.highlight", "toc.follow",
]

[[project.theme.palette]]
media = "(prefers-color-scheme: light)"
scheme = "default"
toggle.icon = "lucide/sun"
toggle.name = "Switch to dark mode"

[[project.theme.palette]]
media = "(prefers-color-scheme: dark)"
scheme = "slate"
toggle.icon = "lucide/moon"
toggle.name = "Switch to light mode"

[project.markdown_extensions]
attr_list = {{}}
md_in_html = {{}}
tables = {{}}
toc.permalink = true
pymdownx.highlight.pygments_lang_class = true
pymdownx.superfences = {{}}

[project.plugins.mkdocstrings.handlers.python]
paths = [{root}]

[project.plugins.mkdocstrings.handlers.python.options]
docstring_style = "google"
show_root_heading = true
show_source = false
members_order = "source"
filters = ["!^_"]
"""
# A request that a browser makes by itself. A link to follow (`<a href>`) is none.
REQUEST = re.compile(
    r"""<(?:script|img|iframe|source|audio|video)\b[^>]*\bsrc=["']?(?:https?:)?//[^>]*>"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|preconnect|icon|preload|dns-prefetch))[^>]*\bhref=["']?(?:https?:)?//[^>]*>"""
)


def title_of(page: Path) -> str:
    found = re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.M)
    return found[1] if found else page.stem


def stage(folder: Path) -> None:
    """Put the sources of the site together in `folder`, with their configuration."""
    pages = folder / "docs"
    shutil.copytree(DOCS, pages, ignore=shutil.ignore_patterns("*.py", "__pycache__", "*.ipynb"))
    for page in pages.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        text = re.sub(
            r"\]\(\.\./(CHANGELOG|CONTRIBUTING|SECURITY)\.md", lambda m: f"]({m[1].lower()}.md", text
        )
        if page == pages / "index.md":  # the reference is part of the site alone
            text = text.replace("](command-line.md#looking-around)", "](reference/index.md)")
        page.write_text(text, encoding="utf-8")
    for page in sorted((pages / "recipes").glob("*.md")):
        if "```python" in page.read_text(encoding="utf-8"):
            page.with_suffix(".ipynb").write_text(notebook(page, pages), encoding="utf-8")
            title, _, rest = page.read_text(encoding="utf-8").partition("\n")
            link = f"[Download as a notebook]({page.stem}.ipynb){{ .md-button }}"
            page.write_text(f"{title}\n\n{link}\n{rest}", encoding="utf-8")
    for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY"):
        text = (ROOT / f"{name}.md").read_text(encoding="utf-8").replace("](docs/", "](")
        (pages / f"{name.lower()}.md").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "geopera", "docs", "--out", str(pages / "reference")]
    subprocess.run(command, check=True, cwd=ROOT)
    api = pages / "api"
    api.mkdir()
    for name in MODULES:
        (api / f"{name}.md").write_text(f"# geopera.{name}\n\n::: geopera.{name}\n", encoding="utf-8")
    config = CONFIG.format(nav=json_toml(navigation(pages)), root=json.dumps(str(ROOT)))
    (folder / "zensical.toml").write_text(config, encoding="utf-8")


def navigation(pages: Path) -> list[dict[str, object]]:
    """The navigation: the sections of the index page, then both references and the project's own pages."""
    nav: list[dict[str, object]] = [{"Home": "index.md"}]
    for section in re.split(r"^## ", (pages / "index.md").read_text(encoding="utf-8"), flags=re.M)[1:]:
        links = [name for name in re.findall(r"\]\(([\w/-]+\.md)\)", section) if (pages / name).exists()]
        if links:
            nav.append({section.splitlines()[0]: [{title_of(pages / name): name} for name in links]})
    reference = sorted((pages / "reference").glob("*.md"), key=lambda p: (p.stem != "index", p.stem))
    nav.append({"Operations": [f"reference/{page.name}" for page in reference]})
    nav.append({"API": [{f"geopera.{name}": f"api/{name}.md"} for name in MODULES]})
    project = [{title_of(pages / f"{n}.md"): f"{n}.md"} for n in ("changelog", "contributing", "security")]
    nav.append({"Project": project})
    return nav


def json_toml(value: object) -> str:
    """Lists, objects with one key and strings as TOML."""
    if isinstance(value, list):
        return "[" + ", ".join(map(json_toml, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {json_toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)


def twins(staged: Path, site: Path) -> None:
    """A Markdown twin beside each page, and ``llms.txt``, which lists them."""
    lines = [
        "# Geopera for Python",
        "",
        "> Python client of the Geopera geospatial data platform.",
        "",
        "## Pages",
        "",
    ]
    pages = sorted((staged / "docs").rglob("*.md"))
    for page in pages:
        name = page.relative_to(staged / "docs")
        target = site / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name.parts[0] == "api":  # the source is one directive
            target.write_text(module_text(name.stem), encoding="utf-8")
        else:
            shutil.copy(page, target)
        lines.append(f"- [{title_of(page)}]({name.as_posix()})")
    (site / "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def module_text(name: str) -> str:
    """The public names of a module with their docstrings, as Markdown."""
    import griffe

    module = griffe.load(f"geopera.{name}", search_paths=[str(ROOT)])
    lines = [f"# geopera.{name}", "", module.docstring.value if module.docstring else ""]
    for item in module.members.values():
        if item.is_alias or not item.is_public:
            continue
        lines += ["", f"## {_signature(item)}", "", item.docstring.value if item.docstring else ""]
        for member in item.members.values() if item.is_class else ():
            if not member.is_alias and member.is_public and member.docstring:
                lines += ["", f"### {_signature(member)}", "", member.docstring.value]
    return "\n".join(lines).rstrip() + "\n"


def _signature(item: Any) -> str:
    return str(item.signature()) if item.is_function else str(item.name)


def foreign_requests(site: Path) -> list[str]:
    """What the pages and styles of a site would ask other hosts for."""
    found = []
    for page in sorted(site.rglob("*.html")):
        hits = REQUEST.findall(page.read_text(encoding="utf-8"))
        found += [f"{page.relative_to(site)}: {hit}" for hit in hits]
    for style in sorted(site.rglob("*.css")):
        text = style.read_text(encoding="utf-8")
        hits = re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^\"')]+", text)
        found += [f"{style.relative_to(site)}: {hit}" for hit in hits]
    return found


def build(out: Path) -> None:
    """Build the site into `out`, which is replaced."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        stage(folder)
        subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], check=True, cwd=folder)
        twins(folder, folder / "site")
        foreign = foreign_requests(folder / "site")
        if foreign:
            raise SystemExit("The site asks other hosts:\n" + "\n".join(foreign))
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(folder / "site", out)
    print(f"{len(list(out.rglob('*.html')))} pages in {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "site")
    build(parser.parse_args().out)
