"""Owns reading ACR-NEMA 1.0 and 2.0 files, from before DICOM: pixels and claims, nothing else.

They have no UIDs and no SOP class, do not say which grey is white, and may be big-endian or have
12 bits packed; what becomes of them is an image made anew, as of any picture.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from appliance.convert import pixels
from appliance.convert.header import evidence
from appliance.convert.missing import (
    ALLOCATED,
    COLUMNS,
    FRAMES,
    HIGH_BIT,
    PHOTOMETRIC,
    ROWS,
    SAMPLES,
    SOP_CLASS_UID,
    STORED,
)
from appliance.convert.pixels import Layout
from appliance.errors import Incomplete, UnsupportedFormat
from appliance.model import Slice
from appliance.settings.repairs import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from appliance.convert.missing import Said
    from appliance.convert.repair import Repairs
    from appliance.convert.source import Found, Source

_RECOGNITION_CODE, _SOP_INSTANCE_UID, _STUDY_UID = 0x00080010, 0x00080018, 0x0020000D
_COMPRESSION, _REPRESENTATION = 0x00280060, 0x00280103
_SPACING, _PAIR = 0x00280030, 2
_WINDOW = {0x00281050: "WindowCenter", 0x00281051: "WindowWidth"}
_RESCALE = {0x00281052: "RescaleIntercept", 0x00281053: "RescaleSlope"}
TAGS = frozenset({_RECOGNITION_CODE, _COMPRESSION, _REPRESENTATION, _SPACING}) | {
    *_WINDOW,
    *_RESCALE,
}
"""What must be known of such a file beside what DICOM has too."""

_GREYS = frozenset({"MONOCHROME1", "MONOCHROME2"})
_PACKED_BITS, _WORD_BITS, _BYTE_BITS = 12, 16, 8
_CHUNK_BYTES = 6 << 17  # whole words, and whole pairs of packed values


def is_one(said: Said) -> bool:
    """Whether a data set is ACR-NEMA's: without VRs or UIDs, and by its own word or byte order."""
    coding, values = said.head.coding, said.values
    if coding.explicit or said.head.stated or values.keys() & {SOP_CLASS_UID, _SOP_INSTANCE_UID}:
        return False
    calls_itself_so = said.text(_RECOGNITION_CODE).upper().startswith("ACR-NEMA")
    return calls_itself_so or coding.order == ">" or _STUDY_UID not in values


def read(source: Source, said: Said, where: Slice, repairs: Repairs) -> Found:
    """One image of the values at `where`: as they lie, or put into the words that DICOM has.

    Raises Incomplete, UnsupportedFormat, UnknownPhotometric, BitsContradict and NotRepaired.
    """
    repairs.add(Rule.ACR_NEMA, said.text(_RECOGNITION_CODE) or "it does not name its version")
    layout = _layout(source, said)
    where = _enough(source, said, layout, where)
    extra = _extra(said, turned=pixels.must_turn(source, layout))
    if said.head.coding.order == "<" and said.number(ALLOCATED) != _PACKED_BITS:
        found = pixels.native(source, layout, [where], extra)
    else:
        found = pixels.written(source, layout, _words(said, layout, where), extra)
    claims, doubts = evidence(source, said.values)
    return replace(
        found,
        attributes={**found.attributes, **_rescaled_window(found.attributes, extra)},
        claims=tuple(claims),
        notes=(*found.notes, *doubts),
        repairs=repairs.all(),
    )


def _layout(source: Source, said: Said) -> Layout:
    allocated, stored, high = (said.number(tag) for tag in (ALLOCATED, STORED, HIGH_BIT))
    if why := _why_not(said, allocated, stored, high):
        raise UnsupportedFormat(name=source.name, detail=why)
    return Layout(
        rows=said.number(ROWS),
        columns=said.number(COLUMNS),
        bits=_WORD_BITS if allocated == _PACKED_BITS else allocated,
        stored=max(stored, 0),
        photometric=said.text(PHOTOMETRIC) or pixels.told(source),
        signed=said.number(_REPRESENTATION) == 1,
    )


