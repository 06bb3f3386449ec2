"""Owns compressed streams on their way to a body: kept as they are, with what must be said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.convert import pixels
from appliance.convert.source import Found
from appliance.model import BodyKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from appliance.convert.pixels import Layout
    from appliance.convert.source import Source
    from appliance.model import Slice

    Decode = Callable[[bytes], NDArray[np.generic]]

_BYTE_BITS = 8
_DECODER_BYTES = 4
"""What a decoder may take for each value beside the value itself (OpenJPEG: an int)."""


def kept(
    source: Source,
    layout: Layout,
    piece: Slice,
    transfer_syntax_uid: str,
    decode: Decode,
    extra: Mapping[str, object],
) -> Found:
    """A stream that DICOM carries as it lies, of a `layout` as if it were decoded.

    It is decoded only for the window, without which deep greyscale opens black; where that would
    take too much memory it gets none.
    """
    pixels.must_fit(source, layout, pixels.MAX_NATIVE_BYTES)
    attributes, notes = pixels.shape(source, layout)
    is_deep = layout.samples == 1 and (layout.bits > _BYTE_BITS or layout.signed)
    if is_deep and _decoder_bytes(layout) <= pixels.MAX_DECODED_BYTES:
        values = decode(_content(piece))
        attributes |= pixels.window(source, int(values.min()), int(values.max()))
    found = {**attributes, **extra}
    return Found(BodyKind.STREAM, transfer_syntax_uid, (piece,), found, (), notes)


def decoded(source: Source, layout: Layout, piece: Slice, decode: Decode) -> NDArray[np.generic]:
    """What a stream holds. Raises UnsupportedFormat where that is too much."""
    most = pixels.MAX_DECODED_BYTES * layout.size_bytes // _decoder_bytes(layout)
    pixels.must_fit(source, layout, most)
    return decode(_content(piece))


def lossy(size_bytes: float, packed_bytes: int, method: str) -> dict[str, object]:
    """What must be said of an image that lost something (PS3.3 C.7.6.1.1.5)."""
    return {
        "ImageType": ["DERIVED", "PRIMARY"],
        "LossyImageCompression": "01",
        "LossyImageCompressionRatio": round(size_bytes / packed_bytes, 2),
        "LossyImageCompressionMethod": method,
    }


def _content(piece: Slice) -> bytes:
    with piece.path.open("rb") as file:
        file.seek(piece.offset)
        return file.read(piece.length)


def _decoder_bytes(layout: Layout) -> int:
    values = layout.size_bytes * _BYTE_BITS // layout.bits
    return layout.size_bytes + values * _DECODER_BYTES
