"""File names that a server gives, made safe: they name a file in the target folder, and nothing else."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

_MOST_BYTES = 200  # file systems take 255, and a suffix may have to fit in
_RESERVED = re.compile(
    r"(?i)^(con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])\s*(\.|$)"
)
# Control characters, what Windows refuses, line ends, and what is invisible or turns the direction of text.
_UNSAFE = re.compile(
    r'[\x00-\x1f\x7f-\x9f<>:"|?*\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]'
)
_PARAMETER = re.compile(r';\s*([^\s;="]+)\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)')
_CHARSETS = {"utf-8", "utf8", "iso-8859-1"}  # of RFC 8187, and of the one before it
_EXTENSIONS = {
    "image/tiff": ".tif",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "application/json": ".json",
    "application/geo+json": ".geojson",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "application/x-ndjson": ".ndjson",
    "application/xml": ".xml",
    "text/xml": ".xml",
    "text/csv": ".csv",
}


def safe_name(text: Any) -> str | None:
    """The last part of a name or path, without what a file system or a shell could misread; None if none is left."""
    if not isinstance(text, str):
        return None
    name = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
    name = re.split(r"[\\/]", name)[-1]
    name = _UNSAFE.sub("_", name).strip().rstrip(". ")
    if re.match(r"^[A-Za-z]_", name) and re.match(r"^[A-Za-z]:", re.split(r"[\\/]", text)[-1]):
        name = name[2:]  # a Windows drive
    name = name.lstrip(".") or ""
    if not name or not name.strip("_ "):
        return None
    if _RESERVED.match(name):
        name = f"_{name}"
    return _short(name)


def _short(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension) > 16:
        stem, dot, extension = name, "", ""
    most = _MOST_BYTES - len((dot + extension).encode())
    return stem.encode()[:most].decode("utf-8", "ignore").rstrip(". ") + dot + extension


def joined(first: str, second: str) -> str:
    """Two names as one."""
    return _short(f"{first}-{second}")


def with_suffix(name: str, suffix: str) -> str:
    """`name` with ``-suffix`` before its extension."""
    stem, dot, extension = name.rpartition(".")
    return f"{stem}-{suffix}{dot}{extension}" if stem else f"{name}-{suffix}"


def disposition_name(header: str | None) -> str | None:
    """The safe name in a ``Content-Disposition`` (RFC 6266); ``filename*`` wins over ``filename``."""
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(f";{(header or '').partition(';')[2]}"):
        value = match[2].strip()
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:].removesuffix('"'))
        found.setdefault(match[1].lower(), value)
    charset, _, value = [*found.get("filename*", "").split("'", 2), "", ""][:3]
    if value and charset.lower() in _CHARSETS:
        with suppress(UnicodeDecodeError):
            name = safe_name(unquote(value, charset, "strict"))
            if name is not None:
                return name
    return safe_name(found.get("filename"))


def url_name(url: str | None) -> str | None:
    """The safe last part of a URL's path; None where it does not look like a file's name."""
    name = safe_name(unquote(urlsplit(url or "").path.rstrip("/").rpartition("/")[2]))
    return name if name is not None and "." in name else None


def ids_name(body: Mapping[str, Any], content_type: str | None = None) -> str:
    """A name made of the ids in a body, with the extension of a media type."""
    ids = [str(value) for name, value in body.items() if name.endswith("id") and isinstance(value, str | int)]
    rest = [str(value) for value in body.values() if isinstance(value, str | int) and str(value) not in ids]
    name = safe_name("-".join(re.sub(r"[\\/]", "_", part) for part in [*ids, *rest][:4])) or "download"
    extension = _EXTENSIONS.get((content_type or "").partition(";")[0].strip().lower(), "")
    return name if name.endswith(extension) else name + extension