def _why_not(said: Said, allocated: int, stored: int, high: int) -> str:
    """What of ACR-NEMA is not read here; "" for nothing."""
    packing, photometric = said.text(_COMPRESSION), said.text(PHOTOMETRIC)
    reasons = {
        "it is an ACR-NEMA file without an image": not said.has_pixels,
        f"its pixels are compressed ({packing}) as ACR-NEMA does it": packing not in {"", "NONE"},
        "it is an ACR-NEMA file of several frames": said.text(FRAMES) not in {"", "0", "1"},
        "it is an ACR-NEMA file of colours": said.number(SAMPLES) > 1
        or photometric not in {"", *_GREYS},
        f"it has {allocated} bits for a value, of which {stored} mean something": stored
        > allocated
        or allocated not in {_BYTE_BITS, _PACKED_BITS, _WORD_BITS},
        f"the high bit of its values is {high}, and {stored} mean something": stored > 0
        and high not in {-1, stored - 1},
    }
    return next((why for why, is_so in reasons.items() if is_so), "")


def _enough(source: Source, said: Said, layout: Layout, where: Slice) -> Slice:
    """Values that are there, in whole 16-bit words (of which ACR-NEMA is made)."""
    bits = layout.rows * layout.columns * said.number(ALLOCATED)
    wanted = (bits + 7) // 8
    if where.length < wanted:
        detail = f"it has {where.length} of {wanted} bytes of pixels"
        raise Incomplete(name=source.name, detail=detail)
    if said.head.coding.order == "<" and said.number(ALLOCATED) != _PACKED_BITS:
        return Slice(where.path, where.offset, wanted)
    return Slice(where.path, where.offset, min(where.length, wanted + wanted % 2))


def _words(said: Said, layout: Layout, where: Slice) -> Iterator[bytes]:
    """Values of a byte or a little-endian word each, of words in any order."""
    left = layout.size_bytes
    for chunk in pixels.chunks(where, _CHUNK_BYTES):
        even = chunk + b"\0" * (len(chunk) % 2)
        words = np.frombuffer(even, f"{said.head.coding.order}u2").astype("<u2")
        part = words.tobytes()
        if said.number(ALLOCATED) == _PACKED_BITS:
            part = _unpacked(np.frombuffer(part, np.uint8), layout)
        yield part[:left]
        left -= len(part)
        if left <= 0:
            return


def _unpacked(packed: NDArray[np.uint8], layout: Layout) -> bytes:
    """Two values of 12 bits in three bytes, the first in the lowest bits (PS3.5 D)."""
    whole = np.pad(packed, (0, -len(packed) % 3)).reshape(-1, 3).astype(np.uint16)
    first = whole[:, 0] | (whole[:, 1] & 0x0F) << 8
    second = whole[:, 1] >> 4 | whole[:, 2] << 4
    values = np.stack((first, second), axis=1).reshape(-1)
    if layout.signed:
        values = (values ^ 0x800) - np.uint16(0x800)
    return values.astype("<u2").tobytes()


def _extra(said: Said, *, turned: bool) -> dict[str, object]:
    """Spacing, and how values are shown: not where they are turned round."""
    found: dict[str, object] = {}
    spacing = _decimals(said.text(_SPACING))
    if len(spacing) == _PAIR and all(each > 0 for each in spacing):
        found["PixelSpacing"] = spacing
    for family in () if turned else (_WINDOW, _RESCALE):
        said_of = {word: _decimals(said.text(tag))[:1] for tag, word in family.items()}
        if all(said_of.values()):
            found |= {word: value[0] for word, value in said_of.items()}
    if "RescaleSlope" in found:
        found["RescaleType"] = "US"  # unspecified (PS3.3 C.11.1.1.2)
    return found


def _rescaled_window(
    attributes: Mapping[str, object], extra: Mapping[str, object]
) -> dict[str, float]:
    """A window made here is of values as they are stored; it is applied to rescaled ones
    (PS3.3 C.11.2.1.2)."""
    center, width = (attributes.get(keyword) for keyword in _WINDOW.values())
    slope, intercept = (extra.get(keyword) for keyword in ("RescaleSlope", "RescaleIntercept"))
    if "WindowCenter" in extra or not (
        isinstance(center, float)
        and isinstance(width, int)
        and isinstance(slope, float)
        and isinstance(intercept, float)
    ):
        return {}
    return {
        "WindowCenter": (center - 0.5) * slope + intercept + 0.5,
        "WindowWidth": (width - 1) * abs(slope) + 1,
    }


def _decimals(text: str) -> list[float]:
    with suppress(ValueError):
        return [float(part) for part in text.split("\\") if part.strip()]
    return []
