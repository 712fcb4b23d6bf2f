"""A contact sheet: the small pictures that scenes name among their assets."""

from __future__ import annotations

from .images import bundle, image, kind_of, pillow, small
from .notebook import escaped, framed
from .plain import counted, plain
from .safe import one_line
from .text import line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike
    from typing import Any

__all__ = ["Quicklooks", "quicklooks"]

_NAMES = ("thumbnail", "preview", "quicklook", "browse", "overview", "rendered_preview")
_KINDS = ("image/png", "image/jpeg", "image/jpg", "image/webp", "image/gif")
_LARGEST = 4 << 20
_EMBEDDED = 200_000
_SIDE = 256
_AT_ONCE = 8


class Quicklooks:
    """The pictures of some scenes, shown as a contact sheet in a notebook.

    Attributes:
        images: Pictures as bytes, by the id of the scene.
        missing: Reasons why there is no picture, by the id of the scene.
        left: The number of scenes beyond the limit.
    """

    def __init__(
        self, images: dict[str, bytes], missing: dict[str, str], lines: list[str], left: int
    ) -> None:
        self.images = images
        self.missing = missing
        self.left = left
        self._lines = lines

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        words = [counted(len(self.images), "pictures")]
        words += [f"{len(self.missing)} missing"] if self.missing else []
        words += [counted(self.left, "more scenes")] if self.left else []
        return f"<Quicklooks: {', '.join(words)}>"

    def _repr_html_(self) -> str:
        ids = [*self.images, *self.missing]
        cells = "".join(self._cell(id, text) for id, text in zip(ids, self._lines, strict=True))
        more = f'<p class="geo-dim">{counted(self.left, "more scenes")}</p>' if self.left else ""
        return framed(f'<div style="display:flex;flex-wrap:wrap;gap:.8em">{cells}</div>{more}')

    def _cell(self, id: str, text: str) -> str:
        found = self.images.get(id)
        style = f"width:{_SIDE // 2}px;overflow-wrap:anywhere"
        if found is None:
            shown = f'<div class="geo-dim">{escaped(self.missing[id], 100)}</div>'
        else:
            # Large pictures are shown as smaller ones: a notebook keeps what it shows.
            less = small(found, _SIDE) if len(found) > _EMBEDDED else None
            (kind, data), *_ = (
                bundle(less, "image/png") if less else bundle(found, _sniffed(found) or "")
            ).items()
            shown = f'<img alt="" style="max-width:100%" src="data:{kind};base64,{data}" />'
        return f'<figure style="{style}">{shown}<figcaption>{escaped(text, 120)}</figcaption></figure>'

    def image(self, columns: int = 5) -> Any:
        """The contact sheet as a ``PIL.Image.Image``.

        Args:
            columns: Pictures in a row.

        Raises:
            ImportError: If Pillow is missing.
        """
        module = pillow()
        pictures = [image(data).convert("RGB") for data in self.images.values()]
        for picture in pictures:
            picture.thumbnail((_SIDE, _SIDE))
        columns = max(1, min(columns, len(pictures)))
        rows = -(-len(pictures) // columns)
        sheet = module.new("RGB", (columns * _SIDE, max(1, rows) * _SIDE), "white")
        for number, picture in enumerate(pictures):
            sheet.paste(picture, (number % columns * _SIDE, number // columns * _SIDE))
        return sheet

    def save(self, path: str | PathLike[str], columns: int = 5) -> None:
        """Write the contact sheet to a file, in the format of its suffix.

        Args:
            path: The file.
            columns: Pictures in a row.

        Raises:
            ImportError: If Pillow is missing.
            OSError: If the file cannot be written.
        """
        self.image(columns).save(path)


def quicklooks(page: Any, *, limit: int = 20, http: Any = None, timeout: float = 20.0) -> Quicklooks:
    """Fetch the small pictures of a page's scenes, several at a time, as a contact sheet.

    A picture is an asset with the role ``thumbnail`` or ``overview``, or a name such as ``preview``, in a format that
    browsers show. It is fetched from the asset's URL, without the token of the API.

    Args:
        page: A page, or a list of features.
        limit: The most scenes.
        http: Your own ``httpx.Client``, for proxies, TLS or credentials of the host of the pictures.
        timeout: Seconds for each step of a request.

    Returns:
        A `Quicklooks`. It also has the scenes without a picture, with the reasons.
    """
    from concurrent.futures import ThreadPoolExecutor
    from contextlib import nullcontext

    import httpx

    records = [record for record in page.records[:limit] if isinstance(plain(record), dict)]
    opened = httpx.Client(follow_redirects=True, timeout=timeout) if http is None else nullcontext(http)
    with opened as client, ThreadPoolExecutor(_AT_ONCE) as threads:
        found = list(threads.map(lambda record: _fetched(client, record, timeout), records))
    images: dict[str, bytes] = {}
    missing: dict[str, str] = {}
    shown: list[tuple[bool, str]] = []
    for number, (record, (data, fault)) in enumerate(zip(records, found, strict=True)):
        id = str(plain(record).get("id", number))
        id = id if id not in images and id not in missing else f"{id} ({number})"
        if data is None:
            missing[id] = fault
        else:
            images[id] = data
        shown.append((data is None, line(record).strip("<>").partition(" ")[2] or id))
    lines = [text for _, text in sorted(shown, key=lambda pair: pair[0])]
    return Quicklooks(images, missing, lines, max(0, len(page.records) - limit))


def _fetched(client: Any, record: Any, timeout: float) -> tuple[bytes | None, str]:
    """(the picture of a record or None, the reason why there is none)."""
    import httpx

    url = picture_url(plain(record))
    if url is None:
        return None, "no picture among its assets"
    try:
        with client.stream("GET", url, timeout=timeout) as response:
            if response.status_code != 200:
                return None, f"status {response.status_code}"
            data = bytearray()
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > _LARGEST:
                    return None, "larger than 4 MB"
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        return None, one_line(f"{type(exc).__name__}: {exc}", 100)
    return (bytes(data), "") if _sniffed(bytes(data)) else (None, "not an image")


def picture_url(fields: Mapping[str, Any]) -> str | None:
    """The URL of the small picture of a scene."""
    assets = plain(fields.get("assets"))
    ranked: list[tuple[int, str]] = []
    for name, value in assets.items() if isinstance(assets, dict) else ():
        asset = plain(value)
        href = asset.get("href") if isinstance(asset, dict) else None
        if not isinstance(href, str) or not href.startswith(("https://", "http://")):
            continue
        kind = str(asset.get("type") or "").partition(";")[0].strip().lower()
        if kind and kind not in _KINDS:
            continue
        roles = asset.get("roles")
        roles = roles if isinstance(roles, list) else []
        rank = 0 if "thumbnail" in roles else 1 if "overview" in roles else 2 if name in _NAMES else 9
        if rank < 9:
            ranked.append((rank, href))
    return min(ranked)[1] if ranked else None


def _sniffed(data: bytes) -> str | None:
    return next((kind for kind in _KINDS if kind_of(data, kind)), None)
