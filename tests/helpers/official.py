"""Facts about the generated SDK 2.1.0, for the tests of compatibility: names, and what it puts on the wire."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent.parent / "surface" / "fixtures"
NAMES: dict[str, Any] = json.loads((HERE / "official_names.json").read_text())
WIRE: dict[str, Any] = json.loads((HERE / "official_wire.json").read_text())

CLASSES: dict[str, dict[str, Any]] = {**NAMES["models"], **NAMES["inline_models"]}
ENUMS = sorted(name for name, facts in CLASSES.items() if "enum" in facts)
MODELS = sorted(name for name, facts in NAMES["models"].items() if "enum" not in facts)
OPEN_MODELS = sorted(name for name, facts in NAMES["inline_models"].items() if "enum" not in facts)

# The recipe page sends `threshold`, `amount` and `currency` in their place.
AUTO_TOPUP = ("SetAutoTopupInput", "SetAutoTopupOutput")

# What the generator lost, and what only the recipe page names.
FURTHER_MODULES = (
    "catalog_collections_list",
    "catalog_hosts_list",
    "glossary_collections_list",
    "stac_collections_list",
)
MODULES: list[str] = sorted([*NAMES["operation_modules"], *FURTHER_MODULES])


def fresh(code: str, *, env: dict[str, str] | None = None) -> str:
    """What `code` prints in a process of its own, warnings as errors. Its failure is the test's."""
    command = [sys.executable, "-P", "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Recorder:
    """A server on loopback that keeps each request and gives the response that was set; a context manager."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.status, self.content, self.content_type = 200, b"{}", "application/json"
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body leave in two writes
            wbufsize = -1
            timeout = 30

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                recorder.seen.append((self.command, self.path, headers, content))
                self.send_response(recorder.status)
                self.send_header("Content-Type", recorder.content_type)
                self.send_header("Content-Length", str(len(recorder.content)))
                self.end_headers()
                self.wfile.write(recorder.content)

            do_GET = do_POST

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Recorder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def replies(self, value: Any, status: int = 200, content_type: str = "application/json") -> None:
        """What every request gets from now on: bytes as they are, anything else as JSON."""
        self.content = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.status, self.content_type = status, content_type

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the last request, names in lower case."""
        return self.seen[-1][2]

    @property
    def body(self) -> Any:
        """The JSON of the last request."""
        return json.loads(self.seen[-1][3])
