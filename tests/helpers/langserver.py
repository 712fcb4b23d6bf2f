"""A language server over its standard streams: the few requests that an editor makes."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from queue import Empty, Queue
from typing import Any


class LanguageServer:
    """Speaks the Language Server Protocol with a process; requests wait for their response."""

    def __init__(self, command: list[str], folder: Path, settings: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder
        )
        self._settings = settings
        self._incoming: Queue[dict[str, Any]] = Queue()
        self._id = 0
        threading.Thread(target=self._read, daemon=True).start()
        uri = folder.as_uri()
        self.request(
            "initialize",
            {
                "processId": None,
                "rootUri": uri,
                "workspaceFolders": [{"uri": uri, "name": "project"}],
                "capabilities": {
                    "workspace": {"configuration": True, "workspaceFolders": True},
                    "textDocument": {
                        "hover": {"contentFormat": ["markdown"]},
                        "publishDiagnostics": {"tagSupport": {"valueSet": [1, 2]}},
                        "completion": {
                            "completionItem": {
                                "documentationFormat": ["markdown"],
                                "tagSupport": {"valueSet": [1]},
                                "resolveSupport": {"properties": ["documentation", "detail"]},
                            }
                        },
                    },
                },
            },
        )
        self._send({"method": "initialized", "params": {}})

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while head := stream.readline():
            size = 0
            while head.strip():
                name, _, value = head.decode().partition(":")
                size = int(value) if name.lower() == "content-length" else size
                head = stream.readline()
            self._incoming.put(json.loads(stream.read(size)))

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        stream = self._process.stdin
        assert stream is not None
        stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        stream.flush()

    def _next(self, timeout: float = 240) -> dict[str, Any]:
        """The next message, after what the server itself asks for has been sent."""
        while True:
            try:
                message = self._incoming.get(timeout=timeout)
            except Empty:
                raise TimeoutError("the language server does not respond") from None
            if "method" in message and "id" in message:
                result: Any = None
                if message["method"] == "workspace/configuration":
                    result = [self._settings.get(one.get("section")) for one in message["params"]["items"]]
                self._send({"id": message["id"], "result": result})
            else:
                return message

    def request(self, method: str, params: dict[str, Any]) -> Any:
        self._id += 1
        self._send({"id": self._id, "method": method, "params": params})
        while True:
            message = self._next()
            if message.get("id") == self._id and "method" not in message:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]

    def open(self, path: Path, text: str) -> list[dict[str, Any]]:
        """Opens a document. Returns its diagnostics."""
        path.write_text(text, encoding="utf-8")
        uri = path.as_uri()
        self._send(
            {
                "method": "textDocument/didOpen",
                "params": {"textDocument": {"uri": uri, "languageId": "python", "version": 1, "text": text}},
            }
        )
        while True:
            message = self._next()
            if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == uri:
                found: list[dict[str, Any]] = message["params"]["diagnostics"]
                return found

    def at(self, method: str, path: Path, line: int, character: int) -> Any:
        return self.request(
            f"textDocument/{method}",
            {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": character}},
        )

    def close(self) -> None:
        self.request("shutdown", {})
        self._send({"method": "exit"})
        self._process.wait(timeout=30)
        for s in (self._process.stdin, self._process.stdout):
            s.close()
