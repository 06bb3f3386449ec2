"""Owns pictures made in code: each with the pixels that a third party must find again."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS, COLUMNS = 37, 53  # odd, so that padding shows


def grey(bits: int, *, signed: bool = False, film: int = 0) -> NDArray[np.generic]:
    """A ramp with every low bit in use; another one for each `film`."""
    ramp = np.arange(ROWS * COLUMNS, dtype=np.int64).reshape(ROWS, COLUMNS) + 7 * film
    values = (ramp * 2654435761 >> 7) % (1 << bits)
    if signed:
        return (values - (1 << bits - 1)).astype(np.int16)
    return values.astype(np.uint8 if bits <= 8 else np.uint16)


def colour(film: int = 0) -> NDArray[np.generic]:
    """Three different planes."""
    plane = grey(8, film=film)
    return np.stack([plane, plane[::-1], plane[:, ::-1]], axis=-1)


def tiff(values: NDArray[np.generic], **options: Any) -> bytes:
    """A TIFF of tifffile's making; see its `imwrite` for options."""
    content = BytesIO()
    options.setdefault("photometric", "rgb" if values.ndim == 3 else "minisblack")
    tifffile.imwrite(content, values, metadata=None, **options)
    return content.getvalue()


def tiff_packed(values: NDArray[np.generic], photometric: int = 1) -> bytes:
    """A 12-bit TIFF, two pixels in three bytes, which no library here writes."""
    bits = "".join(
        "".join(f"{value:012b}" for value in row).ljust(-(-COLUMNS * 12 // 8) * 8, "0")
        for row in values
    )
    strip = int(bits, 2).to_bytes(len(bits) // 8, "big")
    tags = [
        (256, 3, COLUMNS),
        (257, 3, ROWS),
        (258, 3, 12),
        (259, 3, 1),
        (262, 3, photometric),
        (273, 4, 8),
        (277, 3, 1),
        (278, 3, ROWS),
        (279, 4, len(strip)),
    ]
    directory = struct.pack("<H", len(tags))
    for tag, kind, value in tags:
        directory += struct.pack("<HHL", tag, kind, 1) + struct.pack("<L", value)
    strip += b"\0" * (len(strip) % 2)
    return struct.pack("<2sHL", b"II", 42, 8 + len(strip)) + strip + directory + bytes(4)


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
