"""Checksums that a server names for a file: in the response that signs, and in the headers of the file."""

from __future__ import annotations

import re
import zlib
from base64 import b64decode
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from .resume import is_coded

if TYPE_CHECKING:
    from io import BufferedReader, FileIO

    from .._transport.bodies import Body

Checksum = tuple[str, bytes]
"""(the name of an algorithm, the digest)."""

_SIZES = {"md5": 16, "sha1": 20, "sha256": 32, "sha512": 64, "crc32": 4, "crc32c": 4}
# STAC's file:checksum is a multihash: a code, a length, the digest.
_MULTIHASH = {"1114": "sha1", "1220": "sha256", "1340": "sha512", "d50110": "md5"}
_HEX = re.compile(r"[0-9a-fA-F]+")
_NAMED = re.compile(r"(?i)(md5|sha-?1|sha-?256|sha-?512)\s*[:=]\s*(\S+)")


def stated_checksums(parsed: Any) -> list[Checksum]:
    """The checksums in a JSON object that describes a file."""
    if not isinstance(parsed, Mapping):
        return []
    found: list[Checksum | None] = []
    for name, value in parsed.items():
        if isinstance(value, str):
            plain = str(name).lower().replace("-", "").replace("_", "").removeprefix("checksum")
            plain = plain.removesuffix("checksum").removesuffix("sum").removesuffix("hex")
            if plain in _SIZES:
                found.append(_checksum(plain, value))
            elif plain in ("", "file:", "hash", "digest", "multihash"):
                found.append(_unnamed(value))
        elif isinstance(value, Mapping) and str(name).lower() in ("checksum", "checksums", "hashes"):
            found += stated_checksums(value)
    return [one for one in found if one is not None]


def header_checksums(http: Body) -> list[Checksum]:
    """The checksums of the whole file in the headers of a response, where it was not compressed on the way."""
    headers = http.headers
    if is_coded(http):
        return []
    found: list[Checksum | None] = []
    whole = http.status_code == 200  # of a part, these are about the part
    if whole:
        found.append(_checksum("md5", headers.get("content-md5", "")))
    found.append(_checksum("md5", headers.get("x-ms-blob-content-md5", "")))
    for name in ("digest", "repr-digest", *(("content-digest",) if whole else ())):
        for part in headers.get(name, "").split(","):
            algorithm, _, value = part.strip().partition("=")
            found.append(_checksum(algorithm.lower().replace("-", ""), value.strip().strip(":")))
    if headers.get("x-amz-checksum-type", "").upper() != "COMPOSITE" and (
        whole or "x-amz-checksum-type" in headers
    ):
        for algorithm in ("sha256", "sha1", "crc32", "crc32c"):
            found.append(_checksum(algorithm, headers.get(f"x-amz-checksum-{algorithm}", "")))
    if headers.get("x-goog-stored-content-encoding", "identity") == "identity":
        for part in headers.get("x-goog-hash", "").split(","):
            algorithm, _, value = part.strip().partition("=")
            found.append(_checksum(algorithm.lower(), value))
    return [one for one in found if one is not None]


def _unnamed(text: str) -> Checksum | None:
    named = _NAMED.fullmatch(text.strip())
    if named:
        return _checksum(named[1].lower().replace("-", ""), named[2])
    low = text.strip().lower()
    for prefix, algorithm in _MULTIHASH.items():
        if low.startswith(prefix) and len(low) == len(prefix) + 2 * _SIZES[algorithm]:
            return _checksum(algorithm, low[len(prefix) :])
    for algorithm in ("md5", "sha1", "sha256", "sha512"):
        if len(low) == 2 * _SIZES[algorithm]:
            return _checksum(algorithm, low)
    return None


def _checksum(algorithm: str, text: str) -> Checksum | None:
    """A digest in hexadecimal or Base64; None where it is neither, or of an algorithm that is not known here."""
    size = _SIZES.get({"sha": "sha1"}.get(algorithm, algorithm))
    text = text.strip()
    if size is None or (algorithm == "crc32c" and _extend() is None):
        return None
    if len(text) == 2 * size and _HEX.fullmatch(text):
        return algorithm, bytes.fromhex(text)
    try:
        digest = b64decode(text, validate=True)
    except ValueError:
        return None
    return (algorithm, digest) if len(digest) == size else None


def mismatch(file: FileIO | BufferedReader, wanted: list[Checksum]) -> str | None:
    """The first of several checksums that a file does not have, as text, or None."""
    for algorithm, digest in dict.fromkeys(wanted):
        file.seek(0)
        found = _CYCLIC[algorithm](file) if algorithm in _CYCLIC else _digest(file, algorithm)
        if found != digest:
            return f"{algorithm} {found.hex()} instead of {digest.hex()}"
    return None


def _digest(file: FileIO | BufferedReader, algorithm: str) -> bytes:
    import hashlib

    def new() -> Any:
        return hashlib.new(algorithm, usedforsecurity=False)

    return hashlib.file_digest(file, new).digest()


def _crc32(file: FileIO | BufferedReader) -> bytes:
    value = 0
    while chunk := file.read(1 << 20):
        value = zlib.crc32(chunk, value)
    return value.to_bytes(4, "big")


@cache
def _extend() -> Any:
    """The function of google-crc32c, or None where it is missing: plain Python would take minutes for a scene."""
    try:
        from google_crc32c import extend  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    return extend


def _crc32c(file: FileIO | BufferedReader) -> bytes:
    value, extend = 0, _extend()
    while chunk := file.read(1 << 20):
        value = extend(value, chunk)
    return int(value).to_bytes(4, "big")


_CYCLIC = {"crc32": _crc32, "crc32c": _crc32c}
