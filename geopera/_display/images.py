"""Images: binary responses in a notebook."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["bundle", "image", "kind_of", "pillow", "small"]

_LARGEST = 16 << 20
_MAX_PIXELS = 50_000_000
_THUMBNAIL = 512
_SIGNATURES = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/tiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
}
_ALIASES = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}


def kind_of(content: bytes, media_type: str) -> str | None:
    """The media type of an image that can be shown; None if the bytes do not match the declared type."""
    kind = _ALIASES.get(media_type, media_type)
    if kind == "image/webp":
        return kind if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else None
    starts = _SIGNATURES.get(kind)
    return kind if starts and content.startswith(starts) else None


def bundle(content: bytes, media_type: str) -> dict[str, Any]:
    """A MIME bundle of an image: its own bytes, or a small PNG of a TIFF if Pillow is installed; empty for the rest."""
    from base64 import b64encode

    kind = kind_of(content, media_type)
    data: bytes | None = content if len(content) <= _LARGEST else None
    if kind == "image/tiff":
        kind, data = "image/png", small(content, _THUMBNAIL)
    if kind is None or not data:
        return {}
    return {kind: b64encode(data).decode("ascii")}


def pillow() -> Any:
    """Pillow's `Image` module. Raises ImportError with the command that installs it."""
    try:
        from PIL import Image
    except ImportError as exc:
        raise ImportError('images need an extra: pip install "geopera[images]>=3"') from exc
    return Image


def image(content: bytes) -> Any:
    """The bytes as a Pillow image."""
    from io import BytesIO

    return pillow().open(BytesIO(content))


def small(content: bytes, side: int) -> bytes | None:
    """The image as a PNG with sides of at most `side` pixels; None if Pillow is missing or cannot read it."""
    from io import BytesIO
    from warnings import catch_warnings, simplefilter

    try:
        with catch_warnings():
            simplefilter("ignore")
            with image(content) as opened:
                if opened.width * opened.height > _MAX_PIXELS:
                    return None
                shown = _eight_bits(opened)
                shown.thumbnail((side, side))
            written = BytesIO()
            shown.save(written, "PNG")
    except Exception:  # noqa: BLE001 - what cannot be shown as a picture is shown as text
        return None
    return written.getvalue()


def _eight_bits(opened: Any) -> Any:
    """An image with 8 bits a channel: values of 16 or 32 bits are stretched between their extremes."""
    if opened.mode in ("L", "LA", "RGB", "RGBA", "P", "1"):
        return opened
    if opened.mode.startswith(("I", "F")):
        numbers = opened.convert("F")
        low, high = numbers.getextrema()
        scale = 255 / ((high - low) or 1)
        return numbers.point(lambda value: value * scale - low * scale).convert("L")
    return opened.convert("RGB")
