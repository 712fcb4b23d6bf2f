"""Values that appear in signatures: UNSET, responses, files, secrets, open JSON objects."""

from __future__ import annotations

from ._display.shown import Shown
from ._secrets import Secret, Token
from .geo.methods import TABLES, Tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping
    from os import PathLike
    from pathlib import Path
    from typing import IO, Any, BinaryIO, Final, Generic, Literal, TypeVar

    FileContent = IO[bytes] | bytes | str
    FileTypes = (
        tuple[str | None, FileContent, str | None]
        | tuple[str | None, FileContent, str | None, Mapping[str, str]]
    )
    RequestFiles = list[tuple[str, FileTypes]]
    T_co = TypeVar("T_co", covariant=True)
else:
    T_co = None

    class Generic:
        """Stands in for ``typing.Generic``: ``Response[...]`` works at run time without that import."""

        __slots__ = ()

        def __class_getitem__(cls, item):
            return cls


__all__ = [
    "UNSET",
    "Content",
    "File",
    "FileTypes",
    "JSONArray",
    "JSONObject",
    "RequestFiles",
    "Response",
    "Secret",
    "Token",
    "Unset",
    "UserInfo",
    "open_json",
]


class Unset:
    """The type of `UNSET`: a value that was not given, as opposed to None, which is JSON null."""

    __slots__ = ()
    _instance: Unset | None = None

    def __new__(cls) -> Unset:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> tuple[type[Unset], tuple[()]]:
        return Unset, ()


UNSET: Final[Unset] = Unset()


class File:
    """A file to upload.

    Args:
        payload: The content, a binary file object.
        file_name: The name that it is sent under.
        mime_type: The media type that it is sent under.
    """

    __slots__ = ("file_name", "mime_type", "payload")

    def __init__(self, payload: BinaryIO, file_name: str | None = None, mime_type: str | None = None) -> None:
        self.payload = payload
        self.file_name = file_name
        self.mime_type = mime_type

    def __repr__(self) -> str:
        return f"File(file_name={self.file_name!r}, mime_type={self.mime_type!r})"

    def to_tuple(self) -> FileTypes:
        """The (name, content, media type) triple that ``httpx`` takes in ``files=``."""
        return self.file_name, self.payload, self.mime_type


