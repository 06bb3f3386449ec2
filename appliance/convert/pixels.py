"""Owns pixels in memory on their way to a body: what describes them, their bits, their range."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from appliance.convert import target
from appliance.convert.source import Found
from appliance.errors import BitsContradict
from appliance.model import BodyKind, Slice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from appliance.convert.source import Source

EXPLICIT_LE = "1.2.840.10008.1.2.1"

_BYTE_BITS = 8
_COLOUR_SAMPLES = 3
_CHUNK = 1 << 20


def shape(
    source: Source,
    rows: int,
    columns: int,
    *,
    bits: int,
    stored: int = 0,
    photometric: str = "",
    signed: bool = False,
) -> tuple[dict[str, object], tuple[str, ...]]:
    """Image Pixel attributes (PS3.3 C.7.6.3) and the SOP class that fits; and notes.

    `photometric` is what the format says; where it says nothing the profile does.
    """
    colour = photometric in {"RGB", "YBR_FULL", "YBR_FULL_422"}
    sop_class_uid, note = target.sop_class(source.profile, colour=colour)
    attributes: dict[str, object] = {
        "SOPClassUID": sop_class_uid,
        "Rows": rows,
        "Columns": columns,
        "SamplesPerPixel": _COLOUR_SAMPLES if colour else 1,
        "PhotometricInterpretation": photometric or source.profile.photometric or "MONOCHROME2",
        "BitsAllocated": bits,
        "BitsStored": stored or bits,
        "HighBit": (stored or bits) - 1,
        "PixelRepresentation": int(signed),
    }
    if colour:
        attributes["PlanarConfiguration"] = 0
    return attributes, (note,) if note else ()


def depth(source: Source, values: NDArray[np.generic]) -> dict[str, int | float]:
    """BitsStored by the profile, and a window over the data's own range (above 8 bits).

    Without a window a 12-in-16 image opens black. Raises BitsContradict.
    """
    low, high = int(values.min()), int(values.max())
    bits = source.profile.bits_stored or values.dtype.itemsize * _BYTE_BITS
    if high >= 1 << bits or low < -(1 << bits):
        raise BitsContradict(name=source.name, value=high, bits=bits)
    found: dict[str, int | float] = {"BitsStored": bits, "HighBit": bits - 1}
    if not source.profile.window:
        found["WindowCenter"] = (low + high + 1) / 2
        found["WindowWidth"] = high - low + 1
    return found


def whole(path: Path, rows: int, columns: int, kind: str, offset: int) -> NDArray[np.generic]:
    """Pixels that lie in a file, looked at where they are."""
    return np.memmap(path, np.dtype(kind), "r", offset, (rows, columns))


def body(
    source: Source,
    values: NDArray[np.generic],
    *,
    photometric: str = "",
    stored: int = 0,
    extra: dict[str, object] | None = None,
) -> Found:
    """A new body of decoded pixels: greyscale (rows, columns) or RGB (rows, columns, 3)."""
    values = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False))
    attributes, notes = shape(
        source,
        *values.shape[:2],
        bits=values.dtype.itemsize * _BYTE_BITS,
        stored=stored,
        photometric="RGB" if values.ndim == _COLOUR_SAMPLES else photometric,
        signed=values.dtype.kind == "i",
    )
    if values.dtype.itemsize > 1 and not stored:
        attributes |= depth(source, values)
    elif values.dtype.itemsize > 1:
        attributes |= {**depth(source, values), "BitsStored": stored, "HighBit": stored - 1}
    path = source.make_body(lambda write: _write(values, write))
    piece = Slice(path, 0, values.nbytes)
    return Found(
        BodyKind.PIXELS, EXPLICIT_LE, (piece,), {**attributes, **(extra or {})}, (), notes
    )


def _write(values: NDArray[np.generic], write: Callable[[bytes], object]) -> None:
    """Some rows at a time, so that no second copy of the image is in memory."""
    at_once = max(1, _CHUNK // (values.nbytes // len(values)))
    for first in range(0, len(values), at_once):
        write(values[first : first + at_once].tobytes())
