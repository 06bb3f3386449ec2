"""Owns reading raw pixels: a file that says nothing of itself, laid out as the profile says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from appliance.convert import pixels
from appliance.convert.pixels import Layout
from appliance.convert.source import decoding
from appliance.model import Slice
from appliance.peek import Format

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from appliance.convert.source import Found, Source

_BYTE_BITS = 8


def read(source: Source) -> tuple[Found, ...]:
    """One greyscale image of the size that the profile gives. Raises Held (photometric, bits)."""
    raw = source.profile.raw
    photometric = pixels.told(source)
    layout = Layout(raw.rows, raw.columns, raw.bits, photometric=photometric, signed=raw.signed)
    piece = Slice(source.path, raw.header_bytes, layout.size_bytes)
    is_ready = raw.bits == _BYTE_BITS or raw.byte_order == "little"
    with decoding(source, Format.RAW):
        if is_ready and not raw.invert:
            return (pixels.native(source, layout, [piece]),)
        parts = pixels.chunks(piece) if is_ready else _swapped(piece, layout)
        if raw.invert:
            parts = pixels.inverted(source, layout, parts)
        return (pixels.written(source, layout, parts),)


def _swapped(piece: Slice, layout: Layout) -> Iterator[bytes]:
    for chunk in pixels.chunks(piece):
        values: NDArray[np.integer] = np.frombuffer(chunk, layout.kind.newbyteorder(">"))
        yield values.astype(layout.kind).tobytes()