class Response(Generic[T_co]):
    """The response to one call.

    The request, and so the token, is not part of it: a response may be logged and pickled.

    Attributes:
        status_code: The HTTP status, an int.
        content: The bytes of the body, after content decoding.
        headers: The headers; names in any case.
        parsed: The typed result or the typed error, or None.
        idempotency_key: The key that the call was sent with, or None.
        request_id: The id that the server gave the request, or None.
        attempts: The number of requests that were sent.
        elapsed: The seconds that all of them took.
    """

    __slots__ = (
        "attempts",
        "content",
        "elapsed",
        "headers",
        "idempotency_key",
        "parsed",
        "request_id",
        "status_code",
    )

    def __init__(
        self,
        status_code: int,
        content: bytes,
        headers: MutableMapping[str, str],
        parsed: T_co | None,
        *,
        request_id: str | None = None,
        idempotency_key: str | None = None,
        attempts: int = 1,
        elapsed: float = 0.0,
    ) -> None:
        self.status_code = status_code
        self.content = content
        self.headers = headers
        self.parsed = parsed
        self.request_id = request_id
        self.idempotency_key = idempotency_key
        self.attempts = attempts
        self.elapsed = elapsed

    @property
    def media_type(self) -> str:
        """The lower-case media type of the body, without parameters: ``image/webp``."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def __repr__(self) -> str:
        from ._display.safe import one_line

        kind = one_line(self.media_type, 100) or "no type"
        return f"<Response {self.status_code}, {len(self.content)} bytes of {kind}>"


class Content(bytes):
    """The body of a binary response: bytes with a media type. Notebooks show images.

    Attributes:
        content_type: The header as the server sent it.
        media_type: The type in lower case, without parameters.
    """

    content_type: str

    def __new__(cls, data: bytes = b"", content_type: str = "application/octet-stream") -> Content:
        self = super().__new__(cls, data)
        self.content_type = content_type
        return self

    @property
    def media_type(self) -> str:
        return self.content_type.partition(";")[0].strip().lower()

    def __repr__(self) -> str:
        from ._display.safe import one_line

        return f"<Content, {len(self)} bytes of {one_line(self.media_type, 100)}>"

    __str__ = __repr__

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the bytes to a file.

        Args:
            path: The file; an existing one is replaced.

        Returns:
            The path.

        Raises:
            OSError: If the file cannot be written.
        """
        from pathlib import Path

        target = Path(path)
        target.write_bytes(self)
        return target

    def image(self) -> Any:
        """The image as a ``PIL.Image.Image``.

        Raises:
            ImportError: If Pillow is missing; the extra ``geopera[images]`` has it.
            OSError: If Pillow cannot read the bytes.
        """
        from ._display.images import image

        return image(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from ._display.images import bundle

        return {"text/plain": repr(self), **bundle(self, self.media_type)}

    def __reduce__(self) -> tuple[type[Content], tuple[bytes, str]]:
        return Content, (bytes(self), self.content_type)


class JSONObject(Shown, Tables, dict[str, "Any"]):
    """An open JSON object: a dict that also reads by attribute (``order["id"]``, ``order.id``).

    Nested objects are of the same type. Where a key is also the name of a dict method (``items``,
    ``keys``, …), the attribute is the method and the key is read with ``[...]``. A key that Python
    reserves is read with a trailing underscore (``feature.type_``), one in another case by its
    snake_case name (``order.total_aud`` for ``totalAud``). A STAC asset, an object with an ``href``, has ``open()``,
    which opens its raster with rasterio.
    """

    __slots__ = ("__weakref__", "_page")

    def __getattr__(self, name: str) -> Any:
        # Python and IPython look up names of their own: data with such a name is read by key.
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self:
            return self[name]
        if name in PAGE_ONLY:
            raise AttributeError(
                f"the object is not a page of records and has no {name}", name=name, obj=self
            )
        if name == "open" and isinstance(self.get("href"), str):  # a STAC asset
            from functools import partial

            from .geo.assets import open_asset

            return partial(open_asset, self)
        from ._names import did_you_mean, python_name

        for key in self:
            if isinstance(key, str) and python_name(key) == name:
                return self[key]
        hint = did_you_mean(name, [k for k in self if isinstance(k, str)])
        raise AttributeError(f"the object has no field {name!r}{hint}", name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "additional_properties" or name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self:
            raise AttributeError(f"the object has no field {name!r}", name=name, obj=self)
        del self[name]

    def __dir__(self) -> Iterator[str]:
        hidden = () if page_records(self) is not None else PAGE_ONLY - self.keys()
        yield from (name for name in super().__dir__() if name not in hidden)
        if "href" in self:
            yield "open"
        yield from (
            key for key in self if isinstance(key, str) and key.isidentifier() and not key.startswith("_")
        )

    @property
    def records(self) -> Any:
        """The records of a page, under whatever name the response has them.

        On another object, the value of its key ``records``.

        Raises:
            AttributeError: If the object is not a page and has no such key.
        """
        found = page_records(self)
        if found is not None:
            return found
        raise AttributeError("records")  # `__getattr__` returns the key of that name, or raises

    @property
    def explore(self) -> Any:
        """A method of a page that draws its footprints on a map. On another object, the value of its key ``explore``."""
        return page_method(self, "explore")

    @property
    def quicklooks(self) -> Any:
        """A method of a page that fetches the pictures of its scenes. On another object, its key ``quicklooks``."""
        return page_method(self, "quicklooks")

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        """The GeoJSON of a feature, a page of features or a geometry."""
        from ._values.geometry import geo_interface_of

        return geo_interface_of(self)

    def copy(self) -> JSONObject:
        new = JSONObject(self)
        page = getattr(self, "_page", None)
        if page is not None:
            object.__setattr__(new, "_page", page)
        return new

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts and lists all the way down."""
        return {key: _plain(value) for key, value in self.items()}

    # As on a model, all of whose properties are additional ones.

    @property
    def additional_properties(self) -> JSONObject:
        """The object itself: nothing in it is described by a schema."""
        return self

    @additional_properties.setter
    def additional_properties(self, value: Mapping[str, Any]) -> None:
        given = dict(value)
        self.clear()
        self.update(given)

    @property
    def additional_keys(self) -> list[str]:
        return list(self)


class UserInfo(JSONObject):
    """The principal of the credentials, as the server reports it; further members are kept.

    Attributes:
        sub: The subject, an id.
        geopera_principal_id: The id of the user or API key, or None.
        geopera_principal_type: Its kind, such as ``api_key``, or None.
        geopera_org_id: The id of the organisation, or None.
        scope: The scopes of the token, separated by spaces, or None.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        sub: str
        geopera_principal_id: str | None
        geopera_principal_type: str | None
        geopera_org_id: str | None
        scope: str | None

    def __getattr__(self, name: str) -> Any:
        if name in ("geopera_principal_id", "geopera_principal_type", "geopera_org_id", "scope"):
            return self.get(name)
        return super().__getattr__(name)


class JSONArray(Shown, Tables, list["Any"]):
    """A JSON array of a result: a list with a short repr, a table in notebooks, and the methods of a page."""

    __slots__ = ("__weakref__",)

    @property
    def records(self) -> JSONArray:
        """The array itself: every result of a list operation has `records`."""
        return self

    def explore(self, **options: Any) -> Any:
        """Draw the footprints of the records on a map.

        Args:
            **options: Options of ``folium.Map``, such as ``tiles`` and ``height``.

        Returns:
            A ``folium.Map``.

        Raises:
            ImportError: If folium is missing; the extra ``geopera[map]`` has it.
            ValueError: If no record has a geometry.
        """
        from ._display.maps import explore

        return explore(self, **options)

    def quicklooks(self, **options: Any) -> Any:
        """Fetch the small pictures of the records as a contact sheet.

        Args:
            **options: `limit` (the most scenes), `timeout` (seconds for each step of a request) and `http` (your own
                ``httpx.Client``).

        Returns:
            A `Quicklooks`: ``image()``, ``save(path)``, and ``missing``, the reasons by id.
        """
        from ._display.quicklooks import quicklooks

        return quicklooks(self, **options)

    def __repr__(self) -> str:
        from ._display.text import lines

        return lines(self)


#: The attributes that only a page has.
PAGE_ONLY = frozenset({"records", "explore", "quicklooks", *TABLES})


def page_records(value: Any) -> list[Any] | None:
    """The records of a page, a model or another object; None for anything else."""
    from ._values.records import records_of

    return records_of(value, getattr(value, "_page", None))


def page_method(value: Any, name: str) -> Any:
    """`explore` or `quicklooks`, bound to a page. Raises AttributeError for another object."""
    if page_records(value) is None:
        raise AttributeError(name)  # `__getattr__` returns the key of that name, or raises
    from types import MethodType

    if name == "explore":
        from ._display.maps import explore

        return MethodType(explore, value)
    from ._display.quicklooks import quicklooks

    return MethodType(quicklooks, value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.to_dict() if hasattr(value, "to_dict") else value


def open_json(value: Any) -> Any:
    """Parsed JSON with every dict in it, at any depth, as a `JSONObject`.

    Args:
        value: Any parsed JSON. Models and scalars are not changed.

    Returns:
        The converted value.
    """
    kind = type(value)
    if kind is dict:
        return JSONObject({key: open_json(v) if type(v) in _NESTING else v for key, v in value.items()})
    if kind is list:
        return [open_json(v) if type(v) in _NESTING else v for v in value]
    return value


_NESTING = (dict, list)

if not TYPE_CHECKING:

    def __getattr__(name):
        # The aliases cost an import of typing, and only annotations need them.
        if name in ("FileContent", "FileTypes", "RequestFiles"):
            from collections.abc import Mapping
            from typing import IO

            content = IO[bytes] | bytes | str
            if name == "FileContent":
                return content
            short = tuple[str | None, content, str | None]
            file_types = short | tuple[str | None, content, str | None, Mapping[str, str]]
            return file_types if name == "FileTypes" else list[tuple[str, file_types]]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
