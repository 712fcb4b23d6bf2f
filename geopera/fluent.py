"""The fluent clients: ``client.<resource>.<action>(body)``, sync and async. Their attributes are in `_proxies`."""

from __future__ import annotations

from contextlib import nullcontext

from ._folding import folded
from ._forks import first_time
from ._given import Given
from ._loops.methods import Many
from ._names import did_you_mean, segment_name
from ._proxies import OperationCall, Resource, at_path, child
from ._secrets import Secret
from ._secrets.settings import concealed, left_behind, open_headers
from ._transport.checks import check_limits, check_policy, check_timeout
from .client import DEFAULT_BASE_URL, OPTIONS, Client, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Self

    from ._call.context import Context
    from ._call.endpoint import Endpoint
    from .manifest import Manifest
    from .tracking.refresh import Refresh
    from .types import Response

__all__ = ["DEFAULT_BASE_URL", "AsyncGeopera", "Geopera", "OperationCall", "Resource"]

_OPTIONS = (
    "timeout",
    "total_timeout",
    "max_response_size",
    "headers",
    "max_retries",
    "retry",
    "extra_fields",
    "strict_responses",
)


class _Fluent(Many):
    """The common base of both clients: settings, the tree of attributes, and the assembly of a call."""

    _asynchronous = False

    def __init__(
        self,
        token: Any = None,
        base_url: str | None = None,
        *,
        profile: str | None = None,
        **options: Any,
    ) -> None:
        # Before anything can raise: a parameter is a local variable, which tracebacks show.
        token, options = Secret(token), concealed(options, OPTIONS)
        for name in options:
            if name not in OPTIONS:
                raise TypeError(f"{type(self).__name__}() has no option {name!r}{_meant(name)}")
        self._attach(Given(base_url, profile, options), {})
        with first_time():
            self._given.start(token, asynchronous=self._asynchronous)

    def _attach(self, given: Given, overrides: dict[str, Any]) -> None:
        self._given = given
        self._overrides = overrides
        self._made: Context | None = None

    @property
    def _client(self) -> Client:
        return self._given.made or self._given.find()

    @property
    def client(self) -> Client:
        """The low-level client: an `AuthenticatedClient`, or a `Client` if there is no token."""
        return self._client

    @property
    def manifest(self) -> Manifest:
        """The operations and models that this client knows."""
        return self._client.manifest

    # The tree.

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return child(self, "", name)

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            raise AttributeError(
                f"{name!r} cannot be set on a {type(self).__name__}; with_options() gives one with other settings",
                name=name,
                obj=self,
            )
        object.__setattr__(self, name, value)

    def __dir__(self) -> Iterable[str]:
        return sorted({*object.__dir__(self), *map(segment_name, self._client.manifest.tree)})

    def resource(self, path: str, /) -> Any:
        """The resource or operation at a dotted path, also one that has the name of an attribute of the client.

        ``client.manifest`` is the manifest in use; ``client.resource("manifest").list()`` calls ``manifest.list``.

        Args:
            path: The path of a resource or an operation, such as ``"orders.archive"``.

        Returns:
            The resource, or the operation, ready to be called.

        Raises:
            TypeError: If the path is not text.
            ValueError: If there is none.
        """
        return at_path(self, path)

    def __repr__(self) -> str:
        name = type(self).__name__
        try:
            client = self._client
        except Exception as exc:  # noqa: BLE001 - a repr raises nothing; a traceback may show half a client
            given = self.__dict__.get("_given")
            return (
                f"{name}({type(exc).__name__})"
                if given is None
                else f"{name}({given!r}: {type(exc).__name__})"
            )
        if client._credential is None and client._lookup is None:
            return f"{name}(base_url={shown(client.base_url)!r}, credentials=None)"
        return f"{name}{repr(client).removeprefix(type(client).__name__)}"

    # Settings.

    def with_options(self, **options: Any) -> Self:
        """A client over the same connections with other settings for its calls.

        Args:
            **options: `timeout` (seconds or an ``httpx.Timeout``), `total_timeout` (seconds for a whole call),
                `max_response_size` (bytes), `headers` (sent in addition), `max_retries`, `retry` (a whole
                `RetryPolicy`), `extra_fields` and `strict_responses`, as on the client.

        Returns:
            The new client.

        Raises:
            TypeError: If there is no such option.
            ValueError: If a value is invalid.
        """
        options = concealed(options, _OPTIONS)
        for name in options:
            if name not in _OPTIONS:
                raise TypeError(f"with_options() has no option {name!r}{did_you_mean(name, _OPTIONS)}")
        check_timeout(options.get("timeout"))
        check_limits(options.get("total_timeout"), options.get("max_response_size", 1))
        check_policy(options.get("retry"))
        overrides = {**self._overrides, **options}
        if "headers" in options:
            overrides["headers"] = {**self._overrides.get("headers", {}), **open_headers(options["headers"])}
        new = object.__new__(type(self))
        new._attach(self._given, overrides)
        new._context()  # an invalid value is refused here, not at the first call
        return new

    def _context(self) -> Context:
        if not self._overrides:
            return self._client._defaults()
        made = self._made
        if made is None:
            made = self._made = self._client._defaults().replace(self._overrides)
        return made

    # Calls.

    def _steps(
        self,
        endpoint: Endpoint,
        body: Any,
        fields: dict[str, Any],
        key: str | None = None,
        *,
        context: Context | None = None,
        content: bytes | None = None,
        **how: Any,
    ) -> Any:
        """The steps of one call, its body checked and made bytes; `content` is one that was before."""
        with first_time():
            from ._call.layers import perform

        if self._client._auto:
            from .tracking.auto import started

            started(self._client)
        if context is None:
            context = self._context()
        if content is None:
            content = self._content(endpoint, body, fields, context)
        return perform(endpoint, context, content, key=key, **how)

    def _content(
        self, endpoint: Endpoint, body: Any, fields: dict[str, Any], context: Context | None = None
    ) -> bytes:
        """A body, checked and made bytes."""
        context = context or self._context()
        allow_extra = context.extra_fields == "allow"
        with nullcontext() if endpoint.warm else first_time():
            return endpoint.input.encode(body, fields, allow_extra=allow_extra, redactor=context.redactor)

    def _perform(
        self, endpoint: Endpoint, body: Any, fields: dict[str, Any], key: str | None, detailed: bool
    ) -> Any:
        raise NotImplementedError

    def invoke(
        self,
        operation_id: str,
        body: Any = None,
        /,
        *,
        idempotency_key: str | None = None,
        detailed: bool = False,
        **fields: Any,
    ) -> Any:
        """Call an operation by its id, also one that the manifest does not know.

        An unknown operation takes any JSON object, returns open JSON, and is never retried once it was sent.

        Args:
            operation_id: The dotted id.
            body: Request body, as in a call. Fields may be given as keywords instead.
            idempotency_key: The key of the request; one is made for an operation that spends.
            detailed: Return the whole `Response`.
            **fields: Fields of the body.

        Returns:
            The parsed response, as in a call by attribute; an awaitable of it on the async client.

        Raises:
            GeoperaError: As in a call by attribute.
            ValueError: If the id is malformed, or misspells one of the manifest.
        """
        if self._asynchronous and self._is_unknown(operation_id):
            return self._invoke_later(operation_id, body, fields, idempotency_key, detailed)
        endpoint = self._any_endpoint(operation_id, unlisted=True)
        if endpoint.streams and not detailed:
            return self._stream(endpoint, body, fields, idempotency_key)
        return self._perform(endpoint, body, fields, idempotency_key, detailed)

    def _is_unknown(self, id: Any) -> bool:
        """Whether this client follows the API and its manifest does not have the id."""
        return self._client._auto and isinstance(id, str) and id not in self._client.manifest.operations

    def _look_up(self, id: Any) -> None:
        """Ask the API for an id that the manifest does not have, if this client follows it."""
        if self._is_unknown(id):
            from .tracking.auto import lookup

            lookup(self._client, lambda m: id in m.operations, wait=not self._asynchronous)

    async def _invoke_later(
        self, id: str, body: Any, fields: dict[str, Any], key: str | None, detailed: bool
    ) -> Any:
        from .tracking.auto import lookup_async

        await lookup_async(self._client, lambda m: id in m.operations)
        endpoint = self._any_endpoint(id, unlisted=True)
        if endpoint.streams and not detailed:
            return self._stream(endpoint, body, fields, key)
        return await self._perform(endpoint, body, fields, key, detailed)

    def _after_call(self) -> None:
        if self._client._auto:
            from .tracking.auto import after_call

            after_call(self._client)

    def _stream(self, endpoint: Endpoint, body: Any, fields: dict[str, Any], key: str | None) -> Any:
        """An iterator over the records, also on the async client, since nothing is sent yet."""
        with first_time():
            from ._loops.streams import stream

        return stream(self, endpoint, body, fields, key)

    def _any_endpoint(self, id: str, *, unlisted: bool = False) -> Endpoint:
        """The operation `id`; an unknown one is refused if it misspells a known one.

        unlisted: Only warn of a misspelling: the operation may be newer than the manifest.
        """
        self._look_up(id)
        manifest = self._client.manifest
        if id in manifest.operations:
            return self._client._endpoint(id)
        with first_time():
            from ._call.endpoint import unknown_endpoint
            from ._repl.mistakes import misspelled_id

            endpoint = unknown_endpoint(manifest, id)
        meant = misspelled_id(id, manifest)
        if meant is not None:
            message = f"the manifest has no operation {id!r}; did you mean {meant!r}?"
            if not unlisted:
                raise ValueError(message)
            import warnings

            warnings.warn(message, UserWarning, stacklevel=3)
        return endpoint

    # A client holds a token and sockets. It is copied as itself, and pickled without the token.

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        overrides, missing = dict(self._overrides), list[str]()
        if "headers" in overrides:
            overrides["headers"], missing = left_behind(overrides["headers"], "header {!r} of with_options()")
        return _unpickle, (type(self), self._client, overrides, tuple(missing))

    def whoami(self) -> Any:
        """The user or API key of the credentials.

        Returns:
            A `types.UserInfo`; an awaitable of one on the async client.

        Raises:
            AuthenticationError: If there are no credentials, or the server refuses them.
        """
        with first_time():
            from ._loops.identity import whoami

        return whoami(self)


