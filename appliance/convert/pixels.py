"""Owns pixels on their way to a body: their Image Pixel module, their bits, their range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from appliance.convert import target
from appliance.convert.source import Found
from appliance.elements import EXPLICIT_LE
from appliance.errors import BitsContradict, UnsupportedFormat
from appliance.model import BodyKind, Slice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from appliance.convert.source import Source

MAX_DECODED_BYTES = 128 << 20
"""What pixels may take in memory; those that need no decoder are never there as a whole."""

MAX_NATIVE_BYTES = (1 << 32) - 2  # the length of a data element (PS3.5 7.1.1)
CHUNK_BYTES = 1 << 20

_BYTE_BITS = 8
_COLOUR_SAMPLES = 3
_COLOURS = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422"})
_MAX_SIDE = 0xFFFF  # Rows and Columns are of VR US


@dataclass(frozen=True, slots=True)
class Layout:
    """How pixels lie in a body; `photometric` is what the format says, "" where it cannot."""

    rows: int
    columns: int
    bits: int = _BYTE_BITS  # allocated
    stored: int = 0  # of them, where the format says how many mean something
    photometric: str = ""
    signed: bool = False

    @property
    def samples(self) -> int:
        """Values of one pixel."""
        return _COLOUR_SAMPLES if self.photometric in _COLOURS else 1

    @property
    def row_bytes(self) -> int:
        """Length of a row in the body."""
        return self.columns * self.samples * self.bits // _BYTE_BITS

    @property
    def size_bytes(self) -> int:
        """Length of the body."""
        return self.rows * self.row_bytes

    @property
    def kind(self) -> np.dtype[np.generic]:
        """A value as the body has it."""
        letter = "i" if self.signed else "u"
        return np.dtype(f"<{letter}{self.bits // _BYTE_BITS}")


def must_fit(source: Source, layout: Layout, limit_bytes: int = MAX_DECODED_BYTES) -> None:
    """Asked before anything is decoded. Raises UnsupportedFormat."""
    if not (0 < layout.rows <= _MAX_SIDE and 0 < layout.columns <= _MAX_SIDE):
        detail = f"{layout.columns} x {layout.rows} pixels are not what DICOM can describe"
        raise UnsupportedFormat(name=source.name, detail=detail)
    if layout.size_bytes > limit_bytes:
        detail = f"unpacked it has {layout.size_bytes >> 20} MB, more than {limit_bytes >> 20}"
        raise UnsupportedFormat(name=source.name, detail=detail)


def shape(source: Source, layout: Layout) -> tuple[dict[str, object], tuple[str, ...]]:
    """Image Pixel attributes (PS3.3 C.7.6.3) and the SOP class that fits; and notes."""
    colour = layout.samples > 1
    stored = layout.stored or layout.bits
    sop_class_uid, note = target.sop_class(source.profile, colour=colour)
    attributes: dict[str, object] = {
        "SOPClassUID": sop_class_uid,
        "Modality": source.profile.modality or target.modality(sop_class_uid),
        "Rows": layout.rows,
        "Columns": layout.columns,
        "SamplesPerPixel": layout.samples,
        "PhotometricInterpretation": layout.photometric
        or source.profile.photometric
        or "MONOCHROME2",
        "BitsAllocated": layout.bits,
        "BitsStored": stored,
        "HighBit": stored - 1,
        "PixelRepresentation": int(layout.signed),
    }
    if colour:
        attributes["PlanarConfiguration"] = 0
    return attributes, (note,) if note else ()


def native(
    source: Source,
    layout: Layout,
    slices: Sequence[Slice],
    extra: Mapping[str, object] | None = None,
) -> Found:
    """Pixels that lie there ready to be sent. Raises BitsContradict."""
    must_fit(source, layout, MAX_NATIVE_BYTES)
    attributes, notes = shape(source, layout)
    if layout.bits > _BYTE_BITS:
        attributes |= _depth(source, layout, slices)
    found = {**attributes, **(extra or {})}
    return Found(BodyKind.PIXELS, EXPLICIT_LE, tuple(slices), found, (), notes)


def body(
    source: Source,
    values: NDArray[np.generic],
    *,
    photometric: str = "",
    extra: Mapping[str, object] | None = None,
) -> Found:
    """A new body of decoded pixels: greyscale (rows, columns) or RGB (rows, columns, 3)."""
    rows, columns = values.shape[:2]
    layout = Layout(
        rows,
        columns,
        bits=values.dtype.itemsize * _BYTE_BITS,
        photometric="RGB" if values.ndim == _COLOUR_SAMPLES else photometric,
        signed=values.dtype.kind == "i",
    )
    step = max(1, CHUNK_BYTES // layout.row_bytes)
    parts = (values[at : at + step].astype(layout.kind) for at in range(0, rows, step))
    return written(source, layout, (part.tobytes() for part in parts), extra)


def written(
    source: Source,
    layout: Layout,
    parts: Iterator[bytes],
    extra: Mapping[str, object] | None = None,
) -> Found:
    """A new body of parts that are made one after the other."""

    def produce(write: Callable[[bytes], object]) -> None:
        for part in parts:
            write(part)

    path = source.make_body(produce)
    return native(source, layout, [Slice(path, 0, layout.size_bytes)], extra)


def chunks(piece: Slice, step: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The bytes of a slice, at most `step` at a time."""
    with piece.path.open("rb") as file:
        file.seek(piece.offset)
        left = piece.length
        while left and (chunk := file.read(min(step, left))):
            left -= len(chunk)
            yield chunk


def _depth(source: Source, layout: Layout, slices: Sequence[Slice]) -> dict[str, int | float]:
    """BitsStored by the format or the profile, and a window over the data's own range.

    Without a window a 12-in-16 image opens black. Raises BitsContradict.
    """
    low, high = _range(layout, slices)
    bits = layout.stored or source.profile.bits_stored or layout.bits
    if high >= 1 << bits or low < -(1 << bits):
        raise BitsContradict(name=source.name, value=high, bits=bits)
    found: dict[str, int | float] = {"BitsStored": bits, "HighBit": bits - 1}
    if not source.profile.window:
        # C.11.2.1.2: centre - 0.5 -+ (width - 1) / 2 are the first black and the first white.
        found["WindowCenter"] = (low + high + 1) / 2
        found["WindowWidth"] = high - low + 1
    return found


def _range(layout: Layout, slices: Sequence[Slice]) -> tuple[int, int]:
    lows, highs = [], []
    for chunk in (chunk for piece in slices for chunk in chunks(piece)):
        values: NDArray[np.integer] = np.frombuffer(chunk, layout.kind)
        lows.append(int(values.min()))
        highs.append(int(values.max()))
    return min(lows), max(highs)
