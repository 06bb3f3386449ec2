"""Owns PNG and BMP files written by hand, of every kind that libraries do not write."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from tests.builders.pictures import packed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

PNG_GREY, PNG_RGB, PNG_PALETTE, PNG_GREY_ALPHA, PNG_RGBA = 0, 2, 3, 4, 6


def png(
    values: NDArray[np.generic],
    kind: int,
    bits: int,
    chunks: Mapping[bytes, bytes] | None = None,
) -> bytes:
    """A PNG of a colour type and a depth (ISO/IEC 15948, 11.2.2), its rows unfiltered."""
    rows, columns = values.shape[:2]
    row_bytes = len(packed(values[:1], bits))
    content = packed(values, bits)
    lines = (b"\0" + content[at : at + row_bytes] for at in range(0, len(content), row_bytes))
    parts = [
        _chunk(b"IHDR", struct.pack(">LLBBBBB", columns, rows, bits, kind, 0, 0, 0)),
        *(_chunk(name, value) for name, value in (chunks or {}).items()),
        _chunk(b"IDAT", zlib.compress(b"".join(lines))),
        _chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    crc = struct.pack(">L", zlib.crc32(kind + content))
    return struct.pack(">L", len(content)) + kind + content + crc


def bmp(
    values: NDArray[np.generic],
    bits: int,
    *,
    palette: bytes = b"",
    masks: Sequence[int] = (),
    is_top_down: bool = False,
    is_core: bool = False,
) -> bytes:
    """An uncompressed BMP of values as they are packed, 16 and 32 bits ones little endian.

    `palette` is blue, green, red and, but for the core header of OS/2, a zero for each value.
    """
    lines = values if is_top_down else values[::-1]
    if bits in {16, 32}:
        packed_rows = [row.astype(f"<u{bits // 8}").tobytes() for row in lines]
    else:
        packed_rows = [packed(row[np.newaxis], min(bits, 8)) for row in lines]
    pixels = b"".join(row.ljust(-(-len(row) // 4) * 4, b"\0") for row in packed_rows)
    rows, columns = values.shape[:2]
    if is_core:
        return _bmp(struct.pack("<LHHHH", 12, columns, rows, 1, bits), palette, pixels)
    fields = struct.pack("<3L", *masks) if masks else b""
    height = -rows if is_top_down else rows
    head = struct.pack(
        "<LllHHLLllLL", 40, columns, height, 1, bits, 3 if masks else 0, 0, 0, 0, 0, 0
    )
    return _bmp(head, fields + palette, pixels)


def bmp_runs(values: NDArray[np.generic], bits: int, palette: bytes) -> bytes:
    """A BMP whose rows are runs (RLE8, RLE4), each run of one value, or of one pair of pixels."""
    content = b""
    for row in values[::-1]:
        for value in row:
            pair = int(value) if bits == 8 else int(value) * 17
            content += bytes([1, pair])
        content += b"\0\0"
    rows, columns = values.shape
    kind = 1 if bits == 8 else 2
    size = len(content) + 2
    head = struct.pack("<LllHHLLllLL", 40, columns, rows, 1, bits, kind, size, 0, 0, 0, 0)
    return _bmp(head, palette, content + b"\0\1")


def _bmp(head: bytes, tables: bytes, pixels: bytes) -> bytes:
    start = 14 + len(head) + len(tables)
    size = start + len(pixels)
    return struct.pack("<2sLHHL", b"BM", size, 0, 0, start) + head + tables + pixels


def greys(count: int, *, of_core: bool = False) -> bytes:
    """A palette of greys from black to white."""
    values = [n * 255 // (count - 1) for n in range(count)]
    return b"".join(bytes([v, v, v] if of_core else [v, v, v, 0]) for v in values)


def blues_to_reds(count: int) -> tuple[bytes, NDArray[np.generic]]:
    """A palette of a BMP, and the red, green and blue of each of its values."""
    table = np.array([[n * 255 // (count - 1), n % 7 * 30, 255 - n] for n in range(count)], "u1")
    return b"".join(bytes([b, g, r, 0]) for r, g, b in table.tolist()), table