_TOKENS = (
    "api_key",
    "apikey",
    "key",
    "access_token",
    "api_token",
    "auth_token",
    "bearer_token",
    "auth",
    "credentials",
)


def _meant(name: str) -> str:
    return "; did you mean token=?" if name.lower() in _TOKENS else did_you_mean(name, OPTIONS)


def _unpickle(
    cls: type[_Fluent], client: Client, overrides: dict[str, Any], missing: tuple[str, ...] = ()
) -> _Fluent:
    new = object.__new__(cls)
    if missing:
        client = client._evolve(_missing=(*client._missing, *missing))
    given = Given(client.base_url, None, {})
    given.made = client
    new._attach(given, overrides)
    return new


class Geopera(_Fluent):
    """The client: ``Geopera(token=...).catalog.search({...})``.

    Nothing is sent until the first call; the environment and the profiles are read at first use.

    Args:
        token: An API key or a session token: text, a secret type, or a function that returns one (see
            `AuthenticatedClient`). By default ``GEOPERA_API_TOKEN``, ``GEOPERA_PROFILE``, the profile ``default``,
            then none.
        base_url: By default ``GEOPERA_API_URL``, then that of the profile, then ``https://api.geopera.com``.
        profile: A profile of ``geopera login``.
        **options: Those of `Client` and `AuthenticatedClient`.

    A call takes a dict, a model or keyword arguments, and returns the parsed response; it raises a
    `GeoperaError`. One client serves any number of threads; as a context manager it closes its connections.
    """

    def _perform(
        self, endpoint: Endpoint, body: Any, fields: dict[str, Any], key: str | None, detailed: bool
    ) -> Any:
        try:
            response: Response[Any] = self._client._sync().run(self._steps(endpoint, body, fields, key))
        finally:
            self._after_call()
        return response if detailed else response.parsed

    def refresh_manifest(self, *, dry_run: bool = False) -> Refresh:
        """Read the API's live description and use it in this client, new operations included.

        The manifest is also kept in the user's cache folder for the next import; other clients of this process stay
        as they are.

        Args:
            dry_run: Compare only.

        Returns:
            A `Refresh`; ``str()`` of it lists the differences.

        Raises:
            ManifestError: If the description cannot be used; nothing has changed then.
            APIConnectionError: If there is no response; nothing has changed then.
        """
        from .tracking.refresh import refresh

        return refresh(self._client, dry_run=dry_run)

    def close(self) -> None:
        """Close the connections. Closing twice does nothing; a later call opens new ones."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class AsyncGeopera(_Fluent):
    """The async client: ``await AsyncGeopera(token=...).catalog.search({...})``.

    The same surface as `Geopera`, with calls awaited. One client serves any number of tasks. The arguments are those of
    `Geopera`; `token` may also be an async function.
    """

    _asynchronous = True

    def map(self, operation_id: str, bodies: Any, /, **options: Any) -> Any:
        if self._is_unknown(operation_id):
            from .tracking.auto import Later

            made = super().map
            return Later(
                self._client,
                lambda m: operation_id in m.operations,
                lambda: made(operation_id, bodies, **options),
            )
        return super().map(operation_id, bodies, **options)

    map.__doc__, map.__dict__["__wrapped__"] = Many.map.__doc__, Many.map

    async def _perform(
        self, endpoint: Endpoint, body: Any, fields: dict[str, Any], key: str | None, detailed: bool
    ) -> Any:
        with folded:
            try:
                response: Response[Any] = await self._client._async().run(
                    self._steps(endpoint, body, fields, key)
                )
            finally:
                self._after_call()
        return response if detailed else response.parsed

    async def refresh_manifest(self, *, dry_run: bool = False) -> Refresh:
        """Read the API's live description and use it in this client, new operations included.

        Args:
            dry_run: Compare only.

        Returns:
            A `Refresh`, as from `Geopera.refresh_manifest`.

        Raises:
            ManifestError: If the description cannot be used; nothing has changed then.
            APIConnectionError: If there is no response; nothing has changed then.
        """
        from .tracking.refresh import refresh_async

        return await refresh_async(self._client, dry_run=dry_run)

    async def aclose(self) -> None:
        """Close the connections. Closing twice does nothing; a later call opens new ones."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()
