"""Owns pixels on their way to a body: their Image Pixel module, their bits, their range."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from appliance.convert import target
from appliance.convert.source import Found
from appliance.elements import EXPLICIT_LE
from appliance.errors import BitsContradict, UnknownPhotometric, Unreadable, UnsupportedFormat
from appliance.model import BodyKind, Slice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from appliance.convert.source import Source

MAX_DECODED_BYTES = 128 << 20
"""What pixels may take in memory; those that need no decoder are never there as a whole."""

MAX_NATIVE_BYTES = (1 << 32) - 2  # the length of a data element (PS3.5 7.1.1)
CHUNK_BYTES = 1 << 20

_BYTE_BITS = 8
_COLOUR_SAMPLES = 3
_COLOURS = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})
_INVERTED = "Its grey values were inverted: black was the highest, which its SOP class cannot say."
_DEEP_COLOUR = (
    "It has 16 bits of each colour, which not every viewer shows; a profile can ask for 8."
)
_SHRUNK = "The 16 bits of each of its colours were made 8, as the profile asks."
_DERIVED: Mapping[str, object] = {
    "ImageType": ["DERIVED", "PRIMARY"],
    "DerivationDescription": "16 bits of each colour made 8",
}
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
    frames: int = 1

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
        return self.frames * self.rows * self.row_bytes

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


def told(source: Source, *, colour: bool = False) -> str:
    """What the values mean by the profile, where the format cannot say. Raises a Held."""
    photometric = source.profile.photometric
    if not photometric or (photometric in _COLOURS) is not colour:
        raise UnknownPhotometric(name=source.name)
    return photometric


def shape(source: Source, layout: Layout) -> tuple[dict[str, object], tuple[str, ...]]:
    """Image Pixel attributes (PS3.3 C.7.6.3) and the SOP class that fits; and notes."""
    colour = layout.samples > 1
    stored = layout.stored or layout.bits
    sop_class_uid, note = target.sop_class(
        source.profile,
        colour=colour,
        bits=layout.bits,
        frames=layout.frames,
        signed=layout.signed,
    )
    attributes: dict[str, object] = {
        "SOPClassUID": sop_class_uid,
        "Modality": source.profile.modality or target.modality(sop_class_uid),
        "Rows": layout.rows,
        "Columns": layout.columns,
        "SamplesPerPixel": layout.samples,
        "PhotometricInterpretation": layout.photometric or _grey(source),
        "BitsAllocated": layout.bits,
        "BitsStored": stored,
        "HighBit": stored - 1,
        "PixelRepresentation": int(layout.signed),
    }
    if colour:
        attributes["PlanarConfiguration"] = 0
    if layout.frames > 1:
        attributes["NumberOfFrames"] = layout.frames
    return attributes, (note,) if note else ()


def must_turn(source: Source, layout: Layout) -> bool:
    """Whether the values must be inverted: black is the highest, and the SOP class forbids it."""
    attributes, _ = shape(source, layout)
    is_inverse = attributes["PhotometricInterpretation"] == "MONOCHROME1"
    return is_inverse and target.wants_monochrome2(str(attributes["SOPClassUID"]))


def _must_shrink(source: Source, layout: Layout) -> bool:
    """Whether the profile wants the colours of 16 bits in 8, which every viewer shows."""
    is_deep = layout.samples > 1 and layout.bits > _BYTE_BITS
    return is_deep and source.profile.colour_bits == _BYTE_BITS


def _grey(source: Source) -> str:
    """What a format means that has no word for it, unless the profile knows better."""
    photometric = source.profile.photometric
    return photometric if photometric and photometric not in _COLOURS else "MONOCHROME2"


def native(
    source: Source,
    layout: Layout,
    slices: Sequence[Slice],
    extra: Mapping[str, object] | None = None,
) -> Found:
    """Pixels that lie there ready to be sent. Raises BitsContradict."""
    must_fit(source, layout, MAX_NATIVE_BYTES)
    if must_turn(source, layout) or _must_shrink(source, layout):
        return written(source, layout, (c for piece in slices for c in chunks(piece)), extra)
    attributes, notes = shape(source, layout)
    if layout.samples == 1 and (layout.bits > _BYTE_BITS or layout.signed):
        attributes |= _depth(source, layout, slices)
    elif layout.bits > _BYTE_BITS:
        notes = (*notes, _DEEP_COLOUR)
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
    return written(source, layout, bands(values, layout), extra)


def bands(values: NDArray[np.generic], layout: Layout) -> Iterator[bytes]:
    """An array as the body has it, some rows at a time."""
    step = max(1, CHUNK_BYTES // layout.row_bytes)
    for at in range(0, len(values), step):
        yield values[at : at + step].astype(layout.kind).tobytes()


def written(
    source: Source,
    layout: Layout,
    parts: Iterable[bytes],
    extra: Mapping[str, object] | None = None,
) -> Found:
    """A new body of parts, each of whole values, that are made one after the other."""
    must_fit(source, layout, MAX_NATIVE_BYTES)
    notes: tuple[str, ...] = ()
    if must_turn(source, layout):
        parts, notes = inverted(source, layout, parts), (_INVERTED,)
        layout = replace(layout, photometric="MONOCHROME2")
    elif _must_shrink(source, layout):
        parts, notes = _shrunk(layout, parts), (_SHRUNK,)
        layout = replace(layout, bits=_BYTE_BITS, stored=0)
        extra = {**_DERIVED, **(extra or {})}

    def produce(write: Callable[[bytes], object]) -> None:
        left_bytes = layout.size_bytes
        for part in parts:
            left_bytes -= len(part)
            write(part)
        if left_bytes:
            detail = f"its pixels are {-left_bytes:+} bytes off what it says of them"
            raise Unreadable(name=source.name, format="a picture", detail=detail)

    path = source.make_body(produce)
    found = native(source, layout, [Slice(path, 0, layout.size_bytes)], extra)
    return replace(found, notes=(*found.notes, *notes))


def inverted(source: Source, layout: Layout, parts: Iterable[bytes]) -> Iterator[bytes]:
    """The values mirrored in the range of their bits; what is beyond it stays beyond it."""
    turn = -1 if layout.signed else (1 << _stored(source, layout)) - 1
    for part in parts:
        values: NDArray[np.integer] = np.frombuffer(part, layout.kind)
        yield np.bitwise_xor(values, turn, dtype=layout.kind).tobytes()


def _shrunk(layout: Layout, parts: Iterable[bytes]) -> Iterator[bytes]:
    """Each value as the nearest of 256, over the whole range of its bits."""
    most = (1 << (layout.stored or layout.bits)) - 1
    for part in parts:
        values = np.frombuffer(part, layout.kind).astype(np.uint32)
        yield ((values * 0xFF + most // 2) // most).astype(np.uint8).tobytes()


def chunks(piece: Slice, step: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The bytes of a slice, at most `step` at a time."""
    with piece.path.open("rb") as file:
        file.seek(piece.offset)
        left = piece.length
        while left and (chunk := file.read(min(step, left))):
            left -= len(chunk)
            yield chunk


