"""A store of credentials of its own for each test."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from geopera._auth import store

OLD, NEW, REFRESH = "access-old-0123456789", "access-new-0123456789", "refresh-old-0123456789"


class Store:
    """The credentials file of a home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / ".config" / "geopera" / "credentials.json"

    def write(self, profiles: Any) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = profiles if isinstance(profiles, str) else json.dumps(profiles)
        self.path.write_text(text)

    def read(self) -> Any:
        return json.loads(self.path.read_text())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store(tmp_path)
    monkeypatch.setattr(store, "path", lambda: str(made.path))
    for name in ("GEOPERA_API_TOKEN", "GEOPERA_API_URL", "GEOPERA_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return made


def key(url: str, value: str = "gpra_key-0123456789") -> dict[str, Any]:
    """A profile with an API key."""
    return {"api_url": url, "auth": {"type": "api_key", "api_key": value}}


def sign_in(url: str, *, left: float | None = -10.0, access: str = OLD, **more: Any) -> dict[str, Any]:
    """A profile of a sign-in, whose access token has ended by default."""
    end = None if left is None else time.time() + left
    auth = {
        "type": "oauth",
        "access_token": access,
        "refresh_token": REFRESH,
        "expires_at": end,
        "issuer": url,
    }
    return {"api_url": url, "note": "kept", "auth": {**auth, "scope": "openid profile", "extra": [1], **more}}


Serve = Callable[..., Any]
