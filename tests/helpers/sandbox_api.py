"""A small caller for the tests of the sandbox: plain httpx, nothing of the client."""

from __future__ import annotations

from typing import Any

import httpx

from geopera.sandbox import Sandbox

SCENE = "S2A_MSIL2A_20240115T000241_R030_T56HKH_20240115T012345"
AOI = [151.18, -33.92, 151.30, -33.84]
ORDER = {"collection": "sentinel-2-l2a", "item_ids": [SCENE], "delivery": {"format": "geotiff"}}


class Api:
    """Calls operations with one token; a context manager."""

    def __init__(self, server: Sandbox | str, token: str | None = "sandbox-token", **headers: str) -> None:
        url = server if isinstance(server, str) else server.url
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        # No authorities: to read them takes longer than a call, and the sandbox has no TLS.
        self.http = httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False, verify=False)

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def raw(self, operation: str, body: Any = None, **headers: str) -> httpx.Response:
        """The response, whatever its status."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(f"/v1/op/{operation}", json={} if body is None else body, headers=names)

    def __call__(self, operation: str, body: Any = None, **headers: str) -> Any:
        """The JSON of a success."""
        reply = self.raw(operation, body, **headers)
        assert reply.is_success, reply.text
        return reply.json()

    def problem(self, status: int, operation: str, body: Any = None, **headers: str) -> dict[str, Any]:
        """The problem document of a response with this status."""
        reply = self.raw(operation, body, **headers)
        assert reply.status_code == status, reply.text
        assert reply.headers["content-type"].startswith("application/problem+json")
        problem: dict[str, Any] = reply.json()
        assert problem["status"] == status
        assert problem["type"] == "about:blank"
        assert problem["title"]
        assert problem["detail"]
        return problem
