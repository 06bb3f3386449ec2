"""Owns pictures made in code: each with the pixels that a third party must find again."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

ROWS, COLUMNS = 37, 53  # odd, so that padding shows


def grey(bits: int, *, signed: bool = False, film: int = 0) -> NDArray[np.generic]:
    """A ramp with every low bit in use; another one for each `film`."""
    ramp = np.arange(ROWS * COLUMNS, dtype=np.int64).reshape(ROWS, COLUMNS) + 7 * film
    values = (ramp * 2654435761 >> 7) % (1 << bits)
    if signed:
        return (values - (1 << bits - 1)).astype(np.int8 if bits <= 8 else np.int16)
    return values.astype(np.uint8 if bits <= 8 else np.uint16)


def colour(film: int = 0, bits: int = 8) -> NDArray[np.generic]:
    """Three different planes."""
    plane = grey(bits, film=film)
    return np.stack([plane, plane[::-1], plane[:, ::-1]], axis=-1)


def smooth() -> NDArray[np.generic]:
    """A ramp that lossy compression hardly changes."""
    rows, columns = np.indices((ROWS, COLUMNS))
    return np.asarray(rows * 3 + columns * 2, np.uint8)


def tiff(values: NDArray[np.generic], **options: Any) -> bytes:
    """A TIFF of tifffile's making; see its `imwrite` for options."""
    content = BytesIO()
    options.setdefault("photometric", "rgb" if values.ndim == 3 else "minisblack")
    tifffile.imwrite(content, values, metadata=None, **options)
    return content.getvalue()


def tiff_pages(pages: Sequence[NDArray[np.generic]], **options: Any) -> bytes:
    """A TIFF of several pages, each written by itself."""
    content = BytesIO()
    with tifffile.TiffWriter(content) as writer:
        for page in pages:
            plain = "rgb" if page.ndim == 3 else "minisblack"
            writer.write(page, metadata=None, **{"photometric": plain, **options})
    return content.getvalue()


def packed(values: NDArray[np.generic], bits: int) -> bytes:
    """Rows of values of a few bits each, the first bits first, each row on a byte."""
    rows = ("".join(f"{value:0{bits}b}" for value in row.ravel()) for row in values)
    padded = (row.ljust(-(-len(row) // 8) * 8, "0") for row in rows)
    return b"".join(int(row, 2).to_bytes(len(row) // 8, "big") for row in padded)


def tiff_packed(
    values: NDArray[np.generic],
    photometric: int = 1,
    *,
    bits: int = 12,
    tags: Mapping[int, Sequence[int]] | None = None,
    order: str = "<",
) -> bytes:
    """A TIFF written by hand: of any number of bits, with any other tags (of 16 bits)."""
    strip = packed(values, bits)
    if (tags or {}).get(266) == [2]:  # FillOrder: the lowest bit first
        strip = bytes(int(f"{byte:08b}"[::-1], 2) for byte in strip)
    shorts = {
        256: [values.shape[1]],
        257: [values.shape[0]],
        258: [bits],
        259: [1],
        262: [photometric],
        277: [1],
        278: [values.shape[0]],
        **(tags or {}),
    }
    return _tiff(strip, shorts, order)


def _tiff(strip: bytes, shorts: Mapping[int, Sequence[int]], order: str) -> bytes:
    """Header, the one strip, the directory, and the values that it has no room for."""
    strip_at, count = 8, len(shorts) + 2
    directory_at = strip_at + len(strip) + len(strip) % 2
    more_at, more = directory_at + 2 + 12 * count + 4, b""
    entries = {
        273: struct.pack(order + "HHLL", 273, 4, 1, strip_at),
        279: struct.pack(order + "HHLL", 279, 4, 1, len(strip)),
    }
    for tag, values in shorts.items():
        content = struct.pack(f"{order}{len(values)}H", *values)
        if len(values) > 2:
            content, more = struct.pack(order + "L", more_at + len(more)), more + content
        entries[tag] = struct.pack(order + "HHL", tag, 3, len(values)) + content.ljust(4, b"\0")
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HL", 42, directory_at)
    directory = struct.pack(order + "H", count) + b"".join(entries[tag] for tag in sorted(entries))
    return head + strip + bytes(len(strip) % 2) + directory + bytes(4) + more


def saved(values: NDArray[np.generic], form: str, **options: Any) -> bytes:
    """A file of Pillow's making."""
    content = BytesIO()
    Image.fromarray(values).save(content, form, **options)
    return content.getvalue()


def jpeg(values: NDArray[np.generic], *, orientation: int = 1, **options: Any) -> bytes:
    """A JPEG, with EXIF where it lies on its side."""
    exif = Image.Exif()
    exif[274] = orientation
    exif.get_ifd(0x8769)[36867] = "2026:01:02 10:11:12"
    return saved(values, "JPEG", exif=exif, **options)
