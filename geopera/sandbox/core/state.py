"""What one running server holds: its settings, its store, its manifest and its catalogue."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..catalogue.scenes import SCENES_OVER_AOI, Catalogue
from ..wire.auth import DEFAULT_TOKEN, Tokens
from ..wire.contract import Contract
from ..wire.limits import WINDOW, RateLimits
from ..wire.oauth import OAuth
from ..wire.store import Store
from . import seeds

DEFAULT_CREDITS = 10_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of a server; `create_app` takes them as keywords.

    Attributes:
        token: the token with every scope.
        tokens: further tokens: token -> {"scopes", "organization", "principal", "type"}.
        db: the SQLite file; `:memory:` for none.
        speed: how many times as fast orders and jobs move.
        credits: what an organisation starts with (100 credits are one Australian dollar).
        rate_limits: whether the rate limits apply.
        rate_window: the length of their window, in seconds.
        rate_limit_counts: calls per window, over the documented ones.
        scenes: how many Sentinel-2 scenes cover the area around Sydney.
        download_size: bytes of a clip download and of a signed file.
        files_host: the host name in signed URLs; None: the other name of the loopback interface.
        stream_delay: seconds between two records of a stream.
        token_ttl: lifetime in seconds of the access tokens that a sign-in gives.
        approve: whether a sign-in is approved at once, without a person at the verification page.
    """

    token: str = DEFAULT_TOKEN
    tokens: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    db: str = ":memory:"
    speed: float = 1.0
    credits: int = DEFAULT_CREDITS
    rate_limits: bool = False
    rate_window: float = WINDOW
    rate_limit_counts: Mapping[str, int] = field(default_factory=dict)
    scenes: int = SCENES_OVER_AOI
    download_size: int = 1 << 20
    files_host: str | None = None
    stream_delay: float = 0.0
    token_ttl: float = 3600.0
    approve: bool = False


class State:
    """The server's memory. Everything that must survive a restart is in `store`."""

    def __init__(
        self,
        settings: Settings,
        manifest: object = None,
        openapi: Callable[[dict[str, Any]], Any] | Mapping[str, Any] | bytes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if settings.speed <= 0:
            raise ValueError("speed is more than zero")
        if settings.token_ttl <= 0:
            raise ValueError("token_ttl is more than zero")
        self.settings = settings
        self.contract = Contract.load(manifest)
        self.openapi = openapi
        self.clock = clock
        self.tokens = Tokens(settings.token, settings.tokens, lambda: self.clock())
        self.oauth = OAuth(
            self.tokens, lambda: self.clock(), ttl=settings.token_ttl, approve=settings.approve
        )
        self.limits = (
            RateLimits(settings.rate_window, settings.rate_limit_counts) if settings.rate_limits else None
        )
        self.catalogue = Catalogue(settings.scenes)
        self.signing_key = hashlib.sha256(b"signed files of " + settings.token.encode()).digest()
        self._store: Store | None = None
        self._ready: set[str] = set()
        self.openapi_cache: tuple[object, bytes] | None = None
        # Wakes the worker that delivers webhooks; set when the server starts.
        self.wake: Callable[[], None] = lambda: None

    @property
    def store(self) -> Store:
        """The database, opened at first use."""
        if self._store is None:
            self._store = Store(self.settings.db)
        return self._store

    def use_manifest(self, manifest: object) -> None:
        """Answers by another manifest from now on (and describes it in /openapi.json)."""
        self.contract = Contract.load(manifest)
        self.openapi_cache = None

    def ensure(self, organisation: str, now: float) -> None:
        """Makes what an organisation starts with: an account with credits, items, notifications."""
        if organisation in self._ready:
            return
        with self.store.transaction():
            seeds.plant(self.store, organisation, self.settings.credits, now)
        self._ready.add(organisation)

    def close(self) -> None:
        """Closes the database."""
        if self._store is not None:
            self._store.close()
            self._store = None
            self._ready.clear()


def new_id(prefix: str) -> str:
    """A fresh id: a prefix and 96 random bits in hex."""
    return f"{prefix}_{secrets.token_hex(12)}"
