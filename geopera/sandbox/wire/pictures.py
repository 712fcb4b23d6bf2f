"""Small real files in the formats that binary operations respond with, made without an imaging library.

Pictures are made of rows of pixels: RGBA tuples for PNG, WebP and JPEG, and bands of numbers for GeoTIFF.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from functools import cache

Pixel = tuple[int, int, int, int]  # red, green, blue, alpha
Rows = Sequence[Sequence[Pixel]]
_LEVELS = 15  # of each colour in a WebP: with one code for copies they fill four bits


def pattern(size: int = 64, seed: int = 0) -> list[list[Pixel]]:
    """A gradient, for pictures without a subject."""
    step = 256 // size
    return [[(x * step, y * step, (128 + seed) % 256, 255) for x in range(size)] for y in range(size)]


def png(rows: Rows) -> bytes:
    """An RGBA image (PNG, ISO/IEC 15948)."""
    lines = b"".join(b"\x00" + bytes(channel for pixel in row for channel in pixel) for row in rows)
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(lines, 6))
        + _chunk(b"IEND", b"")
    )


def enlarged(rows: Rows, times: int) -> list[list[Pixel]]:
    """Every pixel as a square of pixels."""
    return [[pixel for pixel in row for _ in range(times)] for row in rows for _ in range(times)]


def webp(rows: Rows, times: int = 4) -> bytes:
    """An image enlarged `times` times (WebP lossless, RFC 9649 section 3), with 15 levels a colour.

    Each row is written once; its copies are one reference to the row above.
    """
    width, height = len(rows[0]) * times, len(rows) * times
    bits = _Bits()
    bits.put(0x2F, 8)
    bits.put(width - 1, 14)
    bits.put(height - 1, 14)
    bits.put(1, 1)  # alpha is used
    bits.put(0, 3 + 1 + 1 + 1)  # version; no transform, no colour cache, no meta codes
    copies = width * (times - 1)
    length_symbol, extra_bits, extra = _length_code(copies) if copies else (0, 0, 0)
    colours = [round(level * 255 / (_LEVELS - 1)) for level in range(_LEVELS)]
    greens = sorted([*colours, 256 + length_symbol])
    blues = sorted({*colours, 1})  # one more, so that the code is complete
    bits.code(greens, 280)
    bits.code(blues, 256)
    bits.code(blues, 256)
    bits.put(0b111, 3)  # alpha: two symbols of eight bits, 0 and 255
    bits.put(0, 8)
    bits.put(255, 8)
    bits.put(0b001, 3)  # distance: one symbol of one bit, 0: the pixel above
    bits.put(0, 1)
    green_code = {symbol: index for index, symbol in enumerate(greens)}
    blue_code = {symbol: index for index, symbol in enumerate(blues)}
    for row in rows:
        for pixel in row:
            red, green, blue = (colours[round(channel * (_LEVELS - 1) / 255)] for channel in pixel[:3])
            for _ in range(times):
                bits.symbol(green_code[green])
                bits.symbol(blue_code[red])
                bits.symbol(blue_code[blue])
                bits.put(1 if pixel[3] else 0, 1)
        if copies:
            bits.symbol(green_code[256 + length_symbol])
            bits.put(extra, extra_bits)
    data = bits.done()
    body = b"WEBPVP8L" + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg(rows: Rows) -> bytes:
    """An image whose pixels are squares of 8 by 8 (baseline JPEG, ITU-T T.81): the DC terms alone."""
    height, width = len(rows) * 8, len(rows[0]) * 8
    tables = b"\xff\xdb" + struct.pack(">HB", 67, 0) + b"\x08" * 64
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3)
    frame += b"\x01\x11\x00\x02\x11\x00\x03\x11\x00"
    # Twelve DC codes of four bits, for differences of 0 to 11 bits; one AC code: the end of a block.
    huffman = b"\xff\xc4" + struct.pack(">HB", 3 + 16 + 12, 0x00) + bytes([0, 0, 0, 12] + [0] * 12)
    huffman += bytes(range(12))
    huffman += b"\xff\xc4" + struct.pack(">HB", 3 + 16 + 1, 0x10) + bytes([1] + [0] * 15) + b"\x00"
    scan = b"\xff\xda" + struct.pack(">HB", 12, 3) + b"\x01\x00\x02\x00\x03\x00\x00\x3f\x00"
    value, count, last = 0, 0, [0, 0, 0]
    for row in rows:
        for red, green, blue, alpha in row:
            if not alpha:
                red = green = blue = 255
            luma = 0.299 * red + 0.587 * green + 0.114 * blue
            colours = (luma - 128, (blue - luma) * 0.564, (red - luma) * 0.713)
            for index, colour in enumerate(colours):
                term = round(colour)
                change, last[index] = term - last[index], term
                size = abs(change).bit_length()
                value = value << 4 | size
                if size:
                    value = value << size | (change if change > 0 else change + (1 << size) - 1)
                value <<= 1
                count += 5 + size
    padding = -count % 8
    data = (value << padding | (1 << padding) - 1).to_bytes((count + padding) // 8, "big")
    jfif = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    return (
        b"\xff\xd8" + jfif + tables + frame + huffman + scan + data.replace(b"\xff", b"\xff\0") + b"\xff\xd9"
    )


def geotiff(
    bands: Sequence[Sequence[Sequence[float]]],
    *,
    epsg: int,
    west: float,
    north: float,
    resolution: tuple[float, float],
    kind: str = "H",
) -> bytes:
    """A cloud-optimised GeoTIFF of one level, tiles of 256 by 256 pixels, deflated; 0 means no data.

    Args:
        bands: Bands of rows of numbers.
        epsg: The reference system, projected or geographic (4326).
        west: The left edge, in units of the system.
        north: The upper edge.
        resolution: Width and height of a pixel.
        kind: `H` for unsigned 16 bit, `f` for 32 bit floats.
    """
    height, width, size = len(bands[0]), len(bands[0][0]), 256
    across, down = math.ceil(width / size), math.ceil(height / size)
    tiles = []
    for rows in bands:
        for top in range(0, down * size, size):
            for left in range(0, across * size, size):
                data = bytearray()
                for row in rows[top : top + size]:
                    part = row[left : left + size]
                    data += struct.pack(f"<{len(part)}{kind}", *part) + bytes(
                        (size - len(part)) * struct.calcsize(kind)
                    )
                data += bytes(size * size * struct.calcsize(kind) - len(data))
                tiles.append(zlib.compress(bytes(data), 6))
    geographic = epsg == 4326
    keys = [1, 1, 0, 3, 1024, 0, 1, 2 if geographic else 1, 1025, 0, 1, 1]
    keys += [2048 if geographic else 3072, 0, 1, epsg]
    bits = 8 * struct.calcsize(kind)
    sample_format = 3 if kind == "f" else 1
    count = len(bands)
    entries: list[tuple[int, str, Sequence[float]]] = [
        (256, "I", [width]),
        (257, "I", [height]),
        (258, "H", [bits] * count),
        (259, "H", [8]),
        (262, "H", [1]),
        (277, "H", [count]),
        (284, "H", [2]),
        (322, "H", [size]),
        (323, "H", [size]),
        (324, "I", [0] * len(tiles)),
        (325, "I", [len(tile) for tile in tiles]),
        (338, "H", [0] * (count - 1)),
        (339, "H", [sample_format] * count),
        (33550, "d", [*resolution, 0.0]),
        (33922, "d", [0.0, 0.0, 0.0, west, north, 0.0]),
        (34735, "H", keys),
        (42113, "s", [48, 0]),  # "0": no data
    ]
    entries = [entry for entry in entries if entry[2]]
    start = 8 + 2 + 12 * len(entries) + 4
    extra_size = sum(_padded(len(values) * _width(code)) for _, code, values in entries)
    offset = start + extra_size
    offsets = []
    for tile in tiles:
        offsets.append(offset)
        offset += _padded(len(tile))
    directory, extra = struct.pack("<H", len(entries)), b""
    for tag, code, values in entries:
        values = offsets if tag == 324 else values
        packed = bytes(map(int, values)) if code == "s" else struct.pack(f"<{len(values)}{code}", *values)
        kind_number = {"s": 2, "H": 3, "I": 4, "d": 12}[code]
        directory += struct.pack("<HHI", tag, kind_number, len(values))
        if len(packed) <= 4:
            directory += packed.ljust(4, b"\0")
        else:
            directory += struct.pack("<I", start + len(extra))
            extra += packed.ljust(_padded(len(packed)), b"\0")
    extra = extra.ljust(extra_size, b"\0")
    pixels = b"".join(tile.ljust(_padded(len(tile)), b"\0") for tile in tiles)
    return struct.pack("<2sHI", b"II", 42, 8) + directory + struct.pack("<I", 0) + extra + pixels


@cache
def of_type(media_type: str) -> bytes:
    """A file of a media type."""
    if media_type == "image/png":
        return png(enlarged(pattern(64), 4))
    if media_type == "image/jpeg":
        return jpeg(pattern(32))
    if media_type == "image/webp":
        return webp(pattern(64))
    if media_type == "image/tiff":
        rows = [[(x * 8 + y * 8) % 256 + 1 for x in range(16)] for y in range(16)]
        return geotiff([rows], epsg=4326, west=151.18, north=-33.84, resolution=(0.0075, 0.005))
    if media_type in ("application/xml", "text/xml"):
        return (
            b'<?xml version="1.0" encoding="UTF-8"?>\n'
            b'<Capabilities xmlns="http://www.opengis.net/wmts/1.0" version="1.0.0"><Contents/></Capabilities>\n'
        )
    if media_type.startswith("text/"):
        return b"sandbox\n"
    return b"%SANDBOX\x00\x01\x02\xff report\n" + bytes(range(256))


class _Bits:
    """Bits in the order of WebP: the lowest first."""

    def __init__(self) -> None:
        self._parts = bytearray()
        self._value = 0
        self._count = 0

    def put(self, value: int, count: int) -> None:
        self._value |= value << self._count
        self._count += count
        while self._count >= 8:
            self._parts.append(self._value & 255)
            self._value >>= 8
            self._count -= 8

    def symbol(self, code: int) -> None:
        """One of sixteen symbols, whose code of four bits comes highest bit first."""
        self.put(int(f"{code:04b}"[::-1], 2), 4)

    def code(self, symbols: Sequence[int], alphabet: int) -> None:
        """Describe a prefix code in which sixteen symbols have four bits each."""
        if len(symbols) != 16:
            raise ValueError("a complete code of four bits has sixteen symbols")
        self.put(0, 1)
        order = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
        self.put(7 - 4, 4)  # how many of the order follow: up to the 4
        for length in order[:7]:
            self.put(1 if length in (0, 4) else 0, 3)
        self.put(0, 1)  # the lengths of the whole alphabet follow
        wanted = set(symbols)
        for symbol in range(alphabet):
            self.put(1 if symbol in wanted else 0, 1)

    def done(self) -> bytes:
        if self._count:
            self._parts.append(self._value & 255)
        return bytes(self._parts)


def _length_code(length: int) -> tuple[int, int, int]:
    """The prefix symbol of a length in WebP, the number of bits that follow it, and these."""
    rest = length - 1
    if rest < 4:
        return rest, 0, 0
    high = rest.bit_length() - 1
    second = rest >> (high - 1) & 1
    extra_bits = high - 1
    return 2 * high + second, extra_bits, rest & ((1 << extra_bits) - 1)


def _width(code: str) -> int:
    return 1 if code == "s" else struct.calcsize(code)


def _padded(size: int) -> int:
    return size + size % 2


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
