"""Small real files in the formats that binary operations answer with, made without an imaging library."""

from __future__ import annotations

import base64
import struct
import zlib
from functools import cache

SIZE = 16  # pixels on a side of the PNG and the TIFF


@cache
def png() -> bytes:
    """An RGB image of 16 by 16 pixels: a gradient (PNG, ISO/IEC 15948)."""
    rows = b"".join(
        b"\x00" + b"".join(bytes((x * 16, y * 16, 128)) for x in range(SIZE)) for y in range(SIZE)
    )
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


@cache
def tiff() -> bytes:
    """A grey image of 16 by 16 pixels, one uncompressed strip (TIFF 6.0, little-endian)."""
    pixels = bytes((x * 8 + y * 8) % 256 for y in range(SIZE) for x in range(SIZE))
    entries = [
        (256, 4, SIZE),  # width
        (257, 4, SIZE),  # height
        (258, 3, 8),  # bits per sample
        (259, 3, 1),  # no compression
        (262, 3, 1),  # black is zero
        (273, 4, 8),  # where the strip begins
        (277, 3, 1),  # samples per pixel
        (278, 4, SIZE),  # rows per strip
        (279, 4, len(pixels)),  # bytes of the strip
    ]
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return struct.pack("<2sHI", b"II", 42, 8 + len(pixels)) + pixels + directory + struct.pack("<I", 0)


@cache
def webp() -> bytes:
    """One pixel (WebP, RFC 9649, lossy)."""
    return base64.b64decode("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")


@cache
def jpeg() -> bytes:
    """One grey pixel (baseline JPEG, ITU-T T.81)."""
    quantisation = b"\xff\xdb" + struct.pack(">HB", 67, 0) + b"\x10" * 64
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, 1, 1, 1) + b"\x01\x11\x00"
    # Two Huffman tables with one code each: the bit 0 means "no difference" and "end of block".
    tables = b"".join(
        b"\xff\xc4" + struct.pack(">HB", 20, kind) + b"\x01" + b"\x00" * 15 + b"\x00" for kind in (0x00, 0x10)
    )
    scan = b"\xff\xda" + struct.pack(">HB", 8, 1) + b"\x01\x00\x00\x3f\x00" + b"\x3f"
    jfif = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    return b"\xff\xd8" + jfif + quantisation + frame + tables + scan + b"\xff\xd9"


def of_type(media_type: str) -> bytes:
    """A file of a media type."""
    makers = {"image/png": png, "image/jpeg": jpeg, "image/webp": webp, "image/tiff": tiff}
    if media_type in makers:
        return makers[media_type]()
    if media_type in ("application/xml", "text/xml"):
        return (
            b'<?xml version="1.0" encoding="UTF-8"?>\n'
            b'<Capabilities xmlns="http://www.opengis.net/wmts/1.0" version="1.0.0"><Contents/></Capabilities>\n'
        )
    if media_type.startswith("text/"):
        return b"sandbox\n"
    return b"%SANDBOX\x00\x01\x02\xff report\n" + bytes(range(256))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
