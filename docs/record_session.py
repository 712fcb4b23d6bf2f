"""Record the terminal session of the README as an SVG: ``python -m docs.record_session``, or ``make session``.

The lines are typed into a Python console whose client talks to a sandbox of its own, so the output is real. It is the
same each time.
"""

from __future__ import annotations

import code
import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from html import escape
from pathlib import Path

from geopera.sandbox import running

OUT = Path(__file__).parent / "session.svg"
SESSION = [
    "from geopera import Geopera",
    "client = Geopera()",
    'search = {"host_name": "earthsearch-aws", "query": {"eo:cloud_cover": {"lt": 10}}}',
    (
        "for scene in client.catalog.search.iter(search, max_items=3):\n"
        '    print(scene.id, scene.properties["eo:cloud_cover"])\n'
    ),
    "try:\n    client.catalog.serach\nexcept AttributeError as error:\n    print(error)\n",
    'captures = [{"collection": scene.collection, "item_id": scene.id}]',
    "client.orders.archive.estimate(captures=captures).total_credits",
    "client.orders.archive.place.operation.side_effect",
]
WIDTH, LINE, LEFT, TOP = 8.4, 20, 18, 52
COLOURS = {">>>": "#7aa2f7", "...": "#7aa2f7"}


def record() -> list[str]:
    """The lines of the terminal, prompts and output."""
    shown = ["$ python"]
    kept = {name: os.environ.get(name) for name in ("GEOPERA_API_URL", "GEOPERA_API_TOKEN")}
    with running() as sandbox:
        os.environ |= {"GEOPERA_API_URL": sandbox.url, "GEOPERA_API_TOKEN": sandbox.token}
        try:
            console = code.InteractiveConsole({})
            for source in SESSION:
                lines = source.split("\n")
                shown += [
                    f"{'...' if number else '>>>'} {line}".rstrip() for number, line in enumerate(lines)
                ]
                printed = io.StringIO()
                with redirect_stdout(printed), redirect_stderr(printed):
                    console.runsource(source, "<console>", "single")
                shown += printed.getvalue().splitlines()
            console.locals["client"].close()
        finally:
            for name, value in kept.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
    return shown


def svg(lines: list[str]) -> str:
    """A terminal with these lines. It names no font or style of another host."""
    width = int(max(map(len, lines)) * WIDTH) + 2 * LEFT
    height = TOP + LINE * len(lines) + 8
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
            f' viewBox="0 0 {width} {height}" role="img" aria-label="A Python session with geopera">'
        ),
        f'<rect width="{width}" height="{height}" rx="8" fill="#16161e"/>',
        *(
            f'<circle cx="{22 + 20 * n}" cy="20" r="6" fill="{fill}"/>'
            for n, fill in enumerate(("#f7768e", "#e0af68", "#9ece6a"))
        ),
        '<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14" fill="#c0caf5" xml:space="preserve">',
    ]
    for number, line in enumerate(lines):
        prompt, text = (line[:3], line[3:]) if line[:3] in COLOURS else ("", line)
        mark = f'<tspan fill="{COLOURS[prompt]}">{escape(prompt)}</tspan>' if prompt else ""
        parts.append(f'<text x="{LEFT}" y="{TOP + LINE * number}">{mark}{escape(text, quote=False)}</text>')
    return "\n".join([*parts, "</g>", "</svg>"]) + "\n"


if __name__ == "__main__":
    OUT.write_text(svg(record()), encoding="utf-8")
    print(f"Recorded {OUT}", file=sys.stderr)