def _stored(source: Source, layout: Layout) -> int:
    """How many bits mean something, by the format, else the profile."""
    profile_bits = source.profile.bits_stored if layout.bits > _BYTE_BITS else 0
    return layout.stored or profile_bits or layout.bits


def _depth(source: Source, layout: Layout, slices: Sequence[Slice]) -> dict[str, object]:
    """BitsStored by the format or the profile, and a window. Raises BitsContradict."""
    low, high = _range(layout, slices)
    bits = _stored(source, layout)
    beyond = 1 << (bits - layout.signed)
    if high >= beyond or low < -beyond:
        value = high if high >= beyond else low
        raise BitsContradict(name=source.name, value=value, bits=bits)
    return {"BitsStored": bits, "HighBit": bits - 1, **window(source, low, high)}


def window(source: Source, low: int, high: int) -> dict[str, object]:
    """A window over the data's own range, without which a 12-in-16 image opens black.

    Nothing where the profile has one.
    """
    if source.profile.window:
        return {}
    # C.11.2.1.2: centre - 0.5 -+ (width - 1) / 2 are the first black and the first white.
    return {"WindowCenter": (low + high + 1) / 2, "WindowWidth": high - low + 1}


def _range(layout: Layout, slices: Sequence[Slice]) -> tuple[int, int]:
    lows, highs = [], []
    for chunk in (chunk for piece in slices for chunk in chunks(piece)):
        values: NDArray[np.integer] = np.frombuffer(chunk, layout.kind)
        lows.append(int(values.min()))
        highs.append(int(values.max()))
    return min(lows), max(highs)
