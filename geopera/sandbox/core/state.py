"""The state of one running server: its settings, its store, its manifest and its catalogue."""

from __future__ import annotations

import copy
import hashlib
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import HTTPConnection

from ..catalogue.scenes import SCENES_OVER_AOI, Catalogue
from ..wire.auth import DEFAULT_TOKEN, Tokens
from ..wire.contract import Contract
from ..wire.limits import WINDOW, RateLimits
from ..wire.oauth import OAuth
from ..wire.store import Store
from . import seeds
from .clock import Clock
from .faults import Faults

DEFAULT_CREDITS = 10_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of a server; `create_app` takes them as keywords.

    Attributes:
        token: The token with every scope.
        tokens: Further tokens: token -> {"scopes", "organization", "principal", "type"}.
        db: The SQLite file; `:memory:` for none.
        speed: The factor by which orders and jobs are faster.
        credits: The credits of a new organisation (100 credits are one Australian dollar).
        rate_limits: Whether the rate limits apply.
        rate_window: The length of their window, in seconds.
        rate_limit_counts: Calls per window by class, instead of the documented ones.
        scenes: The number of Sentinel-2 scenes that cover the area around Sydney.
        download_size: The size in bytes of a clip download and of a signed file.
        files_host: The host name in signed URLs; None: the other name of the loopback interface.
        stream_delay: Seconds between two records of a stream.
        token_ttl: Lifetime in seconds of the access tokens of a sign-in.
        approve: Whether a sign-in is approved at once, without a person at the verification page.
        host: The address that it listens on, which the Host header may name.
        allowed_hosts: Further names in the Host header, as of a container.
        public_url: The base of the URLs in responses; None: the address that it listens on.
        secret: The secret of the control endpoints; None: a random one.
        remote_control: Whether the control endpoints serve other machines too.
        body_timeout: Seconds for a whole body to arrive.
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
    host: str = "127.0.0.1"
    allowed_hosts: tuple[str, ...] = ()
    public_url: str | None = None
    secret: str | None = None
    remote_control: bool = False
    body_timeout: float = 30.0


class State:
    """The server's memory. Everything that must survive a restart is in `store`."""

    def __init__(
        self,
        settings: Settings,
        manifest: object = None,
        openapi: Callable[[dict[str, Any]], Any] | Mapping[str, Any] | bytes | None = None,
    ) -> None:
        if settings.speed <= 0:
            raise ValueError("speed is more than zero")
        if settings.token_ttl <= 0:
            raise ValueError("token_ttl is more than zero")
        self.settings = settings
        self.contract = Contract.load(manifest)
        self.openapi = openapi
        self.clock: Callable[[], float] = Clock()
        self.secret = settings.secret or secrets.token_urlsafe(24)
        self.base: str | None = settings.public_url  # the base URL, set when it listens
        self.faults = Faults()
        self.calls: deque[dict[str, Any]] = deque(maxlen=10_000)
        self.expired: dict[str, float] = {}  # token -> since when it is refused
        self.responses: dict[str, Any] = {}  # operation -> its response, for operations that were added
        self.uploads: dict[str, bytes] = {}  # the name of an uploaded file -> its bytes
        self.url_lifetime = 3600.0  # seconds that signed URLs last
        self.snapshots: dict[str, tuple[Any, ...]] = {}
        self._sign_ins()
        self.limits = self._limits()
        self.catalogue = Catalogue(settings.scenes)
        self.signing_key = hashlib.sha256(b"signed files of " + settings.token.encode()).digest()
        self._beginning = (self.contract, openapi)
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
        """Serve another manifest from now on, and describe it in /openapi.json."""
        self.contract = Contract.load(manifest)
        self.openapi_cache = None

    def ensure(self, organisation: str, now: float) -> None:
        """Make the initial data of an organisation: an account with credits, items, notifications."""
        if organisation in self._ready:
            return
        with self.store.transaction():
            seeds.plant(self.store, organisation, self.settings.credits, now)
        self._ready.add(organisation)

    def base_url(self, request: HTTPConnection) -> str:
        """The base of the URLs in responses; never from a header of the request."""
        if self.base is not None:
            return self.base
        host, port = request.scope.get("server") or ("localhost", None)
        return f"{request.scope['scheme']}://{host}" + (f":{port}" if port else "")

    @property
    def hands(self) -> Clock:
        """The clock, to move it."""
        if not isinstance(self.clock, Clock):
            raise RuntimeError("the clock was replaced")
        return self.clock

    def reset(self) -> None:
        """Restore the state of a new server."""
        self.store.clear()
        self._ready.clear()
        self.clock = Clock()
        self.contract, self.openapi = self._beginning
        self.openapi_cache = None
        self.catalogue = Catalogue(self.settings.scenes)
        for kept in (
            self.faults.waiting,
            self.calls,
            self.expired,
            self.responses,
            self.snapshots,
            self.uploads,
        ):
            kept.clear()
        self.url_lifetime = 3600.0
        self.limits = self._limits()
        self._sign_ins()
        self.wake()

    def snapshot(self) -> str:
        """Keep the data, the clock, the scenes and the operations. Returns the id for `restore`."""
        id_ = new_id("snapshot")
        kept = (self.hands.state(), self.contract, copy.copy(self.catalogue), dict(self.responses))
        self.snapshots[id_] = (self.store.copied(), *kept)
        return id_

    def restore(self, id_: str) -> bool:
        """Go back to a snapshot, which can be used again. Returns False if there is none with this id."""
        if id_ not in self.snapshots:
            return False
        data, clock, self.contract, catalogue, responses = self.snapshots[id_]
        self.store.restore(data)
        self._ready.clear()
        self.hands.restore(clock)
        self.catalogue, self.responses, self.openapi_cache = copy.copy(catalogue), dict(responses), None
        self.wake()
        return True

    def _sign_ins(self) -> None:
        settings = self.settings
        self.tokens = Tokens(settings.token, settings.tokens, lambda: self.clock())
        self.oauth = OAuth(
            self.tokens, lambda: self.clock(), ttl=settings.token_ttl, approve=settings.approve
        )

    def _limits(self) -> RateLimits | None:
        settings = self.settings
        return RateLimits(settings.rate_window, settings.rate_limit_counts) if settings.rate_limits else None

    def close(self) -> None:
        """Close the database."""
        if self._store is not None:
            self._store.close()
            self._store = None
            self._ready.clear()


def new_id(prefix: str) -> str:
    """A fresh id: a prefix and 96 random bits in hex."""
    return f"{prefix}_{secrets.token_hex(12)}"
